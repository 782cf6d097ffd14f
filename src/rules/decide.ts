import { type Alert, type AlertState, alertLimits, type KeptWhy, type Telling } from '../alert/alert.ts'
import { rangesOf } from '../alert/ranges.ts'
import { judge, measures, numberOf } from './condition.ts'
import { type CompiledRule, matches } from './match.ts'
import { leftOf, type Now, onDuty, type Roster, reasonToWait } from './roster.ts'
import type { Situation } from './situation.ts'
import type { Standing } from './standing.ts'

/**
 * Decide: what an alert comes to at the moment at which it is heard. Pure. What it says goes into the alert's record, and is followed by `Standing.alert`
 * before the next alert is decided.
 */
export type Judged = Pick<Alert, 'source' | 'text' | 'severity' | 'state' | 'key' | 'value' | 'unit' | 'fields' | 'topic'>

export type Decision = {
  rule?: string
  to: string[]
  offDuty?: string[]
  state: AlertState
  over?: string[]
  kept?: KeptWhy
  telling?: Telling
  covers?: number[]
  merged?: string
}

export type Verdict =
  | ({ kind: 'record' } & Decision)
  /** A level that is as it was: nothing is written. `why` is a sentence. */
  | { kind: 'ignore'; why: string }

/** Told with one letter beside its own alert. */
const leftoversLimit = 200

export function decide(alert: Judged, standing: Standing, roster: Roster, now: Now): Verdict {
  const open = standing.open(alert.source, alert.key ?? '')
  if (alert.state === 'cleared' && open.length > 0) return ended(alert, open, standing, roster, now)
  const { taken, still, normal, ended: over, to } = taking(alert, standing, roster)
  if (taken === undefined && over.length > 0) return ended(alert, over, standing, roster, now)
  if (still) return { kind: 'ignore', why: `as rule ${still} knows it already` }
  if (taken === undefined && normal) return { kind: 'ignore', why: `within what rule ${normal} allows` }
  return begun(alert, taken, { over, to }, standing, roster, now)
}

type Taking = { taken?: CompiledRule; still?: string; normal?: string; ended: Situation[]; to: string[] }

/** The rules in their order: which one takes it, which levels it ends on the way, and who hears of it. */
function taking(alert: Judged, standing: Standing, roster: Roster): Taking {
  const found: Taking = { ended: [], to: [] }
  for (const rule of roster.rules) {
    if (!matches(alert, rule)) continue
    const standingNow = standing.get(rule.id, alert.source, alert.key ?? '')
    const judged = rule.condition === undefined || judge(rule.condition, alert)
    if (judged !== true) {
      if (standingNow && judged === false && isOver(alert, rule)) found.ended.push(standingNow)
      // What says nothing of this level, or is an alarm by its own account, is for others to judge.
      else if (rule.condition && measures(rule.condition, alert)) {
        if (standingNow) found.still ??= rule.id
        else if (alert.state !== 'raised') found.normal ??= rule.id
      }
      continue
    }
    if (!found.taken && standingNow && isSame(alert, rule, standingNow)) found.still ??= rule.id
    else {
      found.taken ??= rule
      for (const one of rule.to) if (found.to.length < alertLimits.recipients && !found.to.includes(one)) found.to.push(one)
    }
    if (!rule.continue) break
  }
  if (found.normal !== undefined || found.taken?.condition || (found.taken && alert.state === 'raised'))
    found.ended.push(...orphans(alert, standing, roster))
  // What is known already hides the rules behind it.
  if (found.still !== undefined && found.taken !== undefined && rankOf(found.still, roster) < rankOf(found.taken.id, roster))
    delete found.taken
  else if (found.taken !== undefined) delete found.still
  return found
}

/** What is raised by rules that the settings no longer have: another one judges it now. */
const orphans = (alert: Judged, standing: Standing, roster: Roster): Situation[] =>
  standing.open(alert.source, alert.key ?? '').filter((one) => one.rule !== '' && roster.ruleOf(one.rule) === undefined)

const rankOf = (id: string, roster: Roster): number => roster.rules.findIndex((rule) => rule.id === id)

/** Between the condition and the bound that clears it, a level stays as it is. */
function isOver(alert: Judged, { condition, clearBelow, clearAbove }: CompiledRule): boolean {
  const number = (condition && numberOf(condition, alert)) ?? alert.value
  if (clearBelow === undefined && clearAbove === undefined) return true
  if (number === undefined) return false
  return (clearBelow === undefined || number < clearBelow) && (clearAbove === undefined || number > clearAbove)
}

/** A rule that reminds, holds, or is about a level has heard of it when it hears the same again. */
const isSame = (alert: Judged, rule: CompiledRule, known: Situation): boolean =>
  rule.condition !== undefined ||
  ((rule.repeat !== undefined || rule.hold !== undefined) &&
    alert.state === 'raised' &&
    alert.severity === known.severity &&
    alert.text === known.text)

