import { type Random, spread } from '../ports/random.ts'

/** How long to wait before the next attempt, in ms: doubling from `firstMs` to `maxMs`, spread so that a fleet does not knock in step. */
export const backoff = (attempt: number, limits: { firstMs: number; maxMs: number }, random: Random): number =>
  spread(random, Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(attempt, 30)))
