import type { Cancel, Clock } from '../ports/clock.ts'
import { type Disk, DiskError, type DiskFile, isDiskError, writeAll } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { encodeRecord, headerBytes, type JournalRecord, recordAt, recordTypes, scanSegment } from './record.ts'

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

/** Where a record lies. */
export type Place = { segment: number; offset: number; bytes: number }

/** Called for every record in the order of writing. The body is a view that is gone after the call. */
export type OnRecord = (record: JournalRecord, place: Place) => void

/** The disk said no. `hint` is for the person on site. `again`: the same append may succeed later. */
export class StorageError extends Error {
  override name = 'StorageError'
  readonly hint: string
  constructor(message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options)
    this.hint = hint
  }
}

type Head = { number: number; generation: number; oldest: number }
/** `live`: octets that somebody needs. */
type Segment = { number: number; generation: number; live: number; end: number }
type Waiting = JournalRecord & { done?: (place: Place) => void; failed?: (error: unknown) => void }

/** Records in one write: bounds the memory of a commit. */
const batchBytes = 256 * 1024
const noteDelayMs = 1000
/** Notes that may wait for a commit; more go out at once. */
const notesLimit = 512
/** Recycled segments that are kept ready; more are given back to the disk. */
const poolLimit = 8
/** Room that must stay on the file system when a segment is made: the mailbox and the settings need to be written too. */
const marginBytes = 256 * 1024
const inodeMargin = 8
/** How long a journal that failed twice waits before it tries a fresh segment. */
const readOnlyMs = 30_000

/** A checkpoint fits in this. */
const headReadBytes = 128 * 1024

const defaultSegmentBytes = 1024 * 1024

export class Journal {
  readonly #options: JournalOptions
  readonly segmentBytes: number
  /** In use, by generation; the last is the active one. */
  #used: Segment[] = []
  /** Recycled, oldest first: the order in which they may be overwritten (a note of an outcome must outlive its alert). */
  #pool: number[] = []
  #reserve: number | undefined
  /** Recycled, but that is not on the disk yet. */
  #retired: number[] = []
  #file: DiskFile | undefined
  #readers = new Map<number, DiskFile>()
  #generation = 0
  #highest = 0
  /** Octets of the active segment that are on the disk. */
  #end = 0
  #pending: Waiting[] = []
  #committing: Promise<void> | undefined
  #noteTimer: Cancel | undefined
  /** Notes go out now, not with the next promise. */
  #forced = false
  #creatable = 0
  #failedAt: number | undefined
  #failure = ''
  #closed = false
  #stats = { records: 0, syncs: 0, damaged: 0, unreadable: 0 }

  /** Nothing is touched before `replay`. */
  constructor(options: JournalOptions) {
    this.#options = options
    this.segmentBytes = options.segmentBytes ?? defaultSegmentBytes
  }

  /** Reads what stands, oldest first. Rejects with DiskError only when the directory cannot be read or made. Then `ready`. */
  async replay(onRecord: OnRecord): Promise<void> {
    await this.#options.disk.makeDir(this.#options.dir)
    await this.#replay(onRecord)
  }

