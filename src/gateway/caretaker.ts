import { sweep } from '../mailbox/retention.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import type { Disk } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'

/** Caretaker: keeps the mailbox within its age and room, at the start and every hour. */
export type CaretakerOptions = {
  clock: Clock
  disk: Disk
  log: Log
  /** Maildirs stand here. */
  root: string
  keepMs: number
  maxBytes: number
  /** No earlier time is believable, in ms. */
  builtAt: number
}

const everyMs = 3_600_000

export class Caretaker {
  readonly #options: CaretakerOptions
  #cancel: Cancel = () => {}
  #working: Promise<void> = Promise.resolve()

  constructor(options: CaretakerOptions) {
    this.#options = options
  }

  start(): void {
    this.#cancel = this.#options.clock.after(everyMs, () => this.start())
    this.#working = this.#work()
  }

  async stop(): Promise<void> {
    this.#cancel()
    await this.#working
  }

  async #work(): Promise<void> {
    const { clock, disk, log, root, keepMs, maxBytes, builtAt } = this.#options
    // By a clock that nobody has set, everything could be old.
    const trusted = clock.synchronised() !== 'no' && clock.wall() >= builtAt
    try {
      const aged = trusted ? { from: builtAt / 1000, before: (clock.wall() - keepMs) / 1000 } : undefined
      const { old, squeezed, bytes } = await sweep(disk, root, { old: aged, maxBytes })
      if (old > 0) log('info', 'mailbox: old mail was removed', { mails: old })
      if (squeezed > 0) log('warning', 'mailbox: mail was removed before its time, for want of room', { mails: squeezed, bytes })
    } catch (error) {
      log('error', 'mailbox: tidying failed', { why: sentence(error) })
    }
  }
}
