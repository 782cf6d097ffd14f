import { timers } from '../../../src/relay/dialogue/ask.ts'
import type { FlightReport } from '../../../src/relay/outcome.ts'
import type { Tally } from './tally.ts'
import type { FleetTime } from './time.ts'

/** What a relay tolerates, and how far away it is. */
export type RelayLimits = {
  /** Sessions at the same time; one more is answered with 421. */
  sessions: number
  /** New sessions a second; beyond them the answer is 421, too. Infinity: no limit. */
  rate: number
  /** One round trip, in ms. */
  rttMs: number
  /** Round trips of a session with one letter: TCP, TLS, greeting, EHLO, login, letter, answer (docs/benchmarks.md, Thin links). */
  turns: number
  /** What each further letter adds, in ms: they leave as a chain. */
  letterMs: number
}

/** Round trips until a connection is told 421: TCP, and TLS in front of the greeting. */
const refusalTurns = 3

/** A relay as the fleet sees it, without octets: a modelled part of the simulation. */
export class FleetRelay {
  reachable = true
  readonly #time: FleetTime
  readonly #limits: RelayLimits
  readonly #tally: Tally
  #sessions = 0
  #second = -1
  #begun = 0

  constructor(time: FleetTime, limits: RelayLimits, tally: Tally) {
    this.#time = time
    this.#limits = limits
    this.#tally = tally
  }

  /** One connection that brings so many letters. */
  async take(letters: number): Promise<FlightReport> {
    const { rttMs, turns, letterMs } = this.#limits
    const none = { letters: 0, uncertain: 0, sent: 0, received: 0, turns: 0 }
    if (!this.reachable) {
      await this.#time.pass(timers.connect)
      return { ...none, fault: { stage: 'connect', why: 'Nobody answered.', code: 'ETIMEDOUT' } }
    }
    await this.#time.pass(rttMs)
    this.#tally.knock(this.#time.now)
    this.#tally.opened()
    if (!this.#lets()) {
      await this.#time.pass((refusalTurns - 1) * rttMs)
      this.#tally.refuse(this.#time.now)
      this.#tally.closed()
      return { ...none, fault: { stage: 'greeting', why: 'Too busy.', reply: { code: 421, text: 'Too many connections' } } }
    }
    this.#sessions++
    await this.#time.pass((turns - 1) * rttMs + (letters - 1) * letterMs)
    this.#sessions--
    this.#tally.letter(this.#time.now, letters)
    this.#tally.closed()
    return { ...none, letters, turns }
  }

  #lets(): boolean {
    const second = Math.floor(this.#time.now / 1000)
    if (second !== this.#second) this.#begun = 0
    this.#second = second
    if (this.#sessions >= this.#limits.sessions || this.#begun >= this.#limits.rate) return false
    this.#begun++
    return true
  }
}
