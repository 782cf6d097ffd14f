import { type Alert, type AlertState, type KeptWhy, rank, type Severity } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import { newestFitting } from '../alert/fitting.ts'
import type { Stamp } from '../alert/stamp.ts'
import { type Note, noteIn } from './note.ts'
import type { Silence } from './silence.ts'
import { type Situation, situationsIn, withHearers, withLetter, writtenSituations } from './situation.ts'
import { listOf, pairsOf } from './written.ts'

/** An alert that is on the disk and not told yet. */
export type Parked = {
  id: number
  rule: string
  source: string
  key?: string
  number: number
  severity: Severity
  state: AlertState
  why: KeptWhy
  to: readonly string[]
  /** The end of what was told. */
  recovery?: true
  at: number
  /** Those with the same word here are told in one letter. */
  group: string
}

export type StandingOptions = {
  /** This moment, and as a stamp. */
  now(): number
  stamp(): Stamp
  /** A stamp of this or an earlier boot as a moment. */
  momentOf(stamp: Stamp): number
  /** What the rules need to remember of themselves: letters in the span of a limit, changes of one that chatters. */
  remembers(rule: string): { letters: number; changes: number }
  groupOf(rule: string, alert: Alert): string
}

/** What is raised at once; beyond it the oldest is forgotten: it is neither repeated nor escalated, and its end is told as any other alert. */
const situationsLimit = 512
const textChars = 100
/** Beyond it the oldest ends. */
export const silencesLimit = 64
/** Letters that are known to tell what is over; beyond it the oldest is forgotten, and is called active where several are told. */
const endedLimit = 1024
const remembered = { letters: 200, changes: 32, names: 128 }
/** What is written down of each, as JSON: all of it stands at the head of every segment. Keys and recipients come from outside, and may be long. */
const writtenOctets = { situations: 128 * 1024, letters: 48 * 1024, changes: 48 * 1024, grouped: 16 * 1024 }

type Pending = { alert: Alert; id: number; undo: (() => void)[] }

/**
 * Standing: how things stand: what is raised and whom that was told, what is kept back and why, what people have acknowledged and silenced. It is folded
 * from the records of the journal and stands at the head of every segment, so that a restart or a power cut changes no decision. Bounded.
 *
 * Moments are on the monotonic scale of this boot, in ms.
 */
export class Standing {
  readonly #options: StandingOptions
  readonly #situations = new Map<string, Situation>()
  readonly #parked = new Map<number, Parked>()
  /** Raises that are kept, and whose end is on record: what tells them does not call them active. */
  readonly #ended = new Map<number, true>()
  /** Letters about what was raised, and whose end is on record: they may wait longer than that took. */
  readonly #endedLetters = new Map<number, true>()
  readonly #letters = new Map<string, readonly number[]>()
  readonly #changes = new Map<string, readonly number[]>()
  readonly #grouped = new Map<string, number>()
  #silences: Silence[] = []
  #lastId = 0
  /** Taken in, and not known to be on the disk. */
  readonly #pending: Pending[] = []
  #undo: (() => void)[] = []

  constructor(options: StandingOptions) {
    this.#options = options
  }

