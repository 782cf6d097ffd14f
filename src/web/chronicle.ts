import type { Cancel, Clock } from '../ports/clock.ts'

/** Chronicle: a look at the box every five minutes of the last day, for the plot and the timeline of the page. In memory: it begins anew with the process. */
export type Look = { delivered: number; refused: number; waiting: number; link: boolean | undefined }
export type Entry = Look & {
  /** Wall clock, in ms. */
  at: number
}

const everyMs = 5 * 60_000
const entriesLimit = 288

export class Chronicle {
  readonly #clock: Clock
  readonly #look: () => Look | undefined
  readonly #entries: Entry[] = []
  #cancel: Cancel = () => {}

  /** `look` gives nothing while the gateway stands still. */
  constructor(clock: Clock, look: () => Look | undefined) {
    this.#clock = clock
    this.#look = look
  }

  start(): void {
    const look = this.#look()
    if (look) this.#entries.push({ at: this.#clock.wall(), ...look })
    if (this.#entries.length > entriesLimit) this.#entries.shift()
    this.#cancel = this.#clock.after(everyMs, () => this.start())
  }

  stop(): void {
    this.#cancel()
  }

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries
  }
}
