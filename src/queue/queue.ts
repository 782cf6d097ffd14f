import type { Alert, Severity } from '../alert/alert.ts'
import type { Clock } from '../ports/clock.ts'
import type { Disk } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Spent } from './budget.ts'
import { Frozen } from './frozen.ts'
import { history, type Past } from './history.ts'
import { Journal, StorageError } from './journal.ts'
import { isSettlement, type Mark, type Settled } from './mark.ts'
import { Memory } from './memory.ts'
import { momentOf } from './moment.ts'
import type { Offer } from './offer.ts'
import { headerBytes, type JournalRecord, recordTypes } from './record.ts'
import { type Print, printsOf, Repeats } from './repeats.ts'
import { Room } from './room.ts'
import type { Place } from './segment.ts'
import { admits } from './space.ts'
import { type LetterState, Waiting } from './waiting.ts'

/**
 * Queue: alerts that were accepted, and what became of them, folded from the journal. An alert is accepted when `accept` resolves with
 * `accepted`; from then on it ends as delivered, refused, merged or expired, each with a trace (docs/promises.md).
 */
export type QueueOptions = {
  disk: Disk
  clock: Clock
  log: Log
  dir: string
  maxMiB: number
  /** No time before this software was built is believable, in ms. */
  builtAt?: number
  /** For tests: smaller segments. */
  segmentBytes?: number
  /** No gateway runs, and its records say so. */
  standstill?: true
  /** What others fold from the same records. */
  beside?: Beside
  /** Hears of each mark that is noted in this life. */
  onMark?(id: number, mark: Mark): void
  /** It is on the disk that nobody waits for this mail of the spool any more. */
  onReleased?(file: string): void
}

/** Words of those who fold beside the queue. */
export type BesideKind = 'rules' | 'diary'
const isBeside = (value: { kind: string }): boolean => value.kind === 'rules' || value.kind === 'diary'

/** State of others that is folded from the journal and outlives its records: it stands at the head of every segment. */
export interface Beside {
  /** A record is taken in before it is durable, or was read again. Records that were copied forward come twice. */
  alert(alert: Alert, id: number): { durable(): void; undo(): void }
  note(value: unknown): void
  /** So many recipients of a letter are settled. Told once for each of them: when it is durable, and when it is read again. */
  settled(how: Settled, recipients: number): void
  toJSON(): unknown
  restore(value: unknown): void
}

export type Accepted =
  | { kind: 'accepted'; id: number; number: number; repeated: boolean }
  /** `again`: the same alert may be accepted later. */
  | { kind: 'refused'; why: string; hint: string; again: boolean }

/** No alert is shorter: so many positions may have been given in a stretch that cannot be read. */
const leastAlertBytes = 128
/** Smallest journal that can recycle: active, reserve and two to turn over. */
const leastSegments = 4
const seenEntriesARecord = 1024

export class Queue {
  readonly waiting = new Waiting()
  readonly #options: QueueOptions
  readonly #memory = new Memory()
  readonly #repeats: Repeats
  /** Mails of the spool that letters name. */
  readonly #enclosed = new Map<number, string>()
  readonly #accepting = new Map<number, Promise<Accepted>>()
  /** Letters that a record covers which is on its way to the disk. */
  readonly #beingTold = new Set<number>()
  readonly #journal: Journal
  readonly #frozen: Frozen
  readonly #room: Room
  /** Outcomes that were noted in this life. */
  outcomes = 0

