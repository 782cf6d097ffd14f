import { type Random, spread } from '../ports/random.ts'
import type { Fault } from './outcome.ts'

/**
 * Which relay to try now. Relays are tried in their order; one that failed rests, the next one is tried at once; one that refused our password
 * is left alone until somebody says so.
 */
type Health = {
  attempts: number
  nextTry: number
  held: boolean
  why?: string
  hint?: string
  /** The server has said nothing against us: a better link may mend it. */
  byWay?: boolean
  /** Rests that a better link has ended since the last success. */
  returns: number
  /** The last fault. */
  failedAt: number
  /** The last success, on the monotonic scale. */
  goodAt?: number
  /** The next fault is the first one on a link that has just come. */
  settling?: boolean
  /** Addresses for which it did not want us, and until when it is passed by for them, on the monotonic scale. */
  unwanted: ReadonlyMap<string, number>
  /** What it said of that. */
  unwantedWhy?: string
}

const restMs = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000]
/** A link comes up in steps (carrier, address, route, name servers), and each may be the one that was missing. */
const freeReturns = 3
/** Neighbours and name servers may need a moment more than the link itself: the first rest on a link that has just come. */
const settleMs = 3000
/** So long who does not want us is not asked again for the same address, where another one may be. */
const unwantedMs = 600_000
/** Addresses that are kept in mind of each. */
const unwantedLimit = 1000

const fresh = (): Health => ({ attempts: 0, nextTry: 0, held: false, returns: 0, failedAt: 0, unwanted: new Map() })

export class RelayHealth {
  readonly #relays = new Map<string, Health>()
  readonly #random: Random

  constructor(ids: readonly string[], random: Random) {
    for (const id of ids) this.#relays.set(id, fresh())
    this.#random = random
  }

  /** The first that may be tried at `now` (monotonic ms), or when one may; neither when all are held or closed or there is none. */
  choose(now: number, isOpen: (id: string) => boolean = () => true): { relay?: string; nextTry?: number } {
    const free = [...this.#relays].filter(([id, health]) => !health.held && isOpen(id))
    const due = free.find(([, health]) => health.nextTry <= now)
    if (due) return { relay: due[0] }
    return free.length === 0 ? {} : { nextTry: Math.min(...free.map(([, health]) => health.nextTry)) }
  }

  /** Not to be tried at `now`. Nobody has anything against one that is not known. */
  rests(id: string, now: number): boolean {
    const health = this.#relays.get(id)
    return health !== undefined && (health.held || health.nextTry > now)
  }

  /** When the first of those that rest returns, in monotonic ms; undefined when none does by itself. */
  nextReturn(now: number): number | undefined {
    let first: number | undefined
    for (const { held, nextTry } of this.#relays.values())
      if (!held && nextTry > now && (first === undefined || nextTry < first)) first = nextTry
    return first
  }

  /** From now on this one may be tried, too. */
  know(id: string): void {
    if (!this.#relays.has(id)) this.#relays.set(id, fresh())
  }

  failed(id: string, fault: Fault, now: number): void {
    const health = this.#relays.get(id)
    if (!health) return
    health.why = fault.why
    if (fault.hint === undefined) delete health.hint
    else health.hint = fault.hint
    // It was our way of speaking, and the next flight speaks otherwise.
    if (fault.again) return
    health.attempts++
    health.failedAt = now
    health.held = fault.hold === true
    health.byWay = fault.reply === undefined && fault.hold !== true && fault.clock !== true
    health.nextTry = now + spread(this.#random, health.settling && health.byWay ? settleMs : rest(health.attempts))
    health.settling = false
  }

  /** That it turned somebody away because of us is no fault of the flight, and is known for as long as it counts. */
  succeeded(id: string, now: number): void {
    const { unwanted, unwantedWhy } = this.#relays.get(id) ?? fresh()
    const still = new Map([...unwanted].filter(([, until]) => until > now))
    const why = still.size > 0 && unwantedWhy !== undefined ? { unwantedWhy } : {}
    this.#relays.set(id, { ...fresh(), goodAt: now, unwanted: still, ...why })
  }

  /**
   * It does not want us for these addresses, which says nothing about others: a server may pass mail on to some domains and not to others. `why`: a sentence.
   */
  turnedAway(id: string, addresses: readonly string[], now: number, why?: string): void {
    const health = this.#relays.get(id)
    if (!health) return
    const known = [...health.unwanted].filter(([address]) => !addresses.includes(address))
    health.unwanted = new Map([...known, ...addresses.map((address) => [address, now + unwantedMs] as const)].slice(-unwantedLimit))
    if (why !== undefined) health.unwantedWhy = why
  }

  /** It is passed by for this address, where another one may be asked. */
  isUnwanted(id: string, address: string, now: number): boolean {
    return (this.#relays.get(id)?.unwanted.get(address) ?? 0) > now
  }

  /** One of them is passed by for somebody. */
  passesBy(now: number): boolean {
    return [...this.#relays.values()].some(({ unwanted }) => [...unwanted.values()].some((until) => until > now))
  }

  /** Everybody may be tried at once: somebody asked. */
  release(): void {
    for (const [id, { unwantedWhy: _, ...health }] of this.#relays)
      this.#relays.set(id, { ...health, nextTry: 0, held: false, unwanted: new Map() })
  }

  /**
   * The link is better than it was: whoever rests for want of a way is tried at once. A link that flaps ends a few rests so, then one in as
   * long as the rest would be: no name server and no relay is stormed.
   */
  wayIsBack(now: number): void {
    for (const health of this.#relays.values()) {
      if (health.held || !health.byWay) continue
      const gap = health.returns < freeReturns ? 0 : rest(health.returns - freeReturns + 1)
      const at = Math.max(now, health.failedAt + gap)
      if (at >= health.nextTry) continue
      health.nextTry = at
      if (health.returns++ >= freeReturns) continue
      health.settling = true
      health.attempts = 0
    }
  }

  list(): { id: string; held: boolean; attempts: number; goodAt?: number; why?: string; hint?: string }[] {
    return [...this.#relays].map(([id, { held, attempts, goodAt, why, hint, unwantedWhy }]) => ({
      id,
      held,
      attempts,
      ...(goodAt === undefined ? {} : { goodAt }),
      ...(why === undefined ? {} : { why }),
      ...(hint === undefined ? {} : { hint }),
      ...(why === undefined && unwantedWhy !== undefined ? { why: unwantedWhy } : {}),
    }))
  }
}

/** Before the next try after so many in vain. */
const rest = (attempts: number): number => restMs[Math.min(attempts, restMs.length) - 1] ?? 600_000
