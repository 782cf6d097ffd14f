import { jitter, type Random } from '../ports/random.ts'
import type { Fault } from './outcome.ts'

/**
 * Which relay to try now. Relays are tried in their order; one that failed rests, the next one is tried at once; one that refused our password
 * is left alone until somebody says so.
 */
type Health = { attempts: number; nextTry: number; held: boolean; why?: string; hint?: string }

const restMs = [15_000, 30_000, 60_000, 120_000, 300_000, 600_000]

export class RelayHealth {
  readonly #relays = new Map<string, Health>()
  readonly #random: Random

  constructor(ids: readonly string[], random: Random) {
    for (const id of ids) this.#relays.set(id, { attempts: 0, nextTry: 0, held: false })
    this.#random = random
  }

  /** The first that may be tried at `now` (monotonic ms), or when one may; neither when all are held or there is none. */
  choose(now: number): { relay?: string; nextTry?: number } {
    const free = [...this.#relays].filter(([, health]) => !health.held)
    const due = free.find(([, health]) => health.nextTry <= now)
    if (due) return { relay: due[0] }
    return free.length === 0 ? {} : { nextTry: Math.min(...free.map(([, health]) => health.nextTry)) }
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
    health.held = fault.hold === true
    health.nextTry = now + jitter(this.#random, restMs[Math.min(health.attempts, restMs.length) - 1] ?? 600_000)
  }

  succeeded(id: string): void {
    this.#relays.set(id, { attempts: 0, nextTry: 0, held: false })
  }

  /** Everybody may be tried at once: somebody asked, or the link is back. */
  release(): void {
    for (const [id, health] of this.#relays) this.#relays.set(id, { ...health, nextTry: 0, held: false })
  }

  list(): { id: string; held: boolean; attempts: number; why?: string; hint?: string }[] {
    return [...this.#relays].map(([id, { nextTry: _, ...shown }]) => ({ id, ...shown }))
  }
}
