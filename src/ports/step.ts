import type { Clock } from './clock.ts'

/** Step: one thing that somebody looked at while finding out why something does not work. `sentence` is for the person at the box. */
export type Step = {
  step: string
  /** How long it took. */
  ms: number
  ok: boolean
  sentence: string
}

/** Makes steps; each lasts from the one before. */
export function stepsOn(clock: Clock): (step: string, ok: boolean, sentence: string) => Step {
  let from = clock.monotonic()
  return (step, ok, sentence) => {
    const now = clock.monotonic()
    const ms = now - from
    from = now
    return { step, ms, ok, sentence }
  }
}
