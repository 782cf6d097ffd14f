import type { Cancel, Clock, Monotonic } from '../ports/clock.ts'

/** Trial: the page was moved, and may be out of reach now. Unless somebody says from its new place that it is not, it goes back to where it was at first. */
const trialMs = 120_000

export class Trial<Place> {
  readonly #clock: Clock
  readonly #goBack: (place: Place) => void
  #running: { first: Place; until: Monotonic; cancel: Cancel } | undefined

  constructor(clock: Clock, goBack: (place: Place) => void) {
    this.#clock = clock
    this.#goBack = goBack
  }

  /** Undefined: nothing is on trial. */
  get leftMs(): number | undefined {
    return this.#running && Math.max(0, this.#running.until - this.#clock.monotonic())
  }

  begin(before: Place): void {
    const first = this.#running?.first ?? before
    this.stop()
    const cancel = this.#clock.after(trialMs, () => {
      this.#running = undefined
      this.#goBack(first)
    })
    this.#running = { first, until: (this.#clock.monotonic() + trialMs) as Monotonic, cancel }
  }

  /** False: nothing was on trial. */
  stop(): boolean {
    const ran = this.#running !== undefined
    this.#running?.cancel()
    this.#running = undefined
    return ran
  }
}