  private constructor(options: QueueOptions) {
    const { disk, clock, log, dir, segmentBytes = 1024 * 1024 } = options
    this.#options = options
    this.#repeats = new Repeats(clock.monotonic(), segmentBytes)
    this.#journal = new Journal({
      disk,
      clock,
      log,
      dir,
      segmentBytes,
      maxSegments: Math.max(leastSegments, Math.floor((options.maxMiB * 1024 * 1024) / segmentBytes)),
      checkpoint: () => ({ ...this.#memory.toJSON(), ...(options.beside ? { beside: options.beside.toJSON() } : {}) }),
      beforeRecycle: (segment) => this.#keepSeen(segment),
    })
    this.#frozen = new Frozen(this.#journal)
    this.#room = new Room({
      journal: this.#journal,
      waiting: this.waiting,
      frozen: this.#frozen,
      clock,
      log,
      isBeingTold: (id) => this.#beingTold.has(id),
    })
  }

  /** Replays the journal. Rejects with DiskError only when its directory cannot be used at all. */
  static async open(options: QueueOptions): Promise<Queue> {
    const queue = new Queue(options)
    await queue.#journal.replay((record, place) => queue.#fold(record, place))
    const { damaged } = queue.#journal.facts
    // A position stands in the Message-ID: one that an unreadable letter may bear is not given again.
    if (damaged > 0) queue.#memory.skip(damaged * Math.ceil(queue.#journal.segmentBytes / leastAlertBytes))
    await queue.#journal.ready(queue.#live())
    queue.#memory.grounded.begin(queue.#memory.lastId)
    queue.#repeats.begin(options.clock.monotonic())
    return queue
  }

  get facts(): Journal['facts'] & { waiting: number; free: number; total: number; readOnly?: string } {
    const { readOnly } = this.#journal
    return { ...this.#journal.facts, waiting: this.waiting.size, ...this.#journal.space, ...(readOnly ? { readOnly } : {}) }
  }

  /** When the commit in hand went to the disk (monotonic ms); undefined while none is. */
  get busySince(): number | undefined {
    return this.#journal.busySince
  }

  /** Since when the disk has refused whatever it was asked to keep (monotonic ms); undefined while the journal works, or is only full. */
  get faultSince(): number | undefined {
    return this.#journal.faultSince
  }

  /** Resolves when the alert is on the disk, or with the reason why it is not. Never rejects. */
  accept(offer: Offer, repeat = false): Promise<Accepted> {
    const prints = printsOf(offer)
    const now = this.#options.clock.monotonic()
    for (const print of prints) {
      if (print.byWire && !repeat) continue
      const known = this.#repeats.get(print, now)
      if (known !== undefined) return Promise.resolve({ kind: 'accepted', id: known, number: 0, repeated: true })
      const coming = this.#accepting.get(print.print)
      if (coming) return coming.then((accepted) => (accepted.kind === 'accepted' ? { ...accepted, repeated: true } : accepted))
    }
    const accepting = this.#append(offer, prints)
    for (const { print } of prints) this.#accepting.set(print, accepting)
    return accepting.finally(() => {
      for (const { print } of prints) this.#accepting.delete(print)
    })
  }

  async #append(offer: Offer, prints: Print[]): Promise<Accepted> {
    const { names = [], ...offered } = offer
    const numbered = this.#memory.number(offered)
    const { id } = numbered
    const { standstill } = this.#options
    const alert = { ...this.#amongTellers(numbered.alert, names), ...(standstill ? { standstill } : {}) }
    const aside = this.#options.beside?.alert(alert, id)
    const undo = () => {
      aside?.undo()
      numbered.undo()
    }
    const body = Buffer.from(JSON.stringify(alert))
    const { space, readOnly } = this.#journal
    // What covers others frees more than it takes: refused for want of room it would never end that want.
    const weight = alert.covers ? 'critical' : alert.severity
    if (readOnly === undefined && !admits(weight, space, headerBytes + body.length)) {
      undo()
      void this.makeRoom()
      return { kind: 'refused', again: true, ...fullFor(alert.severity) }
    }
    for (const covered of alert.covers ?? []) this.#beingTold.add(covered)
    try {
      const place = await this.#journal.append({ type: recordTypes.alert, flags: 0, id, body })
      aside?.durable()
      numbered.durable()
      this.#add(alert, id, place)
      this.#journal.pin(place)
      for (const gone of this.#merge(alert)) this.#forget(gone)
      for (const print of prints) this.#repeats.add(print, id, place.segment, this.#options.clock.monotonic())
      return { kind: 'accepted', id, number: alert.number, repeated: false }
    } catch (error) {
      undo()
      const hint = error instanceof StorageError ? error.hint : 'Look at the log of the gateway.'
      void this.makeRoom()
      return { kind: 'refused', why: sentence(error), hint, again: true }
    } finally {
      for (const covered of alert.covers ?? []) this.#beingTold.delete(covered)
    }
  }

  /**
   * The alert, and the octets that were already sent of it when its fate was left open. undefined: a bad block took it. Rejects with DiskError when it
   * cannot be read now: nothing is lost then.
   */
  async read(id: number): Promise<{ alert: Alert; frozen?: Uint8Array } | undefined> {
    const state = this.waiting.get(id)
    if (!state) return undefined
    const record = await this.#journal.read(state)
    if (!record) return undefined
    const alert = parse(record.body) as Alert | undefined
    if (!alert) return undefined
    const place = this.#frozen.get(id)
    const frozen = place && (await this.#journal.read(place))
    return frozen ? { alert, frozen: new Uint8Array(frozen.body) } : { alert }
  }

  /** Keeps the octets of a letter; resolves when they are on the disk. Rejects with StorageError. */
  async freeze(id: number, content: Uint8Array): Promise<void> {
    if (!this.waiting.get(id)) return
    const place = await this.#journal.append({ type: recordTypes.frozen, flags: 0, id, body: content })
    if (this.waiting.get(id)) this.#frozen.keep(id, place)
  }

  /** When it was accepted (this boot's monotonic ms), by the clock as it is now: that of an earlier boot was reckoned at the start, when the clock may have been wrong. Rejects with DiskError. */
  async reckon(id: number): Promise<number | undefined> {
    const stored = await this.read(id)
    if (stored) this.waiting.redate(id, momentOf(stored.alert.stamp, this.#options.clock, this.#options.builtAt))
    return this.waiting.get(id)?.accepted
  }

  isFrozen(id: number): boolean {
    return this.#frozen.get(id) !== undefined
  }

  /** Octets of the file system that others must leave to the journal. */
  get growthBytes(): number {
    return this.#journal.growthBytes
  }

  /** It passes on a mail of the spool. */
  isEnclosing(id: number): boolean {
    return this.#enclosed.has(id)
  }

  /** Mails of the spool that letters wait with. */
  get enclosed(): ReadonlySet<string> {
    return new Set(this.#enclosed.values())
  }

  /** Nothing of these octets has left: the letter may be composed anew. */
  thaw(id: number): void {
    this.#frozen.thaw(id)
  }

  /**
   * The way to the relays is closed, and no letter but the frozen ones has octets on its way. From now on these letters are known to be late: they
   * may say so, and are frozen before they fly, which puts this note on the disk, too. All others are the same octets whenever they are composed.
   */
  ground(): void {
    const note = this.#memory.grounded.note(this.#memory.lastId, (id) => this.waiting.get(id) !== undefined)
    if (!note) return
    const body = Buffer.from(JSON.stringify(note))
    this.#journal.note({ type: recordTypes.outcome, flags: 0, id: note.to, body })
    this.#memory.grounded.take(note)
  }

  isGrounded(id: number): boolean {
    return this.#memory.grounded.has(id)
  }

  /** Notes what became of a letter. Needs no promise: it rides on the next commit. Returns the letter's last state when it is done. */
  mark(id: number, mark: Mark): LetterState | undefined {
    if (!this.waiting.get(id)) return undefined
    this.outcomes++
    const { gone, count } = this.#applied(id, mark)
    this.#options.onMark?.(id, mark)
    const file = gone && this.#enclosed.get(id)
    this.#journal.note({ type: recordTypes.outcome, flags: 0, id, body: Buffer.from(JSON.stringify(this.#dated(mark))) }, () => {
      count()
      if (file !== undefined) this.#options.onReleased?.(file)
    })
    if (gone) this.#forget(gone)
    if (this.#journal.worthCopying !== undefined) void this.makeRoom()
    return gone
  }

  #dated(mark: Mark): Mark {
    const { clock } = this.#options
    return isSettlement(mark) && clock.synchronised() !== 'no' ? { ...mark, at: clock.wall() } : mark
  }

  /** Letters that have left, newest first, as far as the journal remembers; `limit` of them with an id below `before`. */
  past(limit: number, before?: number): Promise<Past[]> {
    const { disk, dir } = this.#options
    return history(disk, dir, limit, before)
  }

  /** The newest number of each source. */
  get numbers(): Record<string, number> {
    return this.#memory.numbers
  }

  /** What has left the box, as far as it was kept. */
  get spent(): Spent | undefined {
    return this.#memory.spent
  }

  /** Keeps the count: at the head of the next segment in any case, and with the next commit when it is to be `noted`. */
  keepSpent(spent: Spent, noted: boolean): void {
    this.#memory.learnSpent(spent)
    if (noted)
      this.#journal.note({ type: recordTypes.outcome, flags: 0, id: 0, body: Buffer.from(JSON.stringify({ kind: 'spent', spent })) })
  }

  /** Keeps a word of whoever folds beside this queue; resolves when it is on the disk. Rejects with StorageError. */
  async keep(note: { kind: BesideKind; [member: string]: unknown }): Promise<void> {
    await this.#journal.append({ type: recordTypes.outcome, flags: 0, id: 0, body: Buffer.from(JSON.stringify(note)) })
    this.#options.beside?.note(note)
  }

  /** As `keep`, for what needs no promise: it rides on the next commit, or goes out after a second. */
  jot(note: { kind: BesideKind; [member: string]: unknown }): void {
    this.#journal.note({ type: recordTypes.outcome, flags: 0, id: 0, body: Buffer.from(JSON.stringify(note)) })
    this.#options.beside?.note(note)
  }

  sync(): Promise<void> {
    return this.#journal.sync()
  }

  async close(): Promise<void> {
    await this.#journal.close()
  }

  /** Looks at the disk again, and copies the live records of the oldest segment forward when that wins room. Never rejects. */
  makeRoom(): Promise<void> {
    return this.#room.make()
  }

  /** Looks at the room on the file system; to be called now and then. */
  async measure(): Promise<void> {
    await this.#journal.measure()
    await this.makeRoom()
  }

  #forget(gone: LetterState): void {
    this.#enclosed.delete(gone.id)
    this.#journal.unpin(gone)
    this.#frozen.thaw(gone.id)
  }

  /** Applies a mark; `count` tells whoever folds beside this queue whom it settled. */
  #applied(id: number, mark: Mark): { gone: LetterState | undefined; count(): void } {
    const before = this.waiting.get(id)?.pending ?? 0
    const gone = this.#apply(id, mark)
    const settled = bitsIn(before) - bitsIn(gone ? 0 : (this.waiting.get(id)?.pending ?? 0))
    return {
      gone,
      count: () => {
        if (settled > 0 && isSettlement(mark)) this.#options.beside?.settled(mark.kind, settled)
      },
    }
  }

  #apply(id: number, mark: Mark): LetterState | undefined {
    switch (mark.kind) {
      case 'held':
      case 'released':
        this.waiting.hold(id, mark.kind === 'held')
        return undefined
      case 'deferred':
        this.waiting.defer(id, mark.attempts, 0)
        return undefined
      case 'dropped':
        return this.waiting.drop(id)
      case 'delivered':
      case 'refused':
      case 'expired':
      case 'merged':
        return mark.to.reduce<LetterState | undefined>((gone, to) => gone ?? this.waiting.settle(id, to), undefined)
    }
  }

  #fold(record: JournalRecord, place: Place): void {
    const { id, type, body } = record
    if (type === recordTypes.frozen) this.#frozen.replayed(id, place)
    else if (type === recordTypes.seen) this.#repeats.addPiece(body, place.segment, this.#options.clock.monotonic())
    else {
      const value = parse(body)
      if (value === undefined) return
      if (type === recordTypes.checkpoint) this.#restore(value)
      else if (type === recordTypes.alert) this.#foldAlert(value as Alert, id, place)
      else this.#foldOutcome(value as Mark | { kind: 'grounded' } | { kind: 'spent'; spent: unknown }, id)
    }
  }

  #restore(checkpoint: unknown): void {
    this.#memory.restore(checkpoint)
    this.#options.beside?.restore((checkpoint as { beside?: unknown } | null)?.beside)
  }

  #foldOutcome(value: Mark | { kind: 'grounded' } | { kind: 'spent'; spent: unknown }, id: number): void {
    if (value.kind === 'grounded') this.#memory.grounded.restore(value)
    else if (value.kind === 'spent') this.#memory.learnSpent(value.spent)
    else if (isBeside(value)) this.#options.beside?.note(value)
    else if (this.waiting.get(id)) {
      const { gone, count } = this.#applied(id, value)
      count()
      if (gone) this.#foldGone(gone)
    }
  }

  #foldGone({ id }: LetterState): void {
    this.#enclosed.delete(id)
    this.#frozen.replayedGone(id)
  }

  #foldAlert(alert: Alert, id: number, place: Place): void {
    this.#memory.learn(alert, id)
    this.#options.beside?.alert(alert, id).durable()
    this.#repeats.fold(alert, id, place.segment, this.#options.clock.monotonic())
    this.#add(alert, id, place)
    for (const gone of this.#merge(alert)) this.#foldGone(gone)
  }

  /**
   * What this alert tells need not be told on its own: one record, so that no cut can leave it told twice or not at all. What the rules kept is
   * settled whoever is told now: some of its people may be off duty.
   */
  #merge(alert: Alert): LetterState[] {
    const toldTo = (id: number) => {
      const state = this.waiting.get(id)
      return state?.kept ? [...state.to] : alert.to
    }
    return (alert.covers ?? []).flatMap((id) => {
      const { gone, count } = this.#applied(id, { kind: 'merged', to: toldTo(id) })
      count()
      return gone ?? []
    })
  }

  /** The records that it covers may be written over before it is told. What clears them waits for it, and it for those that tell what they clear, also in a later life. */
  #amongTellers(alert: Alert, names: readonly number[]): Alert {
    // One with a key is in order by that, and would wait for itself.
    const covers = tellsSeveral(alert) && alert.key === undefined ? (alert.covers ?? []) : []
    const begun = this.waiting.begunIn(covers, names)
    const after = [...new Set(covers.flatMap((id) => this.waiting.tellersOf(id)))]
    return { ...alert, ...(begun.length > 0 ? { begun } : {}), ...(after.length > 0 ? { after } : {}) }
  }

  #add(alert: Alert, id: number, place: Place): void {
    this.waiting.add({
      ...place,
      id,
      severity: alert.severity,
      to: alert.to,
      accepted: momentOf(alert.stamp, this.#options.clock, this.#options.builtAt),
      orderBy: `${alert.source}\0${alert.key ?? ''}`,
      ...(tellsSeveral(alert) ? { first: true } : {}),
      ...(alert.kept ? { kept: true } : {}),
      keyed: alert.key !== undefined,
      ...(isEnd(alert) ? { clears: true } : {}),
      ...(alert.state === 'raised' && alert.key !== undefined ? { raises: true } : {}),
      ...(alert.begun ? { begun: alert.begun } : {}),
      ...(alert.after ? { after: alert.after } : {}),
    })
    // Its record names also what is never sent, and a link that is too dear for that would never be asked for less.
    if (tellsSeveral(alert)) this.waiting.composed(id, Buffer.byteLength(alert.text) + headBytes)
    if (!alert.enclosed) return
    this.#enclosed.set(id, alert.enclosed.file)
    this.waiting.composed(id, alert.enclosed.bytes)
  }

  #live(): Map<number, number> {
    const live = new Map<number, number>()
    const pin = (place: Place) => live.set(place.segment, (live.get(place.segment) ?? 0) + place.bytes)
    for (const id of this.waiting.ids(Number.MAX_SAFE_INTEGER)) {
      const state = this.waiting.get(id)
      if (state) pin(state)
    }
    for (const place of this.#frozen.live((id) => this.waiting.get(id) !== undefined)) pin(place)
    return live
  }

  #keepSeen(segment: number): void {
    for (const body of this.#repeats.writtenIn(segment, seenEntriesARecord)) {
      this.#journal.note({ type: recordTypes.seen, flags: 0, id: 0, body }, (place) =>
        this.#repeats.addPiece(body, place.segment, this.#options.clock.monotonic()),
      )
    }
  }
}

/** It says that what its key is about is over, by itself or for rules that had raised it. */
const isEnd = ({ key, state, over }: Alert): boolean =>
  key !== undefined && (state === 'cleared' || (state === 'event' && over !== undefined))

/** Octets of a letter beside its text, about. */
const headBytes = 1000

/** A digest or a summary: it stands for other letters. */
const tellsSeveral = ({ covers, source }: Alert): boolean => covers !== undefined && source === 'outpost'

function bitsIn(mask: number): number {
  let bits = 0
  for (let left = mask; left !== 0; left &= left - 1) bits++
  return bits
}

const fullFor = (severity: Severity): { why: string; hint: string } => ({
  why: `the journal is too full for an alert of severity ${severity}`,
  hint: 'Letters are waiting for the link. It is accepted again as soon as there is room.',
})

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString())
  } catch {
    return undefined
  }
}