  get situations(): readonly Situation[] {
    return [...this.#situations.values()]
  }

  get parked(): ReadonlyMap<number, Parked> {
    return this.#parked
  }

  /** It was taken in, and is not on the disk yet: it can neither be read nor told. */
  isPending(id: number): boolean {
    return this.#pending.some((one) => one.id === id)
  }

  get silences(): readonly Silence[] {
    return this.#silences
  }

  /** What is raised of this source and key, by whichever rule. */
  open(source: string, key: string): Situation[] {
    const found: Situation[] = []
    for (const one of this.#situations.values()) if (one.source === source && one.key === key) found.push(one)
    return found
  }

  get(rule: string, source: string, key: string): Situation | undefined {
    return this.#situations.get(nameOf(rule, source, key))
  }

  /** What was held is over before it was told; or it was never to be told on its own. */
  isOver({ id, why, rule, source, key = '' }: Parked): boolean {
    if (why !== 'hold') return why === 'over'
    const open = this.get(rule, source, key)
    return open === undefined || id < open.id
  }

  /** It was raised, is kept or waits as a letter, and its end is known to have come since, under whichever rule. */
  hasEnded(id: number): boolean {
    return this.#ended.has(id) || this.#endedLetters.has(id)
  }

  /** What is raised of all that this letter told, whichever kind of letter it is. */
  toldBy(letter: number): Situation[] {
    return this.situations.filter((one) => one.id === letter || one.letters?.includes(letter))
  }

  hasOpen(rule: string): boolean {
    for (const one of this.#situations.values()) if (one.rule === rule) return true
    return false
  }

  /** Moments of the letters of a rule, oldest first, as many as its limit counts. */
  letters(rule: string): readonly number[] {
    return this.#letters.get(rule) ?? []
  }

  /** Moments at which it was raised, oldest first. */
  changes(rule: string, source: string, key: string): readonly number[] {
    return this.#changes.get(nameOf(rule, source, key)) ?? []
  }

  /** When a group was last told. */
  grouped(rule: string, group: string): number | undefined {
    return this.#grouped.get(`${rule}\0${group}`)
  }

  /**
   * Takes in a record of the journal, at once, for the next alert is decided by it; what is written down of how things stand goes without it until it is
   * `durable`. One that was taken in before says only that it is still kept.
   */
  alert(alert: Alert, id: number): { durable(): void; undo(): void } {
    const one: Pending = { alert, id, undo: this.#apply(alert, id) }
    this.#pending.push(one)
    const leave = () => void this.#pending.splice(this.#pending.indexOf(one), 1)
    return { durable: leave, undo: () => this.#without(leave) }
  }

  #apply(alert: Alert, id: number): (() => void)[] {
    this.#undo = []
    if (alert.kept) this.#put(this.#parked, id, this.#parkedOf(alert, id))
    if (id > this.#lastId) {
      const before = this.#lastId
      this.#undo.push(() => {
        this.#lastId = before
      })
      this.#lastId = id
      this.#learn(alert, id)
      for (const covered of alert.covers ?? []) this.#learnReturned(covered)
    }
    for (const covered of alert.covers ?? []) {
      this.#put(this.#parked, covered, undefined)
      this.#put(this.#ended, covered, undefined)
      this.#put(this.#endedLetters, covered, undefined)
    }
    return this.#undo
  }

  /** Does something as if what is not durable had never come. */
  #without<T>(deed: () => T): T {
    for (const { undo } of this.#pending.toReversed()) for (const step of undo.toReversed()) step()
    const done = deed()
    for (const one of this.#pending) one.undo = this.#apply(one.alert, one.id)
    return done
  }

  /** These are not kept any more, whatever became of them. */
  forgetParked(isKept: (id: number) => boolean): void {
    for (const id of this.#parked.keys()) if (!isKept(id)) this.#parked.delete(id)
    for (const id of this.#ended.keys()) if (!this.#parked.has(id)) this.#ended.delete(id)
  }

  /** Nobody is to be told by these letters any more. */
  forgetEnded(waits: (id: number) => boolean): void {
    for (const id of this.#endedLetters.keys()) if (!waits(id) && !this.isPending(id)) this.#endedLetters.delete(id)
  }

  #learn(alert: Alert, id: number): void {
    const rule = alert.rule ?? ''
    const at = this.#options.momentOf(alert.telling?.made ?? alert.stamp)
    if (!alert.kept) this.#learnLetter(rule, alert, at)
    for (const covered of alert.covers ?? []) this.#learnTold(covered, id, at, alert.to)
    if (alert.covers) this.#learnMerged(new Set(alert.covers), id)
    if (alert.key === undefined && alert.state === 'event') return
    const { source, key = '' } = alert
    // What the rules tell later was learnt when it was heard; other things may have been raised since.
    if (alert.telling && (alert.telling.kind !== 'recovery' || alert.telling.made)) {
      this.#learnTelling(alert, id, at)
      return
    }
    if (alert.state === 'raised') this.#raise(alert, id, at)
    else if (alert.state === 'cleared') this.#clear(rule, source, key)
    for (const other of alert.over ?? []) {
      if (alert.state === 'raised') this.#inherit(rule, this.get(other, source, key))
      this.#clear(other, source, key)
    }
  }

  #learnLetter(rule: string, alert: Alert, at: number): void {
    const { letters } = this.#options.remembers(rule)
    if (letters > 0) this.#put(this.#letters, rule, newest([...this.letters(rule), at], Math.min(letters, remembered.letters)))
    if (alert.telling?.kind !== 'summary' && alert.telling?.kind !== 'raised') return
    for (const covered of alert.covers ?? []) {
      const parked = this.#parked.get(covered)
      if (parked && parked.group !== '') this.#put(this.#grouped, `${rule}\0${parked.group}`, at, remembered.names)
    }
  }

  /** What was kept of a situation is told now. */
  #learnTold(covered: number, letter: number, at: number, to: readonly string[]): void {
    const parked = this.#parked.get(covered)
    if (parked?.state !== 'raised') return
    const standing = this.get(parked.rule, parked.source, parked.key ?? '')
    // What was kept may be of an earlier time that the same was raised.
    if (!standing || covered < standing.id) return
    this.#situation({
      ...withHearers(withLetter(standing, letter), to),
      ...(standing.told === undefined ? { told: at, lastTold: at } : {}),
    })
  }

  /** An end that was kept is named where the same is raised anew: whoever was to hear of the one hears of the end of the other. */
  #learnReturned(covered: number): void {
    const parked = this.#parked.get(covered)
    if (!parked?.recovery || parked.state !== 'cleared') return
    for (const one of this.open(parked.source, parked.key ?? '')) if (one.id > covered) this.#situation(withHearers(one, parked.to))
  }

