import type { KeptWhy, Reading, Severity } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Past } from '../queue/history.ts'
import type { Queue } from '../queue/queue.ts'
import type { Note } from '../rules/note.ts'
import type { Silence } from '../rules/silence.ts'
import type { Situation } from '../rules/situation.ts'
import { type Standing, silencesLimit } from '../rules/standing.ts'
import { Hook } from '../source/hook.ts'
import type { Source, SourceState, Take, Taken } from '../source/source.ts'
import { ownSource } from './backlog.ts'
import type { Courier } from './courier.ts'
import type { Counts, Diary } from './diary.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Fate, Fates } from './fates.ts'
import type { LinkFacts, Lookout } from './lookout.ts'
import type { BudgetFacts, Purser } from './purser.ts'
import type { Registrar } from './registrar.ts'
import type { Scribe } from './scribe.ts'

/**
 * Desk: what a person may ask of the running gateway, from the command line or the page. Every answer is plain data.
 */
export type DeskOptions = {
  clock: Clock
  queue: Queue
  scribe: Scribe
  log: Log
  /** Missing while the gateway stands still. */
  courier?: Courier
  lookout?: Lookout
  purser: Purser
  registrar: Registrar
  standing: Standing
  diary: Diary
  /** Missing while the gateway stands still. */
  fates?: Fates
  hits?: ReadonlyMap<string, { count: number; at: number }>
  /** Missing while the gateway stands still. */
  dispatcher?: Dispatcher
  sources: readonly Source[]
  /** Missing while the gateway stands still. */
  take?: Take
}

export type WaitingLetter = {
  id: number
  source: string
  number: number
  severity: Severity
  text: string
  to: string[]
  state: 'waiting' | 'held' | 'deferred' | 'kept'
  attempts: number
  /** Ms since it was accepted. */
  ageMs: number
  /** Ms until the next try; 0 when it only waits for the way. */
  nextTryMs: number
  /** Why it stays although it could be tried; a sentence. */
  why?: string
}

export type Sending = { to: string; text: string; subject?: string; severity: Severity; key?: string }

export type Silencing = { match: Silence['match']; ms: number; by: string; why?: string }

export type Active = {
  /** Of the alert that raised it. */
  id: number
  rule: string
  source: string
  key: string
  severity: Severity
  text: string
  /** Ms since it was raised. */
  ageMs: number
  told: boolean
  reminders: number
  acknowledgedBy?: string
}

const activeOf = ({ id, rule, source, key, severity, text, since, told, reminders, acknowledged }: Situation, now: number): Active => ({
  id,
  rule,
  source,
  key,
  severity,
  text,
  ageMs: now - since,
  told: told !== undefined,
  reminders,
  ...(acknowledged ? { acknowledgedBy: acknowledged.by } : {}),
})

const keptSentence: Readonly<Record<KeptWhy, string>> = {
  hold: 'Its rule waits whether it lasts.',
  group: 'Its rule waits for others to tell together.',
  limit: 'Its rule has told as much as its limit allows; it is told with the others when there is room.',
  quiet: 'Nobody of its rule is on duty.',
  silence: 'It is silenced; it is told when the silence is over.',
  inhibited: 'Another alert explains it; it is told when that is over.',
  chatter: 'It comes and goes too often; it is told when it is calm.',
  over: 'It was over before it had to be told; the next letter names it.',
}

/** What stands in the list for a letter that waits and cannot be read now: it is there. */
const unread = (severity: Severity, why: unknown) => ({ source: '?', number: 0, severity, text: `It cannot be read now: ${sentence(why)}` })

/** Of one letter: a mail that is passed on may have megabytes. */
const showBytes = 256 * 1024
/** A page of the list. */
export const listLimit = 200

export class Desk {
  readonly #options: DeskOptions
  /** In this life: several may come within the same ms. */
  #silenced = 0

  constructor(options: DeskOptions) {
    this.#options = options
  }

