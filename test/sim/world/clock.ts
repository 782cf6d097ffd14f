import { type Cancel, type Clock, type Instant, instant, type Monotonic, monotonic } from '../../../src/ports/clock.ts'
import type { Timeline } from './timeline.ts'

/** When a timeline begins, unless a test wants it otherwise. */
export const epoch = Date.UTC(2026, 11, 1)

/** A device's clock on the timeline: one boot, a wall clock that may be wrong until it is set. */
export class SimClock implements Clock {
  readonly boot: string
  wrongBy = 0
  set: 'yes' | 'no' | 'unknown' = 'yes'
  dead = false
  readonly #timeline: Timeline
  readonly #bootedAt: number
  readonly #epoch: number

  /** `at`: the true wall time at the beginning of the timeline, in ms. */
  constructor(timeline: Timeline, boot: string, at = epoch) {
    this.#timeline = timeline
    this.boot = boot
    this.#bootedAt = timeline.now
    this.#epoch = at
  }

  wall(): Instant {
    return instant(this.#epoch + this.#timeline.now + this.wrongBy)
  }

  monotonic(): Monotonic {
    return monotonic(this.#timeline.now - this.#bootedAt + 10_000)
  }

  synchronised(): 'yes' | 'no' | 'unknown' {
    return this.set
  }

  after(delayMs: number, call: () => void): Cancel {
    return this.#timeline.at(delayMs, () => {
      if (!this.dead) call()
    })
  }
}
