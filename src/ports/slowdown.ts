import { hash } from 'node:crypto'
import type { Clock, Monotonic } from './clock.ts'

/**
 * Slowdown: who guesses has to wait longer each time, up to a minute, and nobody is ever locked out. Beside that, all who were never right share ten wrong guesses a minute, against those who guess from
 * many addresses; one address alone cannot use them up, so it keeps nobody else out.
 */
const freeTries = 3
const triesAMinute = 10
const longestMs = 60_000
/** Addresses that are remembered; the oldest is forgotten first. */
const addressesLimit = 256

type Tries = { failures: number; at: Monotonic }

export class Slowdown {
  readonly #clock: Clock
  readonly #byAddress = new Map<string, Tries>()
  readonly #welcome = new Set<string>()
  /** When the newest failed, oldest first. */
  #recent: Monotonic[]
  #failures: number

  /** `failures`: in all, of earlier lives: a restart is no way around the wait. */
  constructor(clock: Clock, failures: number) {
    this.#clock = clock
    this.#failures = failures
    this.#recent = Array.from({ length: Math.min(failures, triesAMinute) }, () => clock.monotonic())
  }

  /** Failures in all since the last right answer. */
  get failures(): number {
    return this.#failures
  }

  /** How long this address has to wait before it may try, in ms. */
  waitMs(address: string): number {
    const own = this.#byAddress.get(address)
    const ownMs =
      own && own.failures >= freeTries ? this.#left(own.at, Math.min(longestMs, 1000 * 2 ** Math.min(own.failures - freeTries, 16))) : 0
    const oldest = this.#recent.at(-triesAMinute)
    return Math.max(ownMs, oldest === undefined || this.#welcome.has(address) ? 0 : this.#left(oldest, longestMs))
  }

  failed(address: string): void {
    const at = this.#clock.monotonic()
    const failures = (this.#byAddress.get(address)?.failures ?? 0) + 1
    this.#byAddress.delete(address)
    this.#byAddress.set(address, { failures, at })
    forgetBeyond(this.#byAddress)
    this.#failures++
    this.#recent = [...this.#recent, at].slice(-triesAMinute)
  }

  passed(address: string): void {
    this.#byAddress.delete(address)
    this.#welcome.add(address)
    forgetBeyond(this.#welcome)
    this.#failures = 0
    this.#recent = []
  }

  #left(from: Monotonic, ms: number): number {
    return Math.max(0, from + ms - this.#clock.monotonic())
  }
}

function forgetBeyond(known: Map<string, unknown> | Set<string>): void {
  const [oldest] = known.keys()
  if (known.size > addressesLimit && oldest !== undefined) known.delete(oldest)
}

/** Secrets that were wrong before: whoever says the same again is a machine with an old one, and does not guess. Bounded. */
export class WrongBefore {
  readonly #last = new Map<string, string>()

  /** Whether `who` said just this the last time, too. */
  repeats(who: string, secret: string): boolean {
    const said = hash('sha256', secret)
    const isSame = this.#last.get(who) === said
    this.#last.delete(who)
    this.#last.set(who, said)
    if (this.#last.size > wrongLimit) this.#last.delete(this.#last.keys().next().value ?? '')
    return isSame
  }
}

const wrongLimit = 256