/** It begins, or it just happened. */
function begun(
  alert: Judged,
  rule: CompiledRule | undefined,
  found: { over: Situation[]; to: string[] },
  standing: Standing,
  roster: Roster,
  now: Now,
): Verdict {
  // Who heard of a level that this one ends is told what it comes to now.
  const heard = found.over.flatMap(hearersOf)
  const to = [...new Set([...(found.to.length > 0 ? found.to : [roster.fallback]), ...heard])].slice(0, alertLimits.recipients)
  const state = rule?.condition ? 'raised' : alert.state
  const over = found.over.map((one) => one.rule)
  // What is told already need not last once more, and whoever heard of the worse level must not wait for the lesser to last.
  const isNew = state === 'raised' && heard.length === 0 && standing.get(rule?.id ?? '', alert.source, alert.key ?? '')?.told === undefined
  const decision = { ...(rule ? { rule: rule.id } : {}), to, state, ...(over.length > 0 ? { over } : {}) }
  return told({ ...decision }, alert, rule, standing, roster, now, isNew ? rule?.hold : undefined)
}

/** It is over: whoever heard of it hears that, too, by whichever rule it was told. */
function ended(alert: Judged, open: readonly Situation[], standing: Standing, roster: Roster, now: Now): Verdict {
  const wanted = (one: Situation) => one.told !== undefined && roster.ruleOf(one.rule)?.recovery !== false
  const order = (one: Situation) => (wanted(one) ? 0 : one.told !== undefined ? 1 : 2)
  const [first, ...others] = [...open].sort((a, b) => order(a) - order(b) || a.id - b.id)
  if (!first) return { kind: 'ignore', why: 'nothing was raised' }
  const rule = roster.ruleOf(first.rule)
  const to = first.told === undefined ? first.to : [first, ...others.filter(wanted)].flatMap(hearersOf)
  const over = others.map((one) => one.rule)
  const decision: Decision = {
    ...(first.rule === '' ? {} : { rule: first.rule }),
    to: [...new Set(to)].slice(0, alertLimits.recipients),
    state: 'cleared',
    ...(over.length > 0 ? { over } : {}),
  }
  const parked = standing.parked.get(first.id)
  const never = first.told === undefined && (parked?.why === 'hold' || parked?.why === 'over')
  if (never || rule?.recovery === false) return { kind: 'record', ...decision, kept: 'over' }
  if (first.told === undefined && parked) return { kind: 'record', ...decision, kept: parked.why }
  return told({ ...decision, telling: { kind: 'recovery', since: first.stamp } }, alert, rule, standing, roster, now)
}

/** Who was told of it. What was written before that was remembered says only whom it is for. */
const hearersOf = ({ told, heard, to }: Situation): readonly string[] => (told === undefined ? [] : (heard ?? to))

/** At once, or kept: by its rule's hold, by what keeps everybody quiet, by its group, by the rule's limit. */
function told(
  decision: Decision,
  alert: Judged,
  rule: CompiledRule | undefined,
  standing: Standing,
  roster: Roster,
  now: Now,
  hold?: number,
): Verdict {
  const kept = hold !== undefined ? 'hold' : whyKept(decision, alert, rule, standing, roster, now)
  if (kept !== undefined) return { kind: 'record', ...decision, kept }
  const duty = onDuty(decision.to, rule?.hours, roster, now)
  // All who heard of it hear of its end, also who is off duty by now: nobody would tell them later.
  const to = duty.length === 0 || decision.telling?.kind === 'recovery' ? decision.to : duty
  const offDuty = decision.to.filter((one) => !to.includes(one))
  return {
    kind: 'record',
    ...decision,
    to,
    ...(offDuty.length > 0 ? { offDuty } : {}),
    ...leftovers(alert.source, rule?.id ?? '', to, standing),
  }
}

function whyKept(
  decision: Decision,
  alert: Judged,
  rule: CompiledRule | undefined,
  standing: Standing,
  roster: Roster,
  now: Now,
): KeptWhy | undefined {
  const { source, key, severity } = alert
  const id = rule?.id ?? ''
  const recovery = decision.telling?.kind === 'recovery'
  const one = { rule: id, source, ...(key === undefined ? {} : { key }), severity, to: decision.to, recovery }
  const reason = reasonToWait(one, standing, roster, now)
  if (reason) return reason.why
  if (!rule) return undefined
  if (rule.group) return 'group'
  return leftOf(rule, standing, now).letters === 0 || isQueuing(rule.id, standing) ? 'limit' : undefined
}

/** Others of this rule wait for its limit: they are told before any newer one. */
function isQueuing(rule: string, standing: Standing): boolean {
  for (const one of standing.parked.values()) if (one.rule === rule && one.why === 'limit') return true
  return false
}

/** What came and went untold is named in the next letter to the same people. */
function leftovers(source: string, rule: string, to: readonly string[], standing: Standing): Pick<Decision, 'covers' | 'merged'> {
  const same = [...standing.parked.values()]
    .filter((one) => one.rule === rule && one.source === source && standing.isOver(one) && one.to.join('\n') === to.join('\n'))
    .slice(0, leftoversLimit)
  if (same.length === 0) return {}
  return { covers: same.map((one) => one.id), merged: rangesOf(same.map((one) => one.number)) }
}
