import type { KeptWhy } from '../alert/alert.ts'
import type { CompiledRule } from './match.ts'
import { isSameTrouble, leftOf, type Now, onDuty, type Roster, reasonToWait } from './roster.ts'
import type { Situation } from './situation.ts'
import type { Parked, Standing } from './standing.ts'

/**
 * Due: what is to be told now without anything being heard: what was kept and is kept no more, reminders, escalations. Pure. Each deed becomes a record, and is
 * followed by `Standing.alert`; asked again, the rest comes.
 */
export type Deed =
  /** What was kept, oldest first: one alert as a letter of its own, several as a summary. `why` it was kept. */
  | { kind: 'tell'; rule: string; to: string[]; ids: number[]; why: KeptWhy }
  | { kind: 'reminder'; situation: Situation; to: string[]; count: number }
  | { kind: 'escalation'; situation: Situation; to: string[] }

export type Due = {
  deeds: Deed[]
  /** When to ask again (monotonic ms), whatever happens until then; undefined: when something happens. */
  wake?: number
}

export type DueOptions = {
  /** What was kept for so long is told in any case. */
  keptMs: number
  /** Whether the letter with this alert still waits for the relay: nobody is reminded of what nobody has been told. */
  waits(id: number): boolean
}

/** Kept back at once; beyond it the rules must not fill the journal, and what is kept is told. */
const parkedLimit = 4000
/** Alerts in one summary. */
export const summaryLimit = 2000
/** Asked again after so long where the clock on the wall, or a letter's fate, decides. */
const lookMs = 60_000

export function due(standing: Standing, roster: Roster, now: Now, options: DueOptions): Due {
  const wakes: number[] = []
  const limits = limitsOf(standing, roster, now)
  const deeds = [
    ...freed(standing, roster, now, options, limits, wakes),
    ...standing.situations.flatMap((one) => lasting(one, standing, roster, now, options, limits, wakes)),
  ]
  const next = Math.min(...wakes.filter((at) => at > now.mono))
  return Number.isFinite(next) ? { deeds, wake: next } : { deeds }
}

/** What the limits of rules leave in this look. News come first: a reminder waits for what they leave, or it would keep those back for ever. */
type Limits = {
  /** undefined: a letter of this rule may leave, and is counted. Otherwise when to ask again (monotonic ms). */
  take(rule: string): number | undefined
}

function limitsOf(standing: Standing, roster: Roster, now: Now): Limits {
  const letters = new Map<string, number>()
  return {
    take: (id) => {
      const { letters: left, until = now.mono + lookMs } = leftOf(roster.ruleOf(id), standing, now)
      const taken = letters.get(id) ?? 0
      if (taken >= left) return until
      letters.set(id, taken + 1)
      return undefined
    },
  }
}

/** Nothing keeps it any more: alone when its hold is over, together with its like otherwise. */
function freed(standing: Standing, roster: Roster, now: Now, options: DueOptions, limits: Limits, wakes: number[]): Deed[] {
  const deeds = new Map<string, Extract<Deed, { kind: 'tell' }>>()
  const full = standing.parked.size > parkedLimit
  const parked = [...standing.parked.values()].filter((one) => !standing.isPending(one.id)).sort((a, b) => a.id - b.id)
  const begun = new Map<string, number>()
  for (const one of parked) begun.set(groupOf(one), Math.min(one.at, begun.get(groupOf(one)) ?? one.at))
  for (const one of parked) {
    const rule = roster.ruleOf(one.rule)
    const until = full ? undefined : keptUntil(one, rule, begun.get(groupOf(one)) ?? one.at, standing, roster, now, options)
    if (until !== undefined) {
      wakes.push(until)
      continue
    }
    const duty = onDuty(one.to, rule?.hours, roster, now)
    const to = duty.length === 0 || one.recovery ? [...one.to] : duty
    const name = one.why === 'hold' && !rule?.group && !standing.isOver(one) ? String(one.id) : [one.rule, one.group, ...to].join('\n')
    const deed = deeds.get(name)
    if (deed) {
      if (deed.ids.length < summaryLimit) deed.ids.push(one.id)
      continue
    }
    const limited = full || one.at + options.keptMs <= now.mono ? undefined : limits.take(one.rule)
    if (limited !== undefined) {
      wakes.push(Math.min(limited, one.at + options.keptMs))
      continue
    }
    deeds.set(name, { kind: 'tell', rule: one.rule, to, ids: [one.id], why: standing.isOver(one) ? 'over' : one.why })
  }
  return withEnds([...deeds.values()], standing, roster)
}

/**
 * What is over is told before what is raised anew, or it would be the last word: an end that is kept on is told beside that, and one that is told itself goes
 * before it.
 */
