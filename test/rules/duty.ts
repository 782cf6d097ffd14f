import type { Alert } from '../../src/alert/alert.ts'
import { stampNow } from '../../src/alert/stamp.ts'
import { instant } from '../../src/ports/clock.ts'
import { decide, type Judged } from '../../src/rules/decide.ts'
import { type Deed, due } from '../../src/rules/due.ts'
import { parseHours } from '../../src/rules/hours.ts'
import { compileRules } from '../../src/rules/match.ts'
import { nowBy, type Roster, rosterOf } from '../../src/rules/roster.ts'
import type { Rule } from '../../src/rules/rule.ts'
import { Standing } from '../../src/rules/standing.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

export const second = 1000
export const minute = 60_000
export const hour = 3_600_000

/** A letter as somebody reads it: to whom, what kind, and the numbers that it tells. `ids`: the records; `active`: those of them that it tells as raised. */
export type Told = {
  at: number
  to: string[]
  kind: string
  text: string
  numbers: number[]
  ids: number[]
  active: number[]
  merged?: string
}

/**
 * A day of the rules without a journal: what is heard is decided and remembered, what time makes due is told. Monday 2026-11-23, 08:00 in UTC, is 0.
 */
export class Duty {
  readonly timeline = new Timeline()
  readonly clock: SimClock
  roster: Roster
  standing: Standing
  readonly told: Told[] = []
  readonly ignored: string[] = []
  readonly heard = new Map<number, Alert>()
  readonly kept = new Map<number, Alert>()
  readonly untold = new Set<number>()
  #rules: Rule[]
  readonly #people: Record<string, string>
  #id = 0
  #numbers = new Map<string, number>()

  constructor(rules: (Omit<Rule, 'to'> & { to?: string[] })[], people: Record<string, string> = {}) {
    this.clock = new SimClock(this.timeline, 'boot-1', Date.UTC(2026, 10, 23, 8))
    this.#rules = rules.map((rule) => ({ to: ['ops'], ...rule }))
    this.#people = people
    this.roster = this.#called()
    this.standing = this.#open()
  }

  #called(): Roster {
    return rosterOf(compileRules(this.#rules), {
      fallback: 'first',
      hoursOf: (id) => {
        const hours = this.#people[id] === undefined ? undefined : parseHours(this.#people[id])
        return typeof hours === 'object' ? hours : undefined
      },
      timeZone: 'UTC',
      holidays: [],
    })
  }

  /** Somebody changes the settings: a rule has another name, and other things as well. */
  rename(from: string, id: string, more: Partial<Rule> = {}): void {
    this.#rules = this.#rules.map((rule) => (rule.id === from ? { ...rule, ...more, id } : rule))
    this.roster = this.#called()
    this.restart()
  }

  #open(): Standing {
    const rules = new Map(this.#rules.map((rule) => [rule.id, rule]))
    return new Standing({
      now: () => this.clock.monotonic(),
      stamp: () => stampNow(this.clock),
      momentOf: (stamp) => stamp.mono,
      remembers: (id) => ({ letters: rules.get(id)?.limit?.count ?? 0, changes: (rules.get(id)?.chatter?.count ?? -1) + 1 }),
      groupOf: (id, alert) => {
        const by = rules.get(id)?.group?.by
        return by === undefined ? '' : `=${by.map((name) => String(name === 'key' ? alert.key : (alert.fields?.[name] ?? ''))).join(' ')}`
      },
    })
  }

  /** The gateway goes and comes again: what stood is what was written. */
  restart(): void {
    const written = JSON.parse(JSON.stringify(this.standing))
    const parked = [...this.standing.parked.keys()]
    this.standing = this.#open()
    this.standing.restore(written)
    for (const id of parked) {
      const alert = this.kept.get(id)
      if (alert) this.standing.alert(alert, id).durable()
    }
  }

  hear(alert: Partial<Judged> & { text: string }): void {
    const heard: Judged = { source: 'plc', severity: 'warning', state: 'event', ...alert }
    const verdict = decide(heard, this.standing, this.roster, this.#now())
    if (verdict.kind === 'ignore') {
      this.ignored.push(verdict.why)
      return
    }
    const number = (this.#numbers.get(heard.source) ?? 0) + 1
    this.#numbers.set(heard.source, number)
    const { kind: _, ...decision } = verdict
    const written: Alert = { ...heard, ...decision, number, stamp: stampNow(this.clock) }
    this.heard.set(this.#id + 1, written)
    this.#write(written, written.state === 'raised' ? [this.#id + 1] : [])
  }

  /** The next moment, and everything until then that time makes due. */
  async pass(ms: number): Promise<void> {
    const until = this.timeline.now + ms
    for (;;) {
      const { deeds, wake } = due(this.standing, this.roster, this.#now(), { keptMs: 60 * hour, waits: () => false })
      for (const deed of deeds) this.#do(deed)
      if (deeds.length > 0) continue
      const at = wake === undefined ? until + 1 : this.timeline.now + wake - this.clock.monotonic()
      if (at > until) break
      await this.timeline.run(at)
    }
    await this.timeline.run(until)
  }

  /** Every number of a source that somebody was told, in whichever letter. */
  numbersTold(): number[] {
    return this.told.flatMap((one) => one.numbers).sort((a, b) => a - b)
  }

  #do(deed: Deed): void {
    const made = stampNow(this.clock)
    if (deed.kind === 'tell') {
      const alerts = deed.ids.flatMap((id) => this.kept.get(id) ?? [])
      const active = deed.ids.filter((id) => this.kept.get(id)?.state === 'raised' && !this.standing.hasEnded(id))
      const [first] = alerts
      if (!first) return
      const { kept: _, ...alert } = first
      if (alerts.length === 1 && (deed.why !== 'over' || first.state === 'raised') && !deed.ids.some((id) => this.standing.hasEnded(id)))
        this.#write({ ...alert, to: deed.to, covers: deed.ids, telling: { kind: 'raised', made } }, active)
      else
        this.#write(
          {
            source: 'outpost',
            number: 0,
            severity: 'warning',
            state: 'event',
            text: deed.why,
            to: deed.to,
            covers: deed.ids,
            stamp: made,
            rule: deed.rule,
            telling: { kind: 'summary', made },
          },
          active,
        )
      return
    }
    const { situation, to, kind } = deed
    const { source, key, number, severity, text, rule } = situation
    const telling = { kind, made, since: situation.stamp }
    this.#write({ source, key, number, severity, text, rule, state: 'raised', to, stamp: made, telling }, [])
  }

  #write(alert: Alert, active: number[]): void {
    const id = ++this.#id
    this.standing.alert(alert, id).durable()
    if (alert.kept) {
      this.kept.set(id, alert)
      this.untold.add(id)
      return
    }
    const covered = (alert.covers ?? []).flatMap((one) => this.kept.get(one)?.number ?? [])
    for (const one of alert.covers ?? []) this.untold.delete(one)
    const own = alert.telling === undefined || alert.telling.kind === 'recovery' ? [alert.number] : []
    this.told.push({
      at: this.timeline.now,
      to: alert.to,
      kind: alert.telling?.kind ?? alert.state,
      text: alert.text,
      numbers: [...own, ...covered],
      ids: [...(own.length > 0 ? [id] : []), ...(alert.covers ?? [])],
      active,
      ...(alert.merged === undefined ? {} : { merged: alert.merged }),
    })
  }

  #now() {
    return nowBy(this.clock, instant(0))
  }
}
