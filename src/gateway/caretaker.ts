import { sweep } from '../mailbox/retention.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import type { Disk } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'

/**
 * Caretaker: keeps the mailbox within its age and room, at the start and every hour.
 *
 * A clock that is ahead for a while makes all mail too old at once, so only what has been too old at each look of the last six hours goes. They are hours of
 * this life: a box that is switched off each night has them, too.
 */
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
/** Six hours, and their beginning. Whatever keeps a clock right asks at least once in an hour. */
const looksThatAgree = 7

export class Caretaker {
  readonly #options: CaretakerOptions
  #cancel: Cancel = () => {}
  /** What the clock said at the newest looks; 0: nothing to rely on. */
  #said: readonly number[] = []
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
    const { disk, log, root, keepMs, maxBytes, builtAt } = this.#options
    const now = this.#earliest()
    try {
      const aged = now === undefined ? undefined : { from: builtAt / 1000, before: (now - keepMs) / 1000 }
      const { old, squeezed, bytes } = await sweep(disk, root, { old: aged, maxBytes })
      if (old > 0) log('info', 'mailbox: old mail was removed', { mails: old })
      if (squeezed > 0) log('warning', 'mailbox: mail was removed before its time, for want of room', { mails: squeezed, bytes })
    } catch (error) {
      log('error', 'mailbox: tidying failed', { why: sentence(error) })
    }
  }

  /** No look of the last hours was earlier than this; undefined: one of them cannot be relied on, or there were too few. */
  #earliest(): number | undefined {
    const { clock, builtAt } = this.#options
    // By a clock that nobody has set, everything could be old.
    this.#said = [...this.#said, clock.synchronised() === 'no' ? 0 : clock.wall()].slice(-looksThatAgree)
    const earliest = Math.min(...this.#said)
    return this.#said.length === looksThatAgree && earliest >= builtAt ? earliest : undefined
  }
}
