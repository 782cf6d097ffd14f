import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import { SourceMemory } from '../decode/memory.ts'
import { decode } from '../decode/registry.ts'
import { type Clock, instant } from '../ports/clock.ts'
import { decide, type Heard, type Verdict } from '../rules/decide.ts'
import { whyNot } from '../rules/explain.ts'
import { defaultSeverity } from '../rules/match.ts'
import { nowBy } from '../rules/roster.ts'
import type { Plan } from './plan.ts'
import { rosterFor, standingFor } from './roster.ts'

/**
 * Rehearsal: what a source would make of these octets if nothing else had ever been heard: the fields, which rule takes them, why the others do not, and the
 * alert as it would be kept. Nothing is kept.
 */
export type Rehearsal = {
  decoder: string
  decoded: ReturnType<typeof decode>
  heard?: Heard
  verdict?: Verdict
  /** Rules that match, in their order; the first takes it, and those behind one that says `continue` add their people. */
  matched: string[]
  /** Rules that did not match, each with a sentence; those behind the winner were not asked. */
  others: { rule: string; why: string }[]
  alert?: Alert
}

export type Sample = { source: string; bytes: Uint8Array; topic?: string }

export function rehearse(plan: Plan, clock: Clock, { source, bytes, topic }: Sample): Rehearsal {
  const named = topic === undefined ? {} : { topic }
  const decoded = decode(plan.decoderOf(source), bytes, { ...named, options: plan.decodingOf(source), memory: new SourceMemory() })
  if (decoded.kind !== 'reading') return { decoder: decoded.decoder, decoded, matched: [], others: [] }
  const { reading } = decoded
  const heard: Heard = { ...reading, source, severity: reading.severity ?? defaultSeverity, state: reading.state ?? 'event', ...named }
  const roster = rosterFor(plan)
  const verdict = decide(heard, standingFor(plan, clock), roster, nowBy(clock, instant(plan.builtAt)))
  const others: Rehearsal['others'] = []
  const matched: string[] = []
  for (const rule of roster.rules) {
    const why = whyNot(heard, rule)
    if (why !== undefined) others.push({ rule: rule.id, why })
    else matched.push(rule.id)
    if (why === undefined && !rule.continue) break
  }
  if (verdict.kind === 'ignore') return { decoder: decoded.decoder, decoded, heard, verdict, matched, others }
  const { kind: _, ...decision } = verdict
  return {
    decoder: decoded.decoder,
    decoded,
    heard,
    verdict,
    matched,
    others,
    alert: { ...reading, ...heard, ...decision, number: 1, stamp: stampNow(clock) },
  }
}