  /**
   * Ends the opening: tells how many octets of each segment are needed, so that the others can be recycled, and makes room to write.
   * Nothing may be appended before.
   */
  async ready(live: ReadonlyMap<number, number>): Promise<void> {
    for (const segment of this.#used) segment.live = live.get(segment.number) ?? 0
    this.#recycle()
    await this.#measure()
    await this.sync()
    await this.measure()
  }

  /** Commits, damaged stretches that were skipped at opening, segments in use. */
  get facts(): { records: number; syncs: number; damaged: number; unreadable: number; segments: number; pool: number; reserve: boolean } {
    return { ...this.#stats, segments: this.#used.length, pool: this.#pool.length, reserve: this.#reserve !== undefined }
  }

  /** Why nothing can be accepted at all; undefined while the journal works. */
  get readOnly(): string | undefined {
    return this.#failedAt === undefined ? undefined : this.#failure
  }

  /** Octets that alerts may still take, and of how many: the reserve is not among them. */
  get space(): { free: number; total: number } {
    const waiting = this.#pending.reduce((sum, record) => sum + headerBytes + record.body.length, 0)
    const rest = this.#active && this.#reserve !== undefined ? this.segmentBytes - this.#end : 0
    const spare = this.#pool.length + this.#creatable
    const keep = headerBytes + 4096
    const free = Math.max(0, rest + spare * (this.segmentBytes - keep) - waiting)
    return { free, total: (this.#used.length + spare) * this.segmentBytes }
  }

  /** Resolves with the record's place once it is on the disk. Rejects with StorageError when it is not, and then it never will be promised. */
  append(record: JournalRecord): Promise<Place> {
    return new Promise((done, failed) => this.#enqueue({ ...record, done, failed }))
  }

  /** Written with the next commit, or after a second. `done` is told the place when it is on the disk. */
  note(record: JournalRecord, done?: (place: Place) => void): void {
    this.#enqueue(done ? { ...record, done } : record)
  }

  #enqueue(record: Waiting): void {
    const reason = this.#closed
      ? new StorageError('the journal is closed', 'The gateway is stopping. Send the alert again.')
      : headerBytes + record.body.length > this.segmentBytes / 2
        ? new StorageError(`a record of ${record.body.length} octets is too long for the journal`, 'Send a shorter alert.')
        : undefined
    if (reason) {
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
    for (const reader of this.#readers.values()) await reader.close().catch(() => {})
    this.#readers.clear()
  }

  /** The record at a place; undefined when it cannot be read any more (a bad block). */
  async read(place: Place): Promise<JournalRecord | undefined> {
    try {
      const reader = await this.#reader(place.segment)
      const bytes = await reader.read(place.offset, place.bytes)
      const found = recordAt(bytes, 0)
      if (found) return found
    } catch (error) {
      this.#options.log('error', 'journal: a record cannot be read', { segment: place.segment, offset: place.offset, why: sentence(error) })
    }
    this.#stats.unreadable++
    return undefined
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

  /** The oldest segment, when there are many and copying its few live records forward would win room. */
  get worthCopying(): number | undefined {
    const oldest = this.#used[0]
    const cramped = this.#used.length > 2 && (this.#pool.length + this.#creatable === 0 || this.#used.length > poolLimit)
    return oldest && cramped && oldest.live <= this.segmentBytes / 2 ? oldest.number : undefined
  }

  /** Looks again how much the file system would give; call it now and then, and after a refusal. */
  async measure(): Promise<void> {
    await this.#measure()
    await this.#prepare()
  }

  get #active(): Segment | undefined {
    return this.#used.at(-1)
  }

  #path(number: number): string {
    return `${this.#options.dir}/${String(number).padStart(6, '0')}.seg`
  }

  async #reader(number: number): Promise<DiskFile> {
    const open = this.#readers.get(number)
    if (open) return open
    const file = await this.#options.disk.open(this.#path(number))
    this.#readers.set(number, file)
    return file
  }

  async #replay(onRecord: OnRecord): Promise<void> {
    const { disk, dir, log } = this.#options
    const numbers = (await disk.list(dir)).flatMap((name) => (/^\d{6}\.seg$/.test(name) ? [Number(name.slice(0, 6))] : []))
    this.#highest = Math.max(0, ...numbers)
    const heads: Head[] = []
    const empty: number[] = []
    for (const number of numbers) {
      const size = (await disk.size(this.#path(number))) ?? 0
      if (size !== this.segmentBytes) {
        // A power cut while it was being made, before anybody wrote to it; or a foreign file, which stays untouched.
        if (size < this.segmentBytes) await disk.remove(this.#path(number)).catch(() => {})
        continue
      }
      const head = await this.#head(number)
      if (head.generation === 0) empty.push(number)
      else heads.push(head)
    }
    heads.sort((a, b) => a.generation - b.generation)
    const newest = heads.at(-1)
    this.#generation = newest?.generation ?? 0
    const oldest = Math.max(0, ...heads.map((head) => head.oldest), newest ? await this.#oldestKnown(newest.number) : 0)
    for (const head of heads) if (head.generation >= oldest) await this.#replaySegment(head, onRecord)
    this.#pool = [...empty, ...heads.filter((head) => head.generation < oldest).map((head) => head.number)]
    const active = this.#active
    if (active) {
      this.#end = active.end
      this.#file = await disk.open(this.#path(active.number))
    }
    if (this.#stats.damaged > 0) log('error', 'journal: damaged stretches were skipped', { stretches: this.#stats.damaged })
  }

  /** Its checkpoint stands first; when that is spoiled, whatever else can be read says the generation. */
  async #head(number: number): Promise<Head> {
    const bytes = await this.#segmentBytes(number, Math.min(this.segmentBytes, headReadBytes))
    const first = bytes && recordAt(bytes, 0)
    if (first) return { number, generation: first.generation, oldest: first.type === recordTypes.checkpoint ? oldestIn(first.body) : 0 }
    const whole = await this.#segmentBytes(number)
    return { number, generation: (whole && scanSegment(whole)?.generation) ?? 0, oldest: 0 }
  }

  /** What the newest segment says of the oldest that still counts. */
  async #oldestKnown(number: number): Promise<number> {
    const bytes = await this.#segmentBytes(number)
    const records = (bytes && scanSegment(bytes)?.records) ?? []
    return Math.max(0, ...records.map((record) => (record.type === recordTypes.checkpoint ? oldestIn(record.body) : 0)))
  }

  async #segmentBytes(number: number, bytes = this.segmentBytes): Promise<Uint8Array | undefined> {
    const path = this.#path(number)
    try {
      const file = await this.#options.disk.open(path)
      try {
        return await file.read(0, bytes)
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#stats.damaged++
      this.#options.log('error', 'journal: a segment cannot be read', { path, why: sentence(error) })
      return undefined
    }
  }

  async #replaySegment(head: Head, onRecord: OnRecord): Promise<void> {
    const bytes = await this.#segmentBytes(head.number)
    const scan = bytes && scanSegment(bytes)
    if (!scan) return
    this.#stats.damaged += scan.damaged
    this.#used.push({ number: head.number, generation: scan.generation, live: 0, end: scan.end })
    for (const record of scan.records) onRecord(record, { segment: head.number, offset: record.offset, bytes: record.bytes })
  }

  #commit(): void {
    this.#noteTimer?.()
    this.#noteTimer = undefined
    if (this.#committing || this.#pending.length === 0) return
    this.#committing = this.#commitAll().finally(() => {
      this.#committing = undefined
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
      if (this.#failedAt !== undefined) {
        if (this.#options.clock.monotonic() - this.#failedAt < readOnlyMs) return this.#refusePending()
        this.#abandonFile()
      }
      if (!this.#file && !(await this.#roll())) return this.#refusePending()
      const batch = this.#takeBatch()
      if (batch.length === 0) {
        if (!(await this.#roll())) return this.#refusePending()
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

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let room = Math.min(
      this.segmentBytes - this.#end - (this.#end === 0 ? this.#checkpointRecord().body.length + headerBytes : 0),
      batchBytes,
    )
    for (const record of this.#pending) {
      room -= headerBytes + record.body.length
      if (room < 0 && (batch.length > 0 || this.#end + headerBytes + record.body.length > this.segmentBytes)) break
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
  async #write(batch: Waiting[]): Promise<boolean> {
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
    this.#stats.syncs++
    this.#stats.records += records.length
    let at = offset
    const skip = encoded.length - batch.length
    for (const [index, bytes] of encoded.entries()) {
      const record = index >= skip ? batch[index - skip] : undefined
      const place = { segment: active.number, offset: at, bytes: bytes.length }
      at += bytes.length
      this.#end = at
      active.end = at
      record?.done?.(place)
    }
    return true
  }

  /** After an I/O error the same descriptor is never synced again: the batch goes to another segment, once. */
  async #writeElsewhere(batch: Waiting[]): Promise<boolean> {
    this.#abandonFile()
    if ((await this.#roll(true)) && (await this.#write(batch))) return true
    this.#failedAt = this.#options.clock.monotonic()
    this.#options.log('error', 'journal: read-only, nothing more is accepted', { why: this.#failure })
    return false
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
   * Begins another segment: a recycled one, a new one, or, when somebody else than an alert needs it, the reserve. False: the disk is full.
   */
  async #roll(urgent = false): Promise<boolean> {
    const number = this.#pool.shift() ?? (await this.#create())
    const chosen =
      number ?? (urgent || this.#pending.some((record) => !record.failed) ? (this.#takeReserve() ?? this.#retired.shift()) : undefined)
    if (chosen === undefined) return false
    try {
      this.#abandonFile()
      this.#file = await this.#options.disk.open(this.#path(chosen))
    } catch (error) {
      this.#failure = sentence(error)
      this.#options.log('error', 'journal: a segment cannot be opened', { segment: chosen, why: sentence(error) })
      return false
    }
    this.#generation++
    this.#used.push({ number: chosen, generation: this.#generation, live: 0, end: 0 })
    this.#end = 0
    this.#recycle()
    return true
  }

  #takeReserve(): number | undefined {
    const reserve = this.#reserve
    this.#reserve = undefined
    if (reserve !== undefined) this.#options.log('warning', 'journal: the reserve segment is in use', {})
    return reserve
  }

  /** Oldest first and only from the old end: an outcome must outlive its alert. */
  #recycle(): void {
    for (let oldest = this.#used[0]; oldest && oldest.live <= 0 && this.#used.length > 1; oldest = this.#used[0]) {
      this.#used.shift()
      const reader = this.#readers.get(oldest.number)
      this.#readers.delete(oldest.number)
      void reader?.close().catch(() => {})
      this.#options.beforeRecycle(oldest.number)
      this.#retired.push(oldest.number)
      // Overwritten only once it is on the disk that it no longer counts: the outcomes of its alerts lie in segments that may go first.
      this.note(this.#checkpointRecord(), () => this.#spare(oldest.number))
    }
  }

  #spare(number: number): void {
    const at = this.#retired.indexOf(number)
    if (at < 0) return
    this.#retired.splice(at, 1)
    if (this.#reserve === undefined) this.#reserve = number
    else if (this.#pool.length < poolLimit) this.#pool.push(number)
    else void this.#options.disk.remove(this.#path(number)).catch(() => {})
  }

  /** One segment ready beside the reserve, so that nobody waits for zeros. */
  async #prepare(): Promise<void> {
    if (this.#reserve === undefined) this.#reserve = this.#pool.pop() ?? (await this.#create())
    if (this.#pool.length === 0) {
      const first = await this.#create()
      if (first !== undefined) this.#pool.push(first)
    }
  }

  async #measure(): Promise<void> {
    const standing = this.#used.length + this.#pool.length + this.#retired.length + (this.#reserve === undefined ? 0 : 1)
    try {
      const room = await this.#options.disk.room(this.#options.dir)
      const fits = Math.floor((room.bytes - marginBytes) / this.segmentBytes)
      const wanted = this.#options.maxSegments - standing
      this.#creatable = Math.max(0, room.inodes > inodeMargin ? Math.min(fits, wanted) : 0)
    } catch (error) {
      this.#creatable = 0
      this.#options.log('warning', 'journal: the room on the disk cannot be told', { why: sentence(error) })
    }
  }

  /** A new segment of zeros, durable by content and name; undefined when there is no room for it. */
  async #create(): Promise<number | undefined> {
    await this.#measure()
    if (this.#creatable === 0) return undefined
    const { disk, dir, log } = this.#options
    const number = this.#highest + 1
    const path = this.#path(number)
    try {
      const file = await disk.open(path, { create: true })
      try {
        await writeAll(file, 0, new Uint8Array(this.segmentBytes))
        await file.sync()
      } finally {
        await file.close()
      }
      await disk.sync(dir)
    } catch (error) {
      log(isDiskError(error, 'ENOSPC') ? 'warning' : 'error', 'journal: no new segment', { why: sentence(error) })
      await disk.remove(path).catch(() => {})
      this.#creatable = 0
      if (!(error instanceof DiskError)) throw error
      return undefined
    }
    this.#highest = number
    this.#creatable = Math.max(0, this.#creatable - 1)
    return number
  }
}

const fullError = (): StorageError =>
  new StorageError(
    'the journal is full',
    'Letters are waiting for the link. Bring the link back, or raise queue.maxMiB if the disk has room.',
  )

function oldestIn(body: Uint8Array): number {
  try {
    const oldest: unknown = JSON.parse(Buffer.from(body).toString()).oldest
    return typeof oldest === 'number' ? oldest : 0
  } catch {
    return 0
  }
}
