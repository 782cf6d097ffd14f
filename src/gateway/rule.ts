import { parseHours } from '../rules/hours.ts'
import { parseRate, type Rule } from '../rules/rule.ts'
import { durationMs } from '../settings/duration.ts'
import type { Settings } from '../settings/schema.ts'

/** A rule of the settings as the stage wants it; it has been checked. */
export function ruleOf(rule: Settings['rules'][number]): Rule {
  const { id, to, when, hold, clearBelow, clearAbove, repeat, group, escalate, limit, chatter, recovery, hours, inhibitedBy } = rule
  const rate = (text: string | undefined) => (text === undefined ? undefined : parseRate(text))
  const open = hours === undefined ? undefined : parseHours(hours)
  return defined<Rule>({
    id,
    to,
    when: defined<Rule['when']>(when),
    continue: rule.continue || undefined,
    hold: hold === undefined ? undefined : durationMs(hold),
    clearBelow,
    clearAbove,
    repeat: repeat?.map(durationMs),
    group: group && { by: group.by, wait: durationMs(group.wait), interval: durationMs(group.interval) },
    escalate: escalate && { after: durationMs(escalate.after), to: escalate.to },
    limit: rate(limit),
    chatter: rate(chatter),
    recovery,
    hours: typeof open === 'object' ? open : undefined,
    inhibitedBy,
  })
}

/** Without the members that are not there. */
const defined = <T extends object>(members: { [K in keyof T]?: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T

export type Templates = { subject?: string; body?: string }

/** By a rule's id; the language of the site, or the other one where it has none. */
export function templatesOf({ rules, site }: Pick<Settings, 'rules' | 'site'>): (rule: string) => Templates | undefined {
  const inWords = (given: Settings['rules'][number]['subject']) =>
    typeof given === 'object' ? (given[site.language] ?? given.en ?? given.de) : given
  const known = new Map(
    rules.map(({ id, subject, body }) => [id, defined<Templates>({ subject: inWords(subject), body: inWords(body) })] as const),
  )
  return (rule) => known.get(rule)
}
