import type { Clock, Monotonic } from '../ports/clock.ts'

/**
 * Slowdown: who guesses has to wait longer each time, up to a minute, and nobody is ever locked out. Counted for each address, and in all for those who guess from
 * many; an address that has given the right answer before need not wait for what others do.
 */
const freeTries = 3
const freeTriesInAll = 10
const longestMs = 60_000
/** Addresses that are remembered; the oldest is forgotten first. */
const addressesLimit = 256

type Tries = { failures: number; at: Monotonic }

export class Slowdown {
  readonly #clock: Clock
  readonly #byAddress = new Map<string, Tries>()
  readonly #welcome = new Set<string>()
  #all: Tries

  /** `failures`: in all, of earlier lives: a restart is no way around the wait. */
  constructor(clock: Clock, failures: number) {
    this.#clock = clock
    this.#all = { failures, at: clock.monotonic() }
  }

  /** Failures in all since the last right answer. */
  get failures(): number {
    return this.#all.failures
  }

  /** How long this address has to wait before it may try, in ms. */
  waitMs(address: string): number {
    const own = this.#byAddress.get(address)
    const ownMs = own ? this.#left(own, freeTries) : 0
    return Math.max(ownMs, this.#welcome.has(address) ? 0 : this.#left(this.#all, freeTriesInAll))
  }

  failed(address: string): void {
    const at = this.#clock.monotonic()
    const failures = (this.#byAddress.get(address)?.failures ?? 0) + 1
    this.#byAddress.delete(address)
    this.#byAddress.set(address, { failures, at })
    forgetBeyond(this.#byAddress)
    this.#all = { failures: this.#all.failures + 1, at }
  }

  passed(address: string): void {
    this.#byAddress.delete(address)
    this.#welcome.add(address)
    forgetBeyond(this.#welcome)
    this.#all = { failures: 0, at: this.#clock.monotonic() }
  }

  #left({ failures, at }: Tries, free: number): number {
    if (failures < free) return 0
    const wait = Math.min(longestMs, 1000 * 2 ** Math.min(failures - free, 16))
    return Math.max(0, at + wait - this.#clock.monotonic())
  }
}

function forgetBeyond(known: Map<string, unknown> | Set<string>): void {
  const [oldest] = known.keys()
  if (known.size > addressesLimit && oldest !== undefined) known.delete(oldest)
}
