import type { Clock } from '../ports/clock.ts'
import { type Disk, DiskError, type DiskFile, isDiskError } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { type JournalRecord, recordAt } from './record.ts'
import type { Place } from './segment.ts'

/** Readers: descriptors of segments that are only read, and what a disk means that does not give a record. */
export type ReadersOptions = {
  disk: Disk
  clock: Clock
  log: Log
  pathOf(segment: number): string
  /** The disk takes nothing either. */
  isFailing(): boolean
}

/** Many an I/O error is gone the second time. */
const attempts = 2
/** A file that cannot be opened for so long, on a disk that takes everything else, is no better than a bad block: what lies behind it waits. */
const unopenedMs = 3_600_000

export class Readers {
  /** Records that were lost to bad blocks. */
  lost = 0
  readonly #options: ReadersOptions
  readonly #open = new Map<number, Promise<DiskFile>>()
  /** Segments that cannot be opened, and since when (monotonic ms). */
  readonly #unopened = new Map<number, number>()

  constructor(options: ReadersOptions) {
    this.#options = options
  }

  /**
   * The record at a place; undefined when it cannot be read any more (a bad block). Rejects with DiskError when it cannot be read now, which says nothing
   * about what is there.
   */
  async read(place: Place): Promise<JournalRecord | undefined> {
    let found: JournalRecord | DiskError | undefined
    for (let left = attempts; left > 0; left--) {
      found = await this.#readOnce(place)
      if (found && !(found instanceof DiskError)) return found
    }
    if (found) throw found
    this.lost++
    return undefined
  }

  /** The segment is given up: another one may bear its number. */
  forget(segment: number): void {
    this.#unopened.delete(segment)
    void this.#close(segment)
  }

  async close(): Promise<void> {
    for (const segment of [...this.#open.keys()]) await this.#close(segment)
  }

  /** undefined: what is there is no record. A DiskError: the disk does not give it now. */
  async #readOnce({ segment, offset, bytes }: Place): Promise<JournalRecord | DiskError | undefined> {
    let reader: DiskFile | undefined
    try {
      reader = await this.#reader(segment)
      this.#unopened.delete(segment)
      return recordAt(await reader.read(offset, bytes), 0)
    } catch (error) {
      this.#options.log('error', 'journal: a record cannot be read', { segment, offset, why: sentence(error) })
      void this.#close(segment)
      if (!isDiskError(error)) return undefined
      return (reader ? this.#isNoBadBlock(error) : this.#opensLater(segment, error)) ? error : undefined
    }
  }

  #reader(segment: number): Promise<DiskFile> {
    const { disk, pathOf } = this.#options
    const reader = this.#open.get(segment) ?? disk.open(pathOf(segment), { readOnly: true })
    this.#open.set(segment, reader)
    return reader
  }

  async #close(segment: number): Promise<void> {
    const reader = this.#open.get(segment)
    this.#open.delete(segment)
    await reader?.then((file) => file.close()).catch(() => {})
  }

  #opensLater(segment: number, error: DiskError): boolean {
    if (error.code === 'ENOENT') return false
    if (this.#isNoBadBlock(error)) return true
    const now = this.#options.clock.monotonic()
    const since = this.#unopened.get(segment) ?? now
    this.#unopened.set(segment, since)
    return now - since < unopenedMs
  }

  /** Of a disk that takes nothing either, as when the card was pulled, a refusal to read does not say that one block is bad. */
  #isNoBadBlock({ code }: DiskError): boolean {
    return code === 'EROFS' || code === 'EACCES' || this.#options.isFailing()
  }
}