function withEnds<T extends { ids: number[] }>(deeds: readonly T[], standing: Standing, roster: Roster): T[] {
  const ends = [...standing.parked.values()].filter(
    (one) => one.state === 'cleared' && !standing.isOver(one) && !standing.isPending(one.id),
  )
  if (ends.length === 0) return [...deeds]
  const byId = new Map(ends.map((end) => [end.id, end]))
  const byTopic = Map.groupBy(ends, topicOf)
  const isBehind = (end: Parked, raises: readonly Parked[]) =>
    raises.some((one) => end.id < one.id && isSameTrouble(end.rule, one.rule, roster))
  const freed = new Set(deeds.flatMap((deed) => deed.ids))
  const raisers = new Map<string, [deed: T, raises: Parked[]][]>()
  const ordered: T[] = []
  for (const deed of deeds) {
    const later = deed.ids.flatMap((id) => {
      const end = byId.get(id)
      const others = end ? (raisers.get(topicOf(end)) ?? []) : []
      return others.flatMap(([other, raises]) => (end && isBehind(end, raises) ? [ordered.indexOf(other)] : []))
    })
    ordered.splice(later.length === 0 ? ordered.length : Math.min(...later), 0, deed)
    for (const [topic, raises] of newestRaises(deed.ids, standing)) {
      raisers.set(topic, [...(raisers.get(topic) ?? []), [deed, raises]])
      const kept = (byTopic.get(topic) ?? []).filter((end) => !freed.has(end.id) && isBehind(end, raises))
      for (const { id } of kept) freed.add(id)
      if (kept.length > 0) deed.ids = [...deed.ids, ...kept.map((end) => end.id)].sort((a, b) => a - b)
    }
  }
  return ordered
}

/** What is raised, and not known to be over: of each rule the newest, by topic. */
function newestRaises(ids: readonly number[], standing: Standing): Map<string, Parked[]> {
  const found = new Map<string, Parked[]>()
  for (const id of ids) {
    const one = standing.parked.get(id)
    if (one?.state !== 'raised' || standing.hasEnded(id)) continue
    const others = found.get(topicOf(one))?.filter((other) => other.rule !== one.rule) ?? []
    found.set(topicOf(one), [...others, one])
  }
  return found
}

const topicOf = ({ source, key }: Parked): string => `${source}\0${key ?? ''}`
const groupOf = (one: Parked): string => `${one.rule}\0${one.group}`

/** When to look at it again; undefined: it may be told now, as far as the limit of its rule allows. */
function keptUntil(
  one: Parked,
  rule: CompiledRule | undefined,
  begun: number,
  standing: Standing,
  roster: Roster,
  now: Now,
  { keptMs }: DueOptions,
): number | undefined {
  const later = (at: number) => (at > now.mono ? at : undefined)
  if (one.at + keptMs <= now.mono) return undefined
  if (standing.isOver(one)) return later(one.at + keptMs)
  const since = standing.get(one.rule, one.source, one.key ?? '')?.since ?? one.at
  const held = one.why === 'hold' && rule?.hold !== undefined ? later(since + rule.hold) : undefined
  if (held !== undefined) return held
  const reason = reasonToWait(one, standing, roster, now)
  if (reason)
    return Math.min(
      reason.until ?? Number.POSITIVE_INFINITY,
      one.at + keptMs,
      now.mono + (reason.why === 'quiet' ? lookMs : Number.POSITIVE_INFINITY),
    )
  return rule?.group ? later(groupDue(one, begun, rule.group, standing)) : undefined
}

/** Its like are waited for from the first of them on; and the same people hear of them again only after the interval. */
function groupDue(one: Parked, begun: number, { wait, interval }: NonNullable<CompiledRule['group']>, standing: Standing): number {
  const last = standing.grouped(one.rule, one.group)
  return Math.max(begun + wait, last === undefined ? Number.NEGATIVE_INFINITY : last + interval)
}

/** What is told and lasts, and nobody has acknowledged. */
function lasting(
  one: Situation,
  standing: Standing,
  roster: Roster,
  now: Now,
  { waits }: DueOptions,
  limits: Limits,
  wakes: number[],
): Deed[] {
  const rule = roster.ruleOf(one.rule)
  if (!rule || one.told === undefined || one.lastTold === undefined || one.acknowledged) return []
  const deeds: Deed[] = []
  const escalation = rule.escalate && !one.escalated ? one.told + rule.escalate.after : undefined
  const reminder = rule.repeat?.length ? one.lastTold + (rule.repeat[Math.min(one.reminders, rule.repeat.length - 1)] ?? 0) : undefined
  const ready = (at: number | undefined, to: readonly string[]): string[] => {
    if (at === undefined) return []
    if (at > now.mono) {
      wakes.push(at)
      return []
    }
    const reason = reasonToWait({ ...one, to }, standing, roster, now)
    if (reason) wakes.push(Math.min(reason.until ?? Number.POSITIVE_INFINITY, now.mono + lookMs))
    const duty = onDuty(to, rule.hours, roster, now)
    return reason ? [] : duty.length > 0 ? duty : [...to]
  }
  const escalated = ready(escalation, rule.escalate?.to ?? [])
  if (escalated.length > 0) deeds.push({ kind: 'escalation', situation: one, to: escalated })
  const reminded = ready(reminder, one.to)
  if (reminded.length === 0) return deeds
  const later = waits(one.letter ?? one.id) ? now.mono + lookMs : limits.take(one.rule)
  if (later === undefined) deeds.push({ kind: 'reminder', situation: one, to: reminded, count: one.reminders + 1 })
  else wakes.push(later)
  return deeds
}
