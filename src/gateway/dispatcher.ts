import type { Alert, AlertState, KeptWhy } from '../alert/alert.ts'
import { type Stamp, stampNow } from '../alert/stamp.ts'
import type { KnownTime } from '../alert/when.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Offer } from '../queue/offer.ts'
import type { Queue } from '../queue/queue.ts'
import { decide, type Judged, type Verdict } from '../rules/decide.ts'
import { type Deed, due } from '../rules/due.ts'
import { type Now, nowBy, type Roster } from '../rules/roster.ts'
import type { Situation } from '../rules/situation.ts'
import type { Standing } from '../rules/standing.ts'
import { ownSource } from './backlog.ts'
import { fitted, type Room } from './fitted.ts'
import { toldOf } from './told.ts'

/**
 * Dispatcher: says at once what an alert comes to, and later tells what time alone makes due: what was kept, reminders, escalations. Each of those is a
 * record of its own, which covers what it tells, so that a power cut leaves either them or it.
 */
export type DispatcherOptions = {
  clock: Clock
  log: Log
  queue: Queue
  standing: Standing
  roster: Roster
  room: Room
  /** What was kept for so long is told in any case. */
  keptMs: number
  known(): KnownTime
  onAccepted(id: number): void
  /** The journal cannot read this alert any more. */
  onLost(id: number): void
}

/** After a record that was refused: the disk may have room again. */
const againMs = 60_000
/** What comes in a burst is looked at once. */
const burstMs = 50

export class Dispatcher {
  readonly #options: DispatcherOptions
  #running: Promise<void> | undefined
  #wake: Cancel | undefined
  #stopped = false
  #again = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Before anything is told of what an earlier life kept. */
  start(): void {
    const { queue, standing } = this.#options
    standing.forgetParked((id) => queue.waiting.get(id)?.kept === true)
    this.nudge()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake?.()
    await this.#running
  }

