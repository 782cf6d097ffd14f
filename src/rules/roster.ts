import type { Severity } from '../alert/alert.ts'
import type { Clock, Instant } from '../ports/clock.ts'
import { type Hours, isOpen, nextChange } from './hours.ts'
import type { CompiledRule, CompiledRules } from './match.ts'
import { isSilencedBy } from './silence.ts'
import type { Standing } from './standing.ts'

/** Roster: the rules and who is on duty, as decisions want them. */
export type Roster = {
  rules: CompiledRules
  ruleOf(id: string): CompiledRule | undefined
  /** Whoever hears of what no rule takes. */
  fallback: string
  /** When somebody may be told; undefined: always. */
  hoursOf(recipient: string): Hours | undefined
  timeZone: string
  holidays: readonly string[]
}

/**
 * What one rule says to be over is what another one raises: by the word of the device, and not by levels of their own; and the end of that will be told. The same
 * rule always means the same.
 */
export function isSameTrouble(over: string, raised: string, roster: Roster): boolean {
  const isWord = (rule: string) => rule === '' || (roster.ruleOf(rule) !== undefined && roster.ruleOf(rule)?.condition === undefined)
  return over === raised || (isWord(over) && isWord(raised) && roster.ruleOf(raised)?.recovery !== false)
}

/** This moment: on the monotonic scale, and on the wall as far as the clock is known to be set. */
export type Now = { mono: number; wall: Instant; certain: boolean }

/** What the clock says now; `builtAt`: no earlier time is believable. */
export function nowBy(clock: Clock, builtAt: Instant): Now {
  const wall = clock.wall()
  const set = clock.synchronised()
  return { mono: clock.monotonic(), wall, certain: set === 'yes' || (set === 'unknown' && wall >= builtAt) }
}

export const rosterOf = (rules: CompiledRules, rest: Omit<Roster, 'rules' | 'ruleOf'>): Roster => {
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  return { ...rest, rules, ruleOf: (id) => byId.get(id) }
}

/** What keeps an alert back for now, and until when (monotonic ms) as far as that is known. */
export type Reason = { why: 'silence' | 'inhibited' | 'chatter' | 'quiet'; until?: number }

type Candidate = { rule: string; source: string; key?: string; severity: Severity; to: readonly string[]; recovery?: boolean }

/** Why nobody is to be told of it at this moment, whatever its rule says of holding, grouping and limits; undefined: somebody may. */
export function reasonToWait(one: Candidate, standing: Standing, roster: Roster, now: Now): Reason | undefined {
  const rule = roster.ruleOf(one.rule)
  const silence = standing.silences.find((each) => each.until > now.mono && isSilencedBy(each, one))
  if (silence) return { why: 'silence', until: silence.until }
  // Nothing explains the end of what was told.
  if (!one.recovery && rule?.inhibitedBy?.some((other) => other !== one.rule && standing.hasOpen(other))) return { why: 'inhibited' }
  const calmAt = rule && calmFrom(one, rule, standing, now)
  if (calmAt !== undefined) return { why: 'chatter', until: calmAt }
  if (one.severity === 'critical' || onDuty(one.to, rule?.hours, roster, now).length > 0) return undefined
  const opens = opensAt(one.to, rule?.hours, roster, now)
  return { why: 'quiet', ...(opens === undefined ? {} : { until: opens }) }
}

/** When what chatters will have been calm for long enough; undefined: it does not chatter. */
function calmFrom({ rule: id, source, key = '' }: Candidate, rule: CompiledRule, standing: Standing, now: Now): number | undefined {
  if (!rule.chatter) return undefined
  const { count, spanMs } = rule.chatter
  const changes = standing.changes(id, source, key)
  const last = changes.at(-1) ?? Number.NEGATIVE_INFINITY
  // The one that makes it too many is told: somebody should know that it chatters.
  const first = changes.at(-1 - count) ?? Number.NEGATIVE_INFINITY
  return last - first < spanMs && last + spanMs > now.mono ? last + spanMs : undefined
}

/** Those of the recipients who may be told now. With an unset clock nobody knows the hour, and everybody may. */
export function onDuty(to: readonly string[], hours: Hours | undefined, roster: Roster, now: Now): string[] {
  const open = (one: Hours | undefined) => one === undefined || !now.certain || isOpen(one, now.wall, roster.timeZone, roster.holidays)
  return open(hours) ? to.filter((recipient) => open(roster.hoursOf(recipient))) : []
}

/** When to look again, on the monotonic scale: the first change of anybody's hours. */
function opensAt(to: readonly string[], hours: Hours | undefined, roster: Roster, now: Now): number | undefined {
  const all = [hours, ...to.map((recipient) => roster.hoursOf(recipient))]
  const changes = all.flatMap((one) => (one && nextChange(one, now.wall, roster.timeZone, roster.holidays)) ?? [])
  return changes.length === 0 ? undefined : now.mono + (Math.min(...changes) - now.wall)
}

/** Letters that the limit of a rule leaves at this moment, and when it leaves more. */
export function leftOf(rule: CompiledRule | undefined, standing: Standing, now: Now): { letters: number; until?: number } {
  if (!rule?.limit) return { letters: Number.POSITIVE_INFINITY }
  const { count, spanMs } = rule.limit
  const within = standing.letters(rule.id).filter((at) => at > now.mono - spanMs)
  const [oldest] = within.slice(-count)
  return { letters: Math.max(0, count - within.length), ...(oldest === undefined ? {} : { until: oldest + spanMs }) }
}
