import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { leanEnv } from '../../peers/lean.ts'
import { Namespace } from '../../peers/namespace.ts'
import { stop } from '../../peers/process.ts'
import type { Figures, Job } from './client.ts'
import { type Count, type Terms, ThinLink } from './line.ts'

/** A near namespace with its link to the far one. Several lanes run side by side: their clients wait most of the time. */
export type Run = Figures & { count: Count }

/** The memory flags that the gateway itself runs with (bin/outpost); the others get the same. */
const flags = ['--optimize-for-size', '--max-semi-space-size=1', '--max-old-space-size=128', '--v8-pool-size=1']
const runLimitMs = 240_000

export class Lane {
  readonly near: Namespace
  readonly link: ThinLink
  /** What runs in it at this moment, and how that is ended. */
  readonly running = new Set<() => unknown>()

  private constructor(near: Namespace, link: ThinLink) {
    this.near = near
    this.link = link
  }

  static async open(program: string, name: string, number: number, far: Namespace): Promise<Lane> {
    const near = new Namespace(name)
    return new Lane(near, await ThinLink.lay(program, `ol${process.pid % 10_000}${number}`, subnetOf(number), near, far))
  }

  /** Runs a measured client on these terms; what its first flight said is not counted. */
  async run(client: 'outpost' | 'nodemailer', job: Job, terms: Terms): Promise<Run> {
    await this.link.set(terms)
    const script = new URL(`${client}.ts`, import.meta.url).pathname
    const child = this.near.talk(process.execPath, [...flags, script, JSON.stringify(job)], leanEnv)
    const end = () => stop(child, 'SIGKILL')
    this.running.add(end)
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    const late = setTimeout(() => child.kill('SIGKILL'), runLimitMs)
    try {
      assert.equal((await lines.next()).value, 'ready', `${client} does not begin`)
      await this.link.quiet(2 * terms.delayMs + 300)
      await this.link.reset()
      child.stdin?.write('go\n')
      const said = await lines.next()
      assert.ok(!said.done, `${client} did not end within ${runLimitMs} ms`)
      return { ...(JSON.parse(said.value) as Figures), count: await this.link.quiet(2 * terms.delayMs + 300) }
    } finally {
      clearTimeout(late)
      await end()
      this.running.delete(end)
    }
  }

  async close(): Promise<void> {
    for (const end of this.running) await end()
    await this.link.remove()
    this.near.remove()
  }
}

/** 198.18.0.0/15 is for benchmarks of networks (RFC 2544). */
export const subnetOf = (lane: number): string => `198.18.${lane}`
export const farAddressOf = (lane: number): string => `${subnetOf(lane)}.2`
