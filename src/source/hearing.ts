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
  /** When the signs of life that are still to come were asked for. */
  readonly #asked: Stamp[] = []
  /** Messages that are on their way to the disk, by when they came; and how many have come. */
  readonly #open = new Set<number>()
  #heard = 0
  /** Moments at which the broker had nothing but what was heard since, once so many messages are on the disk. */
  #candidates: { asked: Stamp; heard: number }[] = []

  /** `upToDate`: of the session before. */
  constructor(clock: Clock, upToDate?: Stamp) {
    this.#clock = clock
    this.upToDate = upToDate
  }

  /** What was stored for this session has been heard. */
  caughtUp(): void {
    this.#caughtUp = true
  }

  asked(): void {
    this.#asked.push(stampNow(this.#clock))
  }

  /** `all`: whatever the broker had when it was asked has been heard. */
  answered(all: boolean): void {
    const asked = this.#asked.shift()
    if (!all || !asked || !this.#caughtUp) return
    this.#candidates.push({ asked, heard: this.#heard })
    this.#settle()
  }

  /** A message comes. `stored`: what is known of its age; undefined: it is new. `retained`: it stands at the broker, since whenever. `end`: it was taken or refused. */
  begin(retained: boolean): { stored: Stored | undefined; end(): void } {
    const place = ++this.#heard
    this.#open.add(place)
    const end = () => {
      this.#open.delete(place)
      this.#settle()
    }
    return { stored: retained ? {} : this.#ageOf(), end }
  }

  #ageOf(): Stored | undefined {
    if (this.#caughtUp && !this.refused && !this.#isStuck()) return undefined
    return this.upToDate ? { since: this.upToDate } : {}
  }

  /** What is not taken is heard again, in the next session, and was there before. */
  #settle(): void {
    if (this.refused) this.#candidates = []
    const [oldest = Number.POSITIVE_INFINITY] = this.#open
    for (let [first] = this.#candidates; first && first.heard < oldest; [first] = this.#candidates) {
      this.upToDate = first.asked
      this.#candidates.shift()
    }
  }

  /** A sign of life is long in coming: what comes may have been on the way for as long. */
  #isStuck(): boolean {
    const [first] = this.#asked
    return first !== undefined && this.#clock.monotonic() - first.mono > stuckMs
  }
}

/** No link is as slow as that by itself. */
const stuckMs = 2000
