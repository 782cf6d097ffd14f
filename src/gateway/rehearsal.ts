import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import { whenHappened } from '../alert/when.ts'
import { SourceMemory } from '../decode/memory.ts'
import { decode } from '../decode/registry.ts'
import { compose } from '../mail/compose.ts'
import { type Clock, instant } from '../ports/clock.ts'
import { decide, type Judged, type Verdict } from '../rules/decide.ts'
import { whyNot } from '../rules/explain.ts'
import { defaultSeverity } from '../rules/match.ts'
import { nowBy } from '../rules/roster.ts'
import { recipient } from './people.ts'
import type { Plan } from './plan.ts'
import { rosterFor, standingFor } from './roster.ts'

/**
 * Rehearsal: what a source would make of these octets if nothing else had ever been heard: the fields, which rule takes them, why the others do not, and the
 * alert as it would be kept. Nothing is kept.
 */
export type Rehearsal = {
  decoder: string
  decoded: ReturnType<typeof decode>
  heard?: Judged
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
  if (plan.passesOn(source)) {
    const why = 'passed on as it is, to whom its envelope names; no rule hears of it'
    return { decoder: decoded.decoder, decoded, verdict: { kind: 'ignore', why }, matched: [], others: [] }
  }
  const heard: Judged = { ...reading, source, severity: reading.severity ?? defaultSeverity, state: reading.state ?? 'event', ...named }
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

/** The whole mail of an alert that was rehearsed, by the code that composes the real one. */
export function rehearsedMail(plan: Plan, alert: Alert): Uint8Array {
  const to = alert.to.map((ref) => recipient(ref, plan.people, plan.site.domain))
  const when = whenHappened(alert.stamp, alert.stamp, { builtAt: instant(plan.builtAt) })
  const templates = alert.rule === undefined ? undefined : plan.templatesOf(alert.rule)
  return compose(alert, {
    ...plan.mail,
    id: 0,
    deviceId: plan.deviceId,
    site: plan.site,
    software: plan.software,
    via: plan.viaOf(alert.source),
    when,
    composedAt: when.at,
    to,
    ...(templates ? { templates } : {}),
    envelopeTo: to.map((one) => one.address),
  }).content
}
