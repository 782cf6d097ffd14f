import { type Clock, type Monotonic, within } from '../ports/clock.ts'

/**
 * Deadline: the time for one reply as a whole (RFC 5321 section 4.5.3.2 has a time for each command). It begins with the first wait, and no octet of the
 * reply begins it anew: who gives one octet now and then would hold the line for ever.
 */
export class Deadline {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #begun: Monotonic | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** The promise's own result, or a rejection with `TimedOut` when the time is over. */
  within<T>(what: string, promise: Promise<T>): Promise<T> {
    const now = this.#clock.monotonic()
    this.#begun ??= now
    return within(this.#clock, Math.max(0, this.#begun + this.#timeoutMs - now), what, promise)
  }
}
