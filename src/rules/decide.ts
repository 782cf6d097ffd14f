import { type Alert, type AlertState, alertLimits, type KeptWhy, rank, type Telling } from '../alert/alert.ts'
import { rangesOf } from '../alert/ranges.ts'
import { type Condition, isGarbled, judge, judgeSaid, measuredBy, measures, numberOf } from './condition.ts'
import { type CompiledRule, isOfLevel, matches } from './match.ts'
import { isSameTrouble, leftOf, type Now, onDuty, type Roster, reasonToWait } from './roster.ts'
import type { Situation } from './situation.ts'
import type { Parked, Standing } from './standing.ts'

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
  level?: string[]
  ends?: true
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

/** `judges`: rules with a level that say what this reading is. */
type Taking = { taken?: CompiledRule; still?: string; normal?: string; judges: CompiledRule[]; ended: Situation[]; to: string[] }

/** The rules in their order: which one takes it, which levels it ends on the way, and who hears of it. */
function taking(alert: Judged, standing: Standing, roster: Roster): Taking {
  const found: Taking = { judges: [], ended: [], to: [] }
  let unsaid: string | undefined
  for (const rule of roster.rules) {
    const level = standing.get(rule.id, alert.source, alert.key ?? '')
    const isFor = matches(alert, rule)
    if (!isFor && !(level && rule.condition && measures(rule.condition, alert) && isOfLevel(alert, rule))) continue
    const judged = rule.condition === undefined || judge(rule.condition, alert)
    const reading = judged === true ? 'begun' : rule.condition && readingOf(alert, rule, rule.condition, judged, level)
    if (reading === 'over' && level) found.ended.push(level)
    if (!isFor || reading === undefined) continue
    if (rule.condition && (reading === 'begun' || reading === 'normal')) found.judges.push(rule)
    if (reading === 'still') found.still ??= rule.id
    if (reading === 'normal') found.normal ??= rule.id
    if (reading === 'unsaid') unsaid ??= rule.id
    if (reading !== 'begun') continue
    if (!found.taken && level && isSame(alert, rule, level)) found.still ??= rule.id
    else {
      found.taken ??= rule
      for (const one of rule.to) if (found.to.length < alertLimits.recipients && !found.to.includes(one)) found.to.push(one)
    }
    if (!rule.continue) break
  }
  found.ended.push(...orphans(alert, found, standing, roster))
  // What is known already hides the rules behind it.
  if (found.still !== undefined && found.taken !== undefined && rankOf(found.still, roster) < rankOf(found.taken.id, roster))
    delete found.taken
  else if (found.taken !== undefined) delete found.still
  else if (unsaid !== undefined && found.ended.length === 0) found.still ??= unsaid
  return found
}

/**
 * What a reading for which the condition does not hold says of the level: that it is over, that it is as it was, that nothing is wrong as far as it says, or too
 * little to know more. undefined: nothing, so that others judge it. That is also what an alarm by its own account says, unless it is within the bounds of a level that
 * stands: a worse one begins it anew.
 */
function readingOf(
  alert: Judged,
  rule: CompiledRule,
  condition: Condition,
  judged: false | undefined,
  level: Situation | undefined,
): 'begun' | 'over' | 'still' | 'normal' | 'unsaid' | undefined {
  const isAlarm = alert.state === 'raised'
  const isSaid = measures(condition, alert)
  if (judged === undefined) {
    if (isAlarm || !isSaid || isGarbled(condition, alert)) return undefined
    if (level) return 'unsaid'
    return judgeSaid(condition, alert) === false ? 'normal' : undefined
  }
  if (level && isOver(alert, rule)) return isAlarm ? undefined : 'over'
  if (level && isSaid) return isAlarm && isWorse(alert, level) ? 'begun' : 'still'
  return isSaid && !isAlarm ? 'normal' : undefined
}

/**
 * What is raised by rules that the settings no longer have, where another one judges it now: a level by one that measures the same. Of what was raised before that was
 * remembered nobody knows.
 */
function orphans(alert: Judged, { taken, judges }: Taking, standing: Standing, roster: Roster): Situation[] {
  const found = standing.open(alert.source, alert.key ?? '').filter((one) => one.rule !== '' && roster.ruleOf(one.rule) === undefined)
  if (taken && !taken.condition && alert.state === 'raised') return found.filter(({ level }) => level === undefined)
  const measured = new Set(found.length === 0 ? [] : judges.flatMap(({ condition }) => (condition ? measuredBy(condition) : [])))
  return judges.length === 0 ? [] : found.filter(({ level }) => level === undefined || level.some((name) => measured.has(name)))
}

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
  (rule.condition !== undefined && !isWorse(alert, known)) ||
  ((rule.repeat !== undefined || rule.hold !== undefined) &&
    alert.state === 'raised' &&
    alert.severity === known.severity &&
    alert.text === known.text)

