import { type Monotonic, monotonic } from '../../ports/clock.ts'
import { jitter, type Random } from '../../ports/random.ts'
import type { Fault, Stage } from '../outcome.ts'

/**
 * Dead hosts: addresses that could not be reached, and when they may be tried again (RFC 5321 section 4.5.4.1). Bounded, and in memory only: after a
 * restart everybody gets another chance.
 */
const restMs = [60_000, 120_000, 300_000, 600_000, 1_200_000, 1_800_000]
/** As many addresses as the people of a settings file can have, nearly. */
const addressesLimit = 256

/**
 * Only what happened before a letter was spoken of: a 5yz to MAIL may be about the sender, and must not keep anybody else's mail back (RFC 5321
 * section 4.5.4.1). The handshake counts, too: the next host may do better.
 */
const ofTheHost: readonly Stage[] = ['connect', 'tls', 'greeting', 'ehlo', 'starttls']

type Rest = { failures: number; until: number; why: string }

export class DeadHosts {
  readonly #rests = new Map<string, Rest>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** Whether this address is left alone at `now`. */
  rests(address: string, now: Monotonic): boolean {
    return now < (this.#rests.get(address)?.until ?? 0)
  }

  /** When the first of these addresses may be tried again; `now` when one may at once. */
  nextTry(addresses: readonly string[], now: Monotonic): Monotonic {
    return monotonic(Math.max(now, Math.min(...addresses.map((address) => this.#rests.get(address)?.until ?? now))))
  }

  /** Why an address rests, as a sentence. */
  why(address: string): string | undefined {
    return this.#rests.get(address)?.why
  }

  /** A connection failed. True when the address rests now. */
  failed(address: string, fault: Fault, now: Monotonic): boolean {
    // Where our own clock is to blame, the host is not.
    if (!ofTheHost.includes(fault.stage) || fault.clock) return false
    const failures = (this.#rests.get(address)?.failures ?? 0) + 1
    const rest = jitter(this.#random, restMs[Math.min(failures, restMs.length) - 1] ?? 0)
    // What failed last is the youngest in the map.
    this.#rests.delete(address)
    this.#rests.set(address, { failures, until: now + rest, why: fault.why })
    if (this.#rests.size > addressesLimit) this.#rests.delete(this.#rests.keys().next().value ?? '')
    return true
  }

  reached(address: string): void {
    this.#rests.delete(address)
  }

  /** Everybody may be tried at once: somebody asked, or the link is back. */
  release(): void {
    this.#rests.clear()
  }

  get size(): number {
    return this.#rests.size
  }
}