  /** One alert from a person or a script. `to` is the id of a person or an address. */
  send(sending: Sending): Promise<Taken> {
    const { text, subject, severity, key, to } = sending
    return this.#options.registrar.accept({
      source: 'cli',
      text,
      severity,
      state: 'event',
      to: [to],
      stamp: stampNow(this.#options.clock),
      ...(subject === undefined ? {} : { subject }),
      ...(key === undefined ? {} : { key }),
    })
  }

  /** News of the box itself, under the rules. */
  tell(reading: Reading): Promise<Taken> {
    return this.#options.registrar.offer(reading, { source: ownSource })
  }

  /** What a machine or the page posted, as if a wire of this name had said it: through the decoder and the rules. */
  async hear(source: string, bytes: Uint8Array): Promise<Taken> {
    const hook = this.#options.sources.find((one) => one.id === source)
    if (hook instanceof Hook) return hook.hear(bytes)
    const away = { kind: 'refused' as const, why: 'the gateway stands still', hint: 'Start it, and send the alert again.', again: true }
    return this.#options.take?.({ source, bytes }) ?? away
  }

  /** Letters that wait, oldest first, `listLimit` from the first above `after`. */
  async list(after = 0): Promise<{ total: number; letters: WaitingLetter[]; link?: LinkFacts; budget?: BudgetFacts }> {
    const ids = this.#options.queue.waiting.ids(listLimit, after)
    const letters: WaitingLetter[] = []
    for (const id of ids) {
      const one = await this.#waiting(id)
      if (one) letters.push(one)
    }
    return { total: this.#options.queue.waiting.size, letters, ...this.#way() }
  }

  /** One letter with the whole mail as it would leave now. */
  async show(id: number): Promise<(WaitingLetter & { mail: string }) | undefined> {
    const { scribe } = this.#options
    const waiting = await this.#waiting(id)
    const whole = await scribe.whole(id)
    if (!waiting || !whole) return undefined
    return { ...waiting, mail: Buffer.from(whole.content.subarray(0, showBytes)).toString() }
  }

  /** Letters that have left, newest first, those with an id below `before`. */
  async past(before?: number): Promise<{ letters: Past[] }> {
    return { letters: await this.#options.queue.past(listLimit, before) }
  }

  /** What became of a letter, and whether it waits still; `why` is what its relays say of themselves. */
  async fate(id: number): Promise<{ waits: boolean; outcomes: readonly Fate[]; letter?: WaitingLetter; why?: string; hint?: string }> {
    const { queue, fates, courier } = this.#options
    const letter = queue.waiting.get(id) ? await this.#waiting(id) : undefined
    const fault = courier?.health.list().find((relay) => relay.why !== undefined)
    return {
      waits: letter !== undefined,
      outcomes: fates?.of(id) ?? [],
      ...(letter ? { letter } : {}),
      ...(fault?.why === undefined ? {} : { why: fault.why }),
      ...(fault?.hint === undefined ? {} : { hint: fault.hint }),
    }
  }

  /** Tries one letter, or all and every relay, now. False: no such letter waits. */
  retry(id?: number): boolean {
    const { queue, courier } = this.#options
    if (id !== undefined) {
      const state = queue.waiting.get(id)
      if (!state) return false
      queue.waiting.defer(id, state.attempts, 0)
    } else
      for (const each of queue.waiting.ids(Number.MAX_SAFE_INTEGER)) queue.waiting.defer(each, queue.waiting.get(each)?.attempts ?? 0, 0)
    courier?.release()
    courier?.nudge()
    return true
  }

  /** A held letter does not leave until it is released. */
  hold(id: number, held: boolean): boolean {
    if (!this.#options.queue.waiting.get(id)) return false
    this.#options.queue.mark(id, { kind: held ? 'held' : 'released' })
    this.#options.courier?.nudge()
    return true
  }

  /** Somebody decided that nobody needs to be told. */
  drop(id: number, who: string): boolean {
    if (!this.#options.queue.waiting.get(id)) return false
    this.#options.log('warning', 'letter: dropped by hand', { id, who })
    this.#options.queue.mark(id, { kind: 'dropped', why: `dropped by ${who}` })
    return true
  }

  /** What is raised, oldest first, with what is silenced and how much is kept. */
  alerts(): { active: Active[]; kept: number; silences: (Omit<Silence, 'until'> & { leftMs: number })[] } {
    const { standing, clock } = this.#options
    const now = clock.monotonic()
    const active = standing.situations.map((one) => activeOf(one, now)).sort((a, b) => a.id - b.id)
    const silences = standing.silences.filter((one) => one.until > now).map(({ until, ...rest }) => ({ ...rest, leftMs: until - now }))
    return { active, kept: standing.parked.size, silences }
  }

  /** Somebody has taken it on: no more reminders, no escalation. False: nothing with this id is raised. Rejects with StorageError. */
  async acknowledge(id: number, by: string): Promise<boolean> {
    const { standing, clock, log } = this.#options
    const known = standing.situations.find((one) => one.id === id)
    if (!known) return false
    const { rule, source, key } = known
    await this.#keep({ kind: 'rules', do: 'acknowledge', rule, source, key, by, stamp: stampNow(clock) })
    log('info', 'alert: acknowledged', { id, by })
    return true
  }

  /** What it covers is kept for so long, and then told together. Rejects with StorageError. */
  async silence({ match, ms, by, why }: Silencing): Promise<{ id: string }> {
    const { clock, log } = this.#options
    const stamp = stampNow(clock)
    const { silences } = this.#options.standing
    if (silences.length >= silencesLimit)
      log('warning', 'alerts: the oldest silence ends, for there are too many', { id: silences[0]?.id, most: silencesLimit })
    const id = `s${++this.#silenced}-${Math.round(stamp.mono)}`
    await this.#keep({ kind: 'rules', do: 'silence', id, match, ms, by, ...(why === undefined ? {} : { why }), stamp })
    log('info', 'alerts: silenced', { id, ...match, ms, by })
    return { id }
  }

  /** False: there is no such silence. */
  async unsilence(id: string): Promise<boolean> {
    if (!this.#options.standing.silences.some((one) => one.id === id)) return false
    await this.#keep({ kind: 'rules', do: 'unsilence', id })
    return true
  }

  async #keep(note: Note): Promise<void> {
    await this.#options.queue.keep(note)
    this.#options.dispatcher?.nudge()
  }

  /** Everything that one look should show. */
  state(): {
    queue: Queue['facts']
    waiting: Record<Severity, number>
    /** Of those that wait, how many the rules keep. */
    kept: number
    /** The newest number of each source. */
    numbers: Record<string, number>
    /** Recipients that were settled since the box was set up. */
    settled: Readonly<Counts>
    /** When nothing ran, in ms of the wall clock as it was believed, and how often the power went. */
    power: { cuts: number; gaps: { from: number; to: number; cut: boolean }[] }
    /** How often a rule took an alert in this life of the gateway, and when last, in ms. */
    hits: Readonly<Record<string, { count: number; at: number }>>
    sources: SourceState[]
    /** `goodMs`: since it took a letter the last time, in this life. */
    relays: (Omit<ReturnType<Courier['health']['list']>[number], 'goodAt'> & { goodMs?: number })[]
    link?: LinkFacts
    budget?: BudgetFacts
  } {
    const { queue, sources, courier, diary, clock } = this.#options
    return {
      queue: queue.facts,
      waiting: queue.waiting.counts(),
      kept: queue.waiting.kept,
      numbers: queue.numbers,
      settled: diary.settlements,
      power: { cuts: diary.cuts, gaps: diary.gaps.map(({ from, to, cut }) => ({ from: from.wall, to: to.wall, cut })) },
      hits: Object.fromEntries(this.#options.hits ?? []),
      sources: sources.map((source) => source.state()),
      relays: (courier?.health.list() ?? []).map(({ goodAt, ...relay }) => ({
        ...relay,
        ...(goodAt === undefined ? {} : { goodMs: Math.round(clock.monotonic() - goodAt) }),
      })),
      ...this.#way(),
    }
  }

  /** What keeps letters here: the link, and what may still leave by it today. */
  #way(): { link?: LinkFacts; budget?: BudgetFacts } {
    const { lookout, purser } = this.#options
    const budget = purser.facts()
    return { ...(lookout ? { link: lookout.facts() } : {}), ...(budget ? { budget } : {}) }
  }

  /** Why it was put off when it was last tried in this life. */
  #putOffBy(id: number): string | undefined {
    return this.#options.fates?.of(id).find(({ kind }) => kind === 'deferred')?.why
  }

  async #waiting(id: number): Promise<WaitingLetter | undefined> {
    const { queue, clock, purser } = this.#options
    const state = queue.waiting.get(id)
    const stored = state && (await queue.read(id).catch((error) => ({ alert: unread(state.severity, error) })))
    if (!state || !stored) return undefined
    const parked = this.#options.standing.parked.get(id)
    const now = clock.monotonic()
    const why = parked ? keptSentence[parked.why] : (purser.why(id) ?? (state.nextTry > now ? this.#putOffBy(id) : undefined))
    const { source, number, text, severity } = stored.alert
    const pending = state.to.filter((_, index) => (state.pending & (1 << index)) !== 0)
    return {
      id,
      source,
      number,
      severity,
      text,
      to: pending,
      state: state.kept ? 'kept' : state.held ? 'held' : state.nextTry > now ? 'deferred' : 'waiting',
      attempts: state.attempts,
      ageMs: Math.max(0, now - state.accepted),
      nextTryMs: Math.max(0, state.nextTry - now),
      ...(why === undefined ? {} : { why }),
    }
  }
}