const isWorse = (alert: Judged, known: Situation): boolean => rank(alert.severity) < rank(known.severity)

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
  const level = rule?.condition && measuredBy(rule.condition)
  const decision = {
    ...(rule ? { rule: rule.id } : {}),
    to,
    state,
    ...(over.length > 0 ? { over } : {}),
    ...(level && level.length > 0 ? { level } : {}),
  }
  const ends = state === 'event' ? heard : []
  return told({ ...decision }, alert, rule, standing, roster, now, {
    ends,
    ...(isNew && rule?.hold !== undefined ? { hold: rule.hold } : {}),
  })
}

/** It is over: whoever heard of it hears that, too, by whichever rule it was told. */
function ended(alert: Judged, open: readonly Situation[], standing: Standing, roster: Roster, now: Now): Verdict {
  const wanted = (one: Situation) => wasHeard(one) && roster.ruleOf(one.rule)?.recovery !== false
  const order = (one: Situation) => (wanted(one) ? 0 : wasHeard(one) ? 1 : 2)
  const [first, ...others] = [...open].sort((a, b) => order(a) - order(b) || a.id - b.id)
  if (!first) return { kind: 'ignore', why: 'nothing was raised' }
  const rule = roster.ruleOf(first.rule)
  const to = !wasHeard(first) ? first.to : [first, ...others.filter(wanted)].flatMap(hearersOf)
  const over = others.map((one) => one.rule)
  const decision: Decision = {
    ...(first.rule === '' ? {} : { rule: first.rule }),
    to: [...new Set(to)].slice(0, alertLimits.recipients),
    state: 'cleared',
    ...(over.length > 0 ? { over } : {}),
  }
  const parked = standing.parked.get(first.id)
  const never = !wasHeard(first) && (parked?.why === 'hold' || parked?.why === 'over')
  if (never || rule?.recovery === false) return { kind: 'record', ...decision, kept: 'over' }
  if (!wasHeard(first) && parked) return { kind: 'record', ...decision, kept: parked.why }
  return told({ ...decision, telling: { kind: 'recovery', since: first.stamp } }, alert, rule, standing, roster, now, { ends: decision.to })
}

/** Who was told of it, or of the level that it took over from. What was written before that was remembered says only whom it is for. */
const hearersOf = ({ told, heard, to }: Situation): readonly string[] => heard ?? (told === undefined ? [] : to)

const wasHeard = (one: Situation): boolean => hearersOf(one).length > 0

/** At once, or kept: by its rule's hold, by what keeps everybody quiet, by its group, by the rule's limit. */
function told(
  decision: Decision,
  alert: Judged,
  rule: CompiledRule | undefined,
  standing: Standing,
  roster: Roster,
  now: Now,
  { hold, ends }: { hold?: number; ends: readonly string[] },
): Verdict {
  const kept = hold !== undefined ? 'hold' : whyKept(decision, alert, rule, ends.length > 0, standing, roster, now)
  if (kept !== undefined)
    return { kind: 'record', ...decision, kept, ...(decision.state === 'event' && ends.length > 0 ? { ends: true } : {}) }
  const duty = onDuty(decision.to, rule?.hours, roster, now)
  // All who heard of it hear of its end, also who is off duty by now: nobody would tell them later.
  const to = duty.length === 0 ? decision.to : decision.to.filter((one) => duty.includes(one) || ends.includes(one))
  const offDuty = decision.to.filter((one) => !to.includes(one))
  return {
    kind: 'record',
    ...decision,
    to,
    ...(offDuty.length > 0 ? { offDuty } : {}),
    ...leftovers(decision, alert, to, standing, roster),
  }
}

function whyKept(
  decision: Decision,
  alert: Judged,
  rule: CompiledRule | undefined,
  recovery: boolean,
  standing: Standing,
  roster: Roster,
  now: Now,
): KeptWhy | undefined {
  const { source, key, severity } = alert
  const id = rule?.id ?? ''
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

/** What came and went untold is named in the next letter to the same people; and an end that was kept in the letter by which the same is raised anew, or it would be the last word. */
function leftovers(
  { rule = '', state }: Decision,
  { source, key }: Judged,
  to: readonly string[],
  standing: Standing,
  roster: Roster,
): Pick<Decision, 'covers' | 'merged'> {
  const isLeft = (one: Parked) => one.rule === rule && standing.isOver(one) && one.to.join('\n') === to.join('\n')
  const isReturned = (one: Parked) =>
    state === 'raised' && one.state === 'cleared' && one.key === key && !standing.isOver(one) && isSameTrouble(one.rule, rule, roster)
  const own = [...standing.parked.values()].filter((one) => one.source === source)
  const same = [...own.filter(isReturned), ...own.filter((one) => isLeft(one) && !isReturned(one))].slice(0, leftoversLimit)
  if (same.length === 0) return {}
  return { covers: same.map((one) => one.id), merged: rangesOf(same.map((one) => one.number)) }
}
