import { makeCertificates } from '../../peers/certificates.ts'
import type { Namespace } from '../../peers/namespace.ts'
import { account, type Door, PostfixRelay } from '../../peers/postfix.ts'
import type { Job } from './client.ts'
import { isOf } from './letters.ts'

/** The relay at the far end: one Postfix, with a door for each kind of relay that is met in the field. */
export const doors = {
  chunking: { port: 465, security: 'tls' },
  starttls: { port: 587, security: 'starttls' },
  data: { port: 1465, security: 'tls', without: 'chunking' },
  steps: { port: 2465, security: 'tls', without: 'chunking, pipelining' },
} as const satisfies Record<string, Door>

export class FarRelay {
  readonly ca: string
  readonly #postfix: PostfixRelay

  private constructor(ca: string, postfix: PostfixRelay) {
    this.ca = ca
    this.#postfix = postfix
  }

  /** `addresses`: those by which clients will know it. What it accepts is thrown away. */
  static async start(dir: string, space: Namespace, addresses: readonly string[]): Promise<FarRelay> {
    const tls = makeCertificates(dir, addresses)
    const postfix = new PostfixRelay(`${dir}/relay`, {
      address: 'all',
      doors: Object.values(doors),
      onward: 'discard:',
      tls,
      prefix: space.prefix,
    })
    await postfix.start()
    return new FarRelay(tls.ca, postfix)
  }

  /** What a client has to know, beside how many letters and how. */
  job(host: string, door: Door, tag: string): Omit<Job, 'letters' | 'connections' | 'known' | 'digest'> {
    return { host, port: door.port, security: door.security, ca: this.ca, ...account, tag }
  }

  /** How many letters of a run were accepted, and how many of them twice or more. */
  accepted(tag: string): { once: number; again: number } {
    const all = this.#postfix.accepted().filter(isOf(tag))
    const once = new Set(all).size
    return { once, again: all.length - once }
  }

  async stop(): Promise<void> {
    await this.#postfix.stop()
  }
}
