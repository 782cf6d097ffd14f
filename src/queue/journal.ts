import type { Cancel, Clock } from '../ports/clock.ts'
import { type Disk, type DiskFile, isDiskError, isReadOnly, writeAll } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { Readers } from './readers.ts'
import { encodeRecord, headerBytes, type JournalRecord, recordTypes } from './record.ts'
import { type OnRecord, replay } from './replay.ts'
import { type Place, type Segment, segmentName } from './segment.ts'
import { poolLimit, Stock } from './stock.ts'

/**
 * Journal: what was appended survives a power cut at any instant; nothing else is promised, and this is (docs/promises.md).
 *
 * Segments of one size are filled with zeros once and then recycled, oldest first, so that a record overwrites blocks that the file system
 * already knows: one flush a commit and no metadata. One fdatasync carries whatever arrived while the last one ran. `note` is for records
 * that need no promise: they ride along with the next commit, or go out after a second.
 */
export type JournalOptions = {
  disk: Disk
  clock: Clock
  log: Log
  dir: string
  /** Most segments that may stand, the reserve included; at least 4. */
  maxSegments: number
  /** Octets; also the limit of one record. */
  segmentBytes?: number
  /** The small folded state, written at the head of every segment: what is told here need not be kept in older ones. */
  checkpoint(): Record<string, unknown>
  /** A segment is about to be given up: whatever is still wanted of it must be noted again now. */
  beforeRecycle(segment: number): void
}

/** The disk said no. `hint` is for the person on site. `again`: the same append may succeed later. */
export class StorageError extends Error {
  override name = 'StorageError'
  readonly hint: string
  constructor(message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options)
    this.hint = hint
  }
}

type Pending = JournalRecord & { done?: (place: Place) => void; failed?: (error: unknown) => void }

/** Records in one write: bounds the memory of a commit. */
const batchBytes = 256 * 1024
const noteDelayMs = 1000
/** Notes that may wait for a commit; more go out at once, so that a kill in the middle of a fast drain repeats few letters. */
const notesLimit = 32
/** How long a journal that failed twice waits before it tries a fresh segment. */
const readOnlyMs = 30_000
/** Room is made before there is so little that info alerts are refused (space.ts). */
const crampedShare = 3
/** Segments that are tried when one cannot be opened. */
const openAttempts = 3

const defaultSegmentBytes = 1024 * 1024

export class Journal {
  readonly #options: JournalOptions
  readonly segmentBytes: number
  /** In use, by generation; the last is the active one. */
  #used: Segment[] = []
  readonly #stock: Stock
  /** Recycled, but that is not on the disk yet. */
  #retired: number[] = []
  #file: DiskFile | undefined
  readonly #readers: Readers
  #generation = 0
  /** Octets of the active segment that are on the disk. */
  #end = 0
  /** The active segment may be written on: it was begun by this life, or read whole. */
  #writable = false
  #pending: Pending[] = []
  #committing: Promise<void> | undefined
  #noteTimer: Cancel | undefined
  /** Notes go out now, not with the next promise. */
  #forced = false
  #failedAt: number | undefined
  #faultSince: number | undefined
  #failure = ''
  #closed = false
  #busySince: number | undefined
  #stats = { records: 0, syncs: 0, damaged: 0 }