  /** Letters that waited leave as one. */
  #learnMerged(covered: ReadonlySet<number>, letter: number): void {
    for (const one of this.situations)
      if (covered.has(one.id) || one.letters?.some((each) => covered.has(each))) this.#situation(withLetter(one, letter))
  }

  #learnTelling({ rule = '', source, key = '', state, telling, to }: Alert, letter: number, at: number): void {
    const before = this.get(rule, source, key)
    // An end that was kept may be told when the same is raised anew.
    if (!before || state !== 'raised') return
    const standing = withHearers(withLetter(before, letter), to)
    if (telling?.kind === 'raised') this.#situation({ ...standing, told: at, lastTold: at, letter })
    if (telling?.kind === 'reminder') this.#situation({ ...standing, lastTold: at, reminders: standing.reminders + 1, letter })
    if (telling?.kind === 'escalation') this.#situation({ ...standing, escalated: true })
  }

  #raise(alert: Alert, id: number, at: number): void {
    const { rule = '', source, key = '', severity, value, unit, number, stamp, level, offDuty = [] } = alert
    const before = this.get(rule, source, key)
    const to = [...alert.to, ...offDuty]
    const standing = before && rank(severity) < rank(before.severity) ? worsened(before, at) : before
    const told = alert.kept ? {} : { told: standing?.told ?? at, lastTold: at, letter: id }
    const { changes } = this.#options.remembers(rule)
    const name = nameOf(rule, source, key)
    if (changes > 0 && !standing)
      this.#put(
        this.#changes,
        name,
        newest([...this.changes(rule, source, key), at], Math.min(changes, remembered.changes)),
        remembered.names,
      )
    const text = cleanLine(alert.text, textChars)
    const news = {
      rule,
      source,
      key,
      severity,
      text,
      to,
      ...(value === undefined ? {} : { value }),
      ...(unit === undefined ? {} : { unit }),
      ...(level === undefined ? {} : { level }),
    }
    const situation: Situation = standing
      ? { ...(alert.kept ? standing : withLetter(standing, id)), ...news, ...told, to: [...new Set([...standing.to, ...to])] }
      : { ...news, id, number, stamp, since: at, reminders: 0, ...told }
    this.#situation(alert.kept ? situation : withHearers(situation, alert.to))
  }

  /** Whoever heard of a level that this one takes over from hears of its end, too. */
  #inherit(rule: string, before: Situation | undefined): void {
    const heir = before && this.get(rule, before.source, before.key)
    if (before?.heard && heir && before.rule !== rule) this.#situation(withHearers(heir, before.heard))
  }

  #clear(rule: string, source: string, key: string): void {
    const { id, letters = [] } = this.get(rule, source, key) ?? {}
    for (const letter of id === undefined ? [] : [id, ...letters])
      if (!this.#parked.has(letter)) this.#put(this.#endedLetters, letter, true, endedLimit)
    this.#put(this.#situations, nameOf(rule, source, key), undefined)
    for (const one of this.#parked.values())
      if (one.state === 'raised' && one.rule === rule && one.source === source && (one.key ?? '') === key)
        this.#put(this.#ended, one.id, true)
  }

  #situation(situation: Situation): void {
    this.#put(this.#situations, nameOf(situation.rule, situation.source, situation.key), situation, situationsLimit)
  }

  #parkedOf(alert: Alert, id: number): Parked {
    const { rule = '', source, key, number, severity, state, to, kept = 'over' } = alert
    const group = this.#options.groupOf(rule, alert)
    const at = this.#options.momentOf(alert.stamp)
    const recovery = alert.telling?.kind === 'recovery' || alert.ends ? { recovery: true as const } : {}
    return { id, rule, source, ...(key === undefined ? {} : { key }), number, severity, state, why: kept, to, ...recovery, at, group }
  }

  /** What a person did. */
  note(value: unknown): void {
    const note = noteIn(value)
    if (note) this.#without(() => this.#take(note))
  }

  #take(note: Note): void {
    const { momentOf } = this.#options
    if (note.do === 'acknowledge') {
      const standing = this.get(note.rule, note.source, note.key)
      if (standing) this.#situation({ ...standing, acknowledged: { at: momentOf(note.stamp), by: note.by } })
      return
    }
    const now = this.#options.now()
    this.#silences = this.#silences.filter((one) => one.id !== note.id && one.until > now)
    if (note.do !== 'silence') return
    const { id, match, ms, stamp, by, why } = note
    this.#silences.push({ id, match, until: momentOf(stamp) + ms, by, ...(why === undefined ? {} : { why }) })
    if (this.#silences.length > silencesLimit) this.#silences.shift()
  }

  /** Moments are kept with the stamp of when they were written, for another boot has another scale. */
  toJSON(): unknown {
    return this.#without(() => this.#written())
  }

  #written(): unknown {
    const now = this.#options.now()
    return {
      asOf: this.#options.stamp(),
      now,
      lastId: this.#lastId,
      ...writtenSituations(this.situations, writtenOctets.situations),
      letters: newestFitting(this.#letters, writtenOctets.letters),
      changes: newestFitting(this.#changes, writtenOctets.changes),
      grouped: newestFitting(this.#grouped, writtenOctets.grouped),
      ended: [...this.#ended.keys()],
      endedLetters: [...this.#endedLetters.keys()],
      silences: this.#silences.filter((one) => one.until > now),
    }
  }

  /** Takes in what `toJSON` gave; anything else, and anything older than what is known, is passed over. */
  restore(value: unknown): void {
    const kept = value as Partial<Record<string, unknown>> | undefined
    if (typeof kept?.lastId !== 'number' || kept.lastId < this.#lastId || typeof kept.now !== 'number') return
    const shift = this.#options.momentOf(kept.asOf as Stamp) - kept.now
    const moment = (at: unknown) => (typeof at === 'number' ? at + shift : shift)
    this.#lastId = kept.lastId
    this.#situations.clear()
    for (const one of situationsIn(kept, shift)) this.#situation(one)
    for (const [map, list] of [
      [this.#letters, kept.letters],
      [this.#changes, kept.changes],
    ] as const) {
      map.clear()
      for (const [name, moments] of pairsOf(list)) map.set(name, listOf(moments).map(moment))
    }
    this.#grouped.clear()
    for (const [name, at] of pairsOf(kept.grouped)) this.#grouped.set(name, moment(at))
    for (const [map, list] of [
      [this.#ended, kept.ended],
      [this.#endedLetters, kept.endedLetters],
    ] as const) {
      map.clear()
      for (const id of listOf(list)) if (typeof id === 'number') map.set(id, true)
    }
    this.#silences = listOf(kept.silences)
      .filter(isSilence)
      .map((one) => ({ ...one, until: one.until + shift }))
  }

  #put<K, V>(map: Map<K, V>, name: K, value: V | undefined, limit = Number.POSITIVE_INFINITY): void {
    const set = (key: K, to: V | undefined) => {
      const before = map.get(key)
      map.delete(key)
      if (to !== undefined) map.set(key, to)
      this.#undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)))
    }
    set(name, value)
    const [oldest] = map.keys()
    if (map.size > limit && oldest !== undefined) set(oldest, undefined)
  }
}

/** Whoever acknowledged it, or was called for it, knows the lesser trouble: what becomes worse is told, reminded of and escalated anew. */
function worsened(one: Situation, at: number): Situation {
  const { acknowledged, escalated, ...rest } = one
  return acknowledged || escalated ? { ...rest, reminders: 0, ...(rest.told === undefined ? {} : { told: at }) } : one
}

const nameOf = (rule: string, source: string, key: string): string => `${rule}\0${source}\0${key}`
const newest = (moments: number[], count: number): number[] => moments.slice(-count)

const isSilence = (value: unknown): value is Silence => {
  const one = value as Partial<Silence> | null
  return typeof one?.id === 'string' && typeof one.until === 'number' && typeof one.match === 'object' && one.match !== null
}
