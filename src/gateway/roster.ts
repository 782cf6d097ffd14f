import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'
import { momentOf } from '../queue/moment.ts'
import type { Beside } from '../queue/queue.ts'
import { compileRules } from '../rules/match.ts'
import { type Roster, rosterOf } from '../rules/roster.ts'
import { Standing } from '../rules/standing.ts'
import type { Diary } from './diary.ts'
import type { Plan } from './plan.ts'

/** Throws RuleError, which the check of the settings has made impossible. */
export const rosterFor = (plan: Plan): Roster => {
  return rosterOf(compileRules(plan.rules), {
    fallback: plan.people[0]?.id ?? 'operator',
    hoursOf: (recipient) => plan.hours.get(recipient),
    timeZone: plan.site.timeZone,
    holidays: plan.holidays,
  })
}

export function standingFor(plan: Plan, clock: Clock): Standing {
  const rules = new Map(plan.rules.map((rule) => [rule.id, rule]))
  return new Standing({
    now: () => clock.monotonic(),
    stamp: () => stampNow(clock),
    momentOf: (stamp) => momentOf(stamp, clock, plan.builtAt),
    remembers: (id) => {
      const rule = rules.get(id)
      return { letters: rule?.limit?.count ?? 0, changes: rule?.chatter ? rule.chatter.count + 1 : 0 }
    },
    groupOf: (id, alert) => groupOf(alert, rules.get(id)?.group?.by),
  })
}

/** What is folded beside the queue: how things stand, and the diary. */
export const besideOf = (standing: Standing, diary: Diary): Beside => ({
  alert: (alert, id) => {
    diary.alert(alert, id)
    return standing.alert(alert, id)
  },
  note: (value) => {
    standing.note(value)
    diary.note(value)
  },
  settled: (how, recipients) => diary.settled(how, recipients),
  toJSON: () => ({ standing: standing.toJSON(), diary: diary.toJSON() }),
  restore: (value) => {
    const { standing: stood, diary: lived } = (value ?? {}) as Record<string, unknown>
    standing.restore(stood)
    diary.restore(lived)
  },
})

/** What its group has in common, in one line; '' for an alert that is not grouped. */
const groupOf = (alert: Alert, by: readonly string[] | undefined): string =>
  by === undefined ? '' : `=${by.map((name) => memberOf(alert, name)).join('\n')}`

function memberOf(alert: Alert, name: string): string {
  switch (name) {
    case 'key':
      return alert.key ?? ''
    case 'source':
    case 'severity':
    case 'state':
      return alert[name]
    case 'topic':
      return alert.topic ?? ''
    default:
      return String(alert.fields?.[name] ?? '')
  }
}