  decide(alert: Judged): Verdict {
    const { standing, roster } = this.#options
    return decide(alert, standing, roster, this.#now())
  }

  /** Something was kept, or ended, or a person did something: what is due may be another thing now. */
  nudge(): void {
    if (this.#stopped) return
    if (this.#running) this.#again = true
    else this.#sleep(burstMs)
  }

  #sleep(ms: number): void {
    this.#wake?.()
    if (this.#stopped) return
    this.#wake = this.#options.clock.after(ms, () => {
      this.#wake = undefined
      this.#running = this.#round().finally(() => {
        this.#running = undefined
      })
    })
  }

  /** One look at everything, and the next one set. */
  async #round(): Promise<void> {
    const { log } = this.#options
    this.#again = false
    let waitMs: number | undefined
    try {
      waitMs = await this.#look()
    } catch (error) {
      log('error', 'dispatcher: a round failed', { why: sentence(error) })
      waitMs = againMs
    }
    const next = this.#again ? burstMs : waitMs
    if (next !== undefined && !this.#stopped) this.#sleep(Math.max(1, next))
  }

  /** Does what is due; returns how long nothing is, in ms. undefined: until something happens. */
  async #look(): Promise<number | undefined> {
    const { standing, roster, queue, keptMs, clock } = this.#options
    const waits = (id: number) => queue.waiting.get(id) !== undefined
    standing.forgetEnded(waits)
    for (;;) {
      const { deeds, wake } = due(standing, roster, this.#now(), { keptMs, waits })
      if (deeds.length === 0 || this.#stopped) return wake === undefined ? undefined : wake - clock.monotonic()
      let isLater = false
      for (const deed of deeds) {
        const done = !this.#stopped && (await this.#do(deed))
        if (!done) return againMs
        isLater ||= done === 'later'
      }
      if (isLater) return againMs
    }
  }

  /** False: it could not be written down. `later`: it cannot be read now, which keeps no other back. Both are due again. */
  async #do(deed: Deed): Promise<boolean | 'later'> {
    const { queue, log, onAccepted } = this.#options
    const offer = deed.kind === 'tell' ? await this.#told(deed) : this.#lasting(deed)
    if (offer === 'later') return 'later'
    if (!offer) return true
    // Nothing may be waited for between the look at how things stand and this.
    const accepted = await queue.accept(offer)
    if (accepted.kind === 'refused' || accepted.repeated) {
      const why = accepted.kind === 'refused' ? accepted.why : 'it is known already'
      log('warning', 'dispatcher: a letter is told later', { kind: deed.kind, why })
      return false
    }
    log('info', `dispatcher: ${deed.kind}`, { id: accepted.id, ...(deed.kind === 'tell' ? { told: deed.ids.length, why: deed.why } : {}) })
    onAccepted(accepted.id)
    return true
  }

  /** Nothing of these can be read any more. Those that do not wait either were dropped by somebody, or are too old: that is no loss. */
  #lost(ids: readonly number[]): void {
    const { standing, queue, onLost } = this.#options
    standing.forgetParked((id) => !ids.includes(id))
    for (const id of ids) if (queue.waiting.get(id)) onLost(id)
  }

  /** undefined: nothing of them can be read any more, or other letters have told them since they were due; `later`: nothing can be read now. */
  async #told({ ids, to, rule, why }: Extract<Deed, { kind: 'tell' }>): Promise<Offer | 'later' | undefined> {
    const { standing } = this.#options
    const read: { id: number; alert: Alert }[] = []
    let unread: unknown
    for (const id of ids) {
      if (!standing.parked.has(id)) continue
      const stored = await this.#options.queue.read(id).catch((error: unknown) => {
        unread = error
      })
      if (stored) read.push({ id, alert: stored.alert })
    }
    const alerts = read.filter(({ id }) => standing.parked.has(id))
    if (unread !== undefined) this.#options.log('warning', 'dispatcher: some letters cannot be read now', { why: sentence(unread) })
    const [first] = alerts
    if (!first) {
      if (unread !== undefined) return 'later'
      this.#lost(ids.filter((id) => standing.parked.has(id)))
      return undefined
    }
    const covers = alerts.map((one) => one.id)
    const made = stampNow(this.#options.clock)
    const isOver = standing.hasEnded(first.id) || (why === 'over' && first.alert.state !== 'raised')
    if (alerts.length > 1 || isOver) return this.#summary(alerts, to, rule, why, made)
    // What it ended was over when it was heard: it says nothing of what was raised since.
    const { kept: _, previous: _previous, parent: _parent, over: _over, telling, ...alert } = first.alert
    return { ...alert, to, covers, telling: { ...telling, kind: telling?.kind === 'recovery' ? 'recovery' : 'raised', made } }
  }

  #summary(alerts: { id: number; alert: Alert }[], to: string[], rule: string, why: KeptWhy, made: Stamp): Offer {
    const { room, clock, known, standing } = this.#options
    const told = alerts.map(({ id, alert }) => toldOf(id, alert, clock, known(), standing.hasEnded(id)))
    const about = { source: ownSource, state: 'event', to, stamp: made, ...(rule === '' ? {} : { rule }) } as const
    return fitted(told, room, why, (digest) => ({ ...about, ...digest, telling: { kind: 'summary', made } })).offer
  }

  /** undefined: it is over, acknowledged or told otherwise since it was due. */
  #lasting(deed: Extract<Deed, { kind: 'reminder' | 'escalation' }>): Offer | undefined {
    const { kind, situation: then, to } = deed
    const situation = this.#options.standing.get(then.rule, then.source, then.key)
    if (situation?.id !== then.id || situation.acknowledged) return undefined
    if (kind === 'reminder' ? situation.lastTold !== then.lastTold : situation.escalated || situation.told !== then.told) return undefined
    const made = stampNow(this.#options.clock)
    return {
      ...alertOf(situation),
      to,
      stamp: made,
      telling: { kind, made, since: situation.stamp, ...(deed.kind === 'reminder' ? { count: deed.count } : {}) },
    }
  }

  #now(): Now {
    return nowBy(this.#options.clock, this.#options.known().builtAt)
  }
}

/** What is known of a situation, as an alert. */
function alertOf({
  rule,
  source,
  key,
  number,
  severity,
  text,
  value,
  unit,
}: Situation): Omit<Offer, 'to' | 'stamp'> & { state: AlertState } {
  return {
    source,
    number,
    severity,
    state: 'raised',
    text,
    ...(rule === '' ? {} : { rule }),
    ...(key === '' ? {} : { key }),
    ...(value === undefined ? {} : { value }),
    ...(unit === undefined ? {} : { unit }),
  }
}
