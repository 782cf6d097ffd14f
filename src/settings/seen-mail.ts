import { Low } from 'lowdb'
import { z } from 'zod'
import type { Disk } from '../ports/disk.ts'
import { DurableJson, keep } from './durable.ts'

/** What of the remote mailbox was looked at, and which answers were obeyed: nothing is done twice, also after a power cut. */
const schema = z.object({ uids: z.array(z.string()), answers: z.array(z.string()) })
type Seen = z.infer<typeof schema>

const uidsLimit = 5000
const answersLimit = 1000

export class SeenMail {
  readonly #low: Low<Seen>
  readonly #uids: Set<string>
  readonly #answers: Set<string>

  private constructor(low: Low<Seen>) {
    this.#low = low
    this.#uids = new Set(low.data.uids)
    this.#answers = new Set(low.data.answers)
  }

  /** Reads answers.json, or begins anew. Rejects with DiskError. */
  static async open(disk: Disk, dir: string): Promise<SeenMail> {
    const adapter = new DurableJson<Seen>(disk, dir, 'answers.json', (value) => schema.parse(value))
    const low = new Low<Seen>(adapter, { uids: [], answers: [] })
    const value = await adapter.read()
    if (value) low.data = value
    return new SeenMail(low)
  }

  hasLooked(uid: string): boolean {
    return this.#uids.has(uid)
  }

  hasObeyed(messageId: string): boolean {
    return this.#answers.has(messageId)
  }

  /** These are in the mailbox, oldest first. Whatever was looked at and is no longer there is forgotten first. */
  listed(uids: readonly string[]): void {
    for (const uid of uids) if (this.#uids.delete(uid)) this.#uids.add(uid)
  }

  looked(uid: string): void {
    this.#uids.add(uid)
    forgetBeyond(uidsLimit, this.#uids)
  }

  obeyed(messageId: string): void {
    this.#answers.add(messageId)
    forgetBeyond(answersLimit, this.#answers)
  }

  /** Durable when it resolves. Rejects with DiskError. */
  async save(): Promise<void> {
    await keep(this.#low, { uids: [...this.#uids], answers: [...this.#answers] })
  }
}

/** The oldest goes first. */
function forgetBeyond(most: number, known: Set<string>): void {
  const [oldest] = known
  if (known.size > most && oldest !== undefined) known.delete(oldest)
}
