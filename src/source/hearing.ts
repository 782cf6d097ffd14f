import { type Stamp, type Stored, stampNow } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'
import { Ahead } from './ahead.ts'

/**
 * Hearing: one session at a broker, as its source hears it: what was refused in it, and whether what comes may be old. A broker sends what it had stored (MQTT 5 section 4.1) with no word of
 * when it was published: before it came, and not before the last moment at which the broker had nothing for us.
 */
export class Hearing {
  readonly ahead = new Ahead()
  /** The broker is asked again for it in the next session. What comes behind it in this one may have waited for room, too. */
  refused = false
  /** The last moment at which the broker had nothing for us; undefined: there was none since the start. */
  upToDate: Stamp | undefined
  readonly #clock: Clock
  #caughtUp = false
  #unanswered = 0
  #heard: Stamp | undefined

  /** `upToDate`: of the session before. */
  constructor(clock: Clock, upToDate?: Stamp) {
    this.#clock = clock
    this.upToDate = upToDate
  }

  /** What was stored for this session has been heard. */
  caughtUp(): void {
    this.#caughtUp = true
  }

  /** The broker said something that is no message. */
  spoke(): void {
    if (this.#hasAll()) this.upToDate = stampNow(this.#clock)
  }

  /** A message comes: what is known of its age; undefined: it is new. `retained`: it stands at the broker, since whenever. */
  begin(retained: boolean): Stored | undefined {
    if (this.#hasAll()) this.upToDate = this.#heard ?? this.upToDate
    this.#heard = stampNow(this.#clock)
    this.#unanswered++
    if (retained) return {}
    if (this.#caughtUp && !this.refused) return undefined
    return this.upToDate ? { since: this.upToDate } : {}
  }

  /** It was taken or refused. */
  end(): void {
    this.#unanswered--
  }

  #hasAll(): boolean {
    return this.#caughtUp && !this.refused && this.#unanswered === 0
  }
}