  /** Nothing is touched before `replay`. */
  constructor(options: JournalOptions) {
    this.#options = options
    this.segmentBytes = options.segmentBytes ?? defaultSegmentBytes
    const { disk, clock, log, dir, maxSegments } = options
    this.#readers = new Readers({
      disk,
      clock,
      log,
      pathOf: (segment) => this.#path(segment),
      isFailing: () => this.#failedAt !== undefined,
    })
    this.#stock = new Stock({
      disk,
      log,
      dir,
      maxSegments,
      segmentBytes: this.segmentBytes,
      inUse: () => this.#used.length + this.#retired.length,
    })
  }

  /** Reads what stands, oldest first. Rejects with DiskError only when the directory cannot be read or made. Then `ready`. */
  async replay(onRecord: OnRecord): Promise<void> {
    const { disk, dir, log } = this.#options
    if (!(await this.#hasDir())) return
    const standing = await replay({ disk, dir, log, segmentBytes: this.segmentBytes }, onRecord)
    this.#used = standing.used
    this.#generation = standing.generation
    this.#stats.damaged = standing.damaged
    this.#stock.begin(standing.free, standing.highest)
    const active = this.#active
    if (!active || standing.writableFrom === undefined) return
    this.#end = standing.writableFrom
    this.#writable = true
    // One that cannot be opened is left as it is: the first commit begins another.
    const opened = await this.#open(active.number)
    if ('file' in opened) this.#file = opened.file
  }

  /** False: it is missing on a disk that takes nothing, so there is nothing to read, and nothing will be accepted. */
  async #hasDir(): Promise<boolean> {
    const { disk, dir, log } = this.#options
    try {
      await disk.makeDir(dir)
      return true
    } catch (error) {
      if (!isReadOnly(error)) throw error
      log('error', 'journal: there is none, and none can be made', { why: sentence(error) })
      return false
    }
  }

  /**
   * Ends the opening: tells how many octets of each segment are needed, so that the others can be recycled, and makes room to write.
   * Nothing may be appended before.
   */
  async ready(live: ReadonlyMap<number, number>): Promise<void> {
    for (const segment of this.#used) segment.live = live.get(segment.number) ?? 0
    this.#recycle()
    await this.#stock.measure()
    await this.sync()
    await this.measure()
  }

  /** Commits, damaged stretches that were skipped at opening, segments in use. */
  get facts(): { records: number; syncs: number; damaged: number; unreadable: number; segments: number; pool: number; reserve: boolean } {
    return {
      ...this.#stats,
      unreadable: this.#readers.lost,
      segments: this.#used.length,
      pool: this.#stock.pool,
      reserve: this.#stock.hasReserve,
    }
  }

  /** When the commit in hand went to the disk (monotonic ms); undefined while none is. */
  get busySince(): number | undefined {
    return this.#busySince
  }

  /** Why nothing can be accepted at all; undefined while the journal works. */
  get readOnly(): string | undefined {
    return this.#failedAt === undefined ? undefined : this.#failure
  }

  /** Since when the disk has refused whatever it was asked to keep (monotonic ms); undefined while the journal works, or is only full. */
  get faultSince(): number | undefined {
    return this.#faultSince
  }

  /** Octets that alerts may still take, and of how many: the reserve is not among them. */
  get space(): { free: number; total: number } {
    const waiting = this.#pending.reduce((sum, record) => sum + headerBytes + record.body.length, 0)
    const rest = this.#file && this.#stock.hasReserve ? this.segmentBytes - this.#end : 0
    const { spare } = this.#stock
    const keep = headerBytes + 4096
    const free = Math.max(0, rest + spare * (this.segmentBytes - keep) - waiting)
    return { free, total: (this.#used.length + spare) * this.segmentBytes }
  }

  /** Octets that its files may still take from the file system. */
  get growthBytes(): number {
    const { maxSegments } = this.#options
    const standing = this.#used.length + this.#retired.length + this.#stock.pool + (this.#stock.hasReserve ? 1 : 0)
    return Math.max(0, maxSegments - standing) * this.segmentBytes
  }

  /** Resolves with the record's place once it is on the disk. Rejects with StorageError when it is not, and then it never will be promised. */
  append(record: JournalRecord): Promise<Place> {
    return new Promise((done, failed) => this.#enqueue({ ...record, done, failed }))
  }

  /** Written with the next commit, or after a second. `done` is told the place when it is on the disk. */
  note(record: JournalRecord, done?: (place: Place) => void): void {
    this.#enqueue(done ? { ...record, done } : record)
  }

  #enqueue(record: Pending): void {
    const reason = this.#closed
      ? new StorageError('the journal is closed', 'The gateway is stopping. Send the alert again.')
      : headerBytes + record.body.length > this.segmentBytes / 2
        ? new StorageError(`a record of ${record.body.length} octets is too long for the journal`, 'Send a shorter alert.')
        : undefined
    if (reason) {
      if (!record.failed && !this.#closed) this.#options.log('error', 'journal: a note was not taken', { why: reason.message })
      record.failed?.(reason)
      return
    }
    this.#pending.push(record)
    if (this.#urgent) this.#commit()
    else this.#delayNotes()
  }

  /** Everything that was appended or noted is on the disk, or could not be brought there. */
  async sync(): Promise<void> {
    this.#forced = true
    this.#commit()
    await this.#committing
  }

  async close(): Promise<void> {
    await this.sync()
    this.#closed = true
    this.#noteTimer?.()
    await this.#file?.close().catch(() => {})
    await this.#readers.close()
  }

  /** The record at a place; undefined when it cannot be read any more (a bad block). Rejects with DiskError when it cannot be read now. */
  read(place: Place): Promise<JournalRecord | undefined> {
    return this.#readers.read(place)
  }

  /** The record at this place is needed: its segment is not recycled. */
  pin(place: Place): void {
    const segment = this.#used.find((used) => used.number === place.segment)
    if (segment) segment.live += place.bytes
  }

  /** The record at this place is not needed any more. */
  unpin(place: Place): void {
    const segment = this.#used.find((used) => used.number === place.segment)
    if (segment) segment.live -= place.bytes
    this.#recycle()
  }

  /**
   * The oldest segment, when there are many and copying its live records forward would win room: its few ones; or all of them, when it is they that
   * keep a journal of mostly settled letters full.
   */
  get worthCopying(): number | undefined {
    const oldest = this.#used[0]
    if (!oldest || this.#used.length <= 2 || this.#failedAt !== undefined) return undefined
    const { spare } = this.#stock
    if (oldest.live <= this.segmentBytes / 2) return spare === 0 || this.#used.length > poolLimit ? oldest.number : undefined
    const live = this.#used.reduce((sum, segment) => sum + segment.live, 0)
    const cramped = spare * crampedShare <= this.#used.length
    return cramped && live <= (this.#used.length * this.segmentBytes) / 2 ? oldest.number : undefined
  }

  /** Looks again how much the file system would give; call it now and then, and after a refusal. */
  async measure(): Promise<void> {
    await this.#stock.measure()
    await this.#stock.prepare()
  }

  get #active(): Segment | undefined {
    return this.#used.at(-1)
  }

  #path(number: number): string {
    return `${this.#options.dir}/${segmentName(number, this.#used.find((segment) => segment.number === number)?.aside)}`
  }

  #commit(): void {
    this.#noteTimer?.()
    this.#noteTimer = undefined
    if (this.#committing || this.#pending.length === 0) return
    this.#committing = this.#commitAll().finally(() => {
      this.#committing = undefined
      this.#busySince = undefined
      this.#forced = false
      // Notes that came meanwhile have no timer of their own.
      if (this.#pending.length > 0) this.#delayNotes()
    })
  }

  #delayNotes(): void {
    this.#noteTimer ??= this.#options.clock.after(noteDelayMs, () => {
      this.#forced = true
      this.#commit()
    })
  }

  get #urgent(): boolean {
    return this.#pending.length > 0 && (this.#forced || this.#pending.length >= notesLimit || this.#pending.some((record) => record.failed))
  }

  async #commitAll(): Promise<void> {
    while (this.#urgent) {
      this.#busySince = this.#options.clock.monotonic()
      if (this.#failedAt !== undefined) {
        if (this.#options.clock.monotonic() - this.#failedAt < readOnlyMs) return this.#refusePending()
        this.#abandonFile()
      }
      if (!this.#file && !(await this.#roll()) && !(await this.#reopen())) return this.#refusePending()
      const batch = this.#takeBatch()
      if (batch.length === 0) {
        // Of a segment that is empty nothing more can be had by beginning another.
        if (this.#end === 0 || !(await this.#roll())) return this.#refusePending()
        continue
      }
      if (!(await this.#write(batch)) && !(await this.#writeElsewhere(batch))) {
        const error = this.#readOnlyError()
        for (const record of batch) record.failed?.(error)
        // What needs no promise waits in memory for a disk that works again.
        this.#pending.unshift(...batch.filter((record) => !record.failed))
        return this.#refusePending()
      }
    }
  }

  /** Only what wanted a promise is refused; notes wait (bounded by the letters that can be in the air). */
  #refusePending(): void {
    const waiting = this.#pending
    this.#pending = waiting.filter((record) => !record.failed)
    const error = this.#failedAt === undefined ? fullError() : this.#readOnlyError()
    for (const record of waiting) record.failed?.(error)
  }

  #takeBatch(): Pending[] {
    const batch: Pending[] = []
    const head = this.#end === 0 ? this.#checkpointRecord().body.length + headerBytes : 0
    const room = this.segmentBytes - this.#end - head
    let octets = 0
    for (const record of this.#pending) {
      octets += headerBytes + record.body.length
      if (octets > room || (octets > batchBytes && batch.length > 0)) break
      batch.push(record)
    }
    this.#pending.splice(0, batch.length)
    return batch
  }

  #checkpointRecord(): JournalRecord {
    const state = { ...this.#options.checkpoint(), oldest: this.#used[0]?.generation ?? this.#generation }
    return { type: recordTypes.checkpoint, flags: 0, id: 0, body: Buffer.from(JSON.stringify(state)) }
  }

  /** One write, one sync. False when the disk said no; then nothing of the batch is promised. */
  async #write(batch: Pending[]): Promise<boolean> {
    const active = this.#active
    const file = this.#file
    if (!active || !file) return false
    const records: JournalRecord[] = this.#end === 0 ? [this.#checkpointRecord(), ...batch] : batch
    const encoded = records.map((record) => encodeRecord(record, active.generation, this.#end))
    const offset = this.#end
    try {
      await writeAll(file, offset, Buffer.concat(encoded))
      await file.sync()
    } catch (error) {
      this.#options.log('error', 'journal: the disk refused a commit', { segment: active.number, why: sentence(error) })
      this.#failure = sentence(error)
      return false
    }
    this.#failedAt = undefined
    this.#faultSince = undefined
    this.#stats.syncs++
    this.#stats.records += records.length
    let at = offset
    const skip = encoded.length - batch.length
    for (const [index, bytes] of encoded.entries()) {
      const record = index >= skip ? batch[index - skip] : undefined
      const place = { segment: active.number, offset: at, bytes: bytes.length }
      at += bytes.length
      this.#end = at
      record?.done?.(place)
    }
    return true
  }

  /** After an I/O error the same descriptor is never synced again: the batch is written anew once, in another segment where there is one. */
  async #writeElsewhere(batch: Pending[]): Promise<boolean> {
    this.#abandonFile()
    if (((await this.#roll(true)) || (await this.#reopen())) && (await this.#write(batch))) return true
    this.#giveUp()
    return false
  }

  #giveUp(): void {
    this.#failedAt = this.#options.clock.monotonic()
    this.#faultSince ??= this.#failedAt
    this.#options.log('error', 'journal: read-only, nothing more is accepted', { why: this.#failure })
  }

  #abandonFile(): void {
    void this.#file?.close().catch(() => {})
    this.#file = undefined
  }

  #readOnlyError(): StorageError {
    return new StorageError(
      `the journal cannot be written: ${this.#failure}`,
      'Save the data directory and change the card. Waiting letters are still sent.',
    )
  }

  /**
   * Begins another segment: a recycled one, a new one, or, when somebody else than an alert needs it, the reserve. False: the disk is full; or it is
   * at fault, and then the journal is read-only.
   */
  async #roll(urgent = false): Promise<boolean> {
    const next = await this.#next(urgent)
    if (!('file' in next)) {
      this.#failure = next.fault ?? this.#failure
      if (next.fault !== undefined && !urgent) this.#giveUp()
      return false
    }
    this.#abandonFile()
    this.#file = next.file
    this.#generation++
    this.#used.push({ number: next.number, generation: this.#generation, live: 0, aside: undefined })
    this.#end = 0
    this.#writable = true
    this.#recycle()
    return true
  }

  async #next(urgent: boolean): Promise<{ number: number; file: DiskFile } | { fault: string | undefined }> {
    let fault: string | undefined
    for (let left = openAttempts; left > 0; left--) {
      const stocked = (await this.#stock.take()) ?? (this.#mayTakeLast(urgent) ? this.#stock.takeReserve() : undefined)
      const number = stocked ?? (this.#mayTakeLast(urgent) ? this.#retired.shift() : undefined)
      if (number === undefined) return { fault: this.#stock.fault ?? fault }
      const opened = await this.#open(number)
      if ('file' in opened) return { number, file: opened.file }
      fault = opened.fault
      // It goes behind the others: the fault may pass.
      if (stocked === undefined) this.#retired.unshift(number)
      else this.#stock.give(number)
    }
    return { fault }
  }

  /**
   * The active segment again, with a descriptor that never failed, when there is no other: what is still to be written is written anew behind what is
   * on the disk, so no sync is asked to make good what another one lost.
   */
  async #reopen(): Promise<boolean> {
    const active = this.#active
    if (!active || !this.#writable) return false
    const opened = await this.#open(active.number)
    if ('file' in opened) this.#file = opened.file
    return 'file' in opened
  }

  #mayTakeLast(urgent: boolean): boolean {
    return urgent || this.#pending.some((record) => !record.failed)
  }

  async #open(number: number): Promise<{ file: DiskFile } | { fault: string }> {
    try {
      return { file: await this.#options.disk.open(this.#path(number)) }
    } catch (error) {
      if (!isDiskError(error)) throw error
      this.#options.log('error', 'journal: a segment cannot be opened', { segment: number, why: sentence(error) })
      return { fault: sentence(error) }
    }
  }

  /** Oldest first and only from the old end: an outcome must outlive its alert. */
  #recycle(): void {
    for (let oldest = this.#used[0]; oldest && oldest.live <= 0 && this.#used.length > 1; oldest = this.#used[0]) {
      this.#used.shift()
      this.#readers.forget(oldest.number)
      this.#options.beforeRecycle(oldest.number)
      if (oldest.aside !== undefined) {
        this.note(this.#checkpointRecord(), () => this.#throwAway(oldest))
        continue
      }
      this.#retired.push(oldest.number)
      // Overwritten only once it is on the disk that it no longer counts: the outcomes of its alerts lie in segments that may go first.
      this.note(this.#checkpointRecord(), () => this.#spare(oldest.number))
    }
  }

  #spare(number: number): void {
    const at = this.#retired.indexOf(number)
    if (at < 0) return
    this.#retired.splice(at, 1)
    this.#stock.give(number)
  }

  /** One that was put aside once is not trusted with anything new. */
  #throwAway({ number, aside }: Segment): void {
    const { disk, dir } = this.#options
    void disk.remove(`${dir}/${segmentName(number, aside)}`).catch(() => {})
  }
}

const fullError = (): StorageError =>
  new StorageError(
    'the journal is full',
    'Letters are waiting for the link. Bring the link back, or raise queue.maxMiB if the disk has room.',
  )
