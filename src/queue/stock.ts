import { type Disk, DiskError, isDiskError, writeAll } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { segmentName } from './segment.ts'

/**
 * Stock: segments that may be written next. Recycled ones go first, oldest first (a note of an outcome must outlive its alert); new ones are made
 * while the limit and the file system allow it; and one reserve is kept, so that a full disk can still be opened and drained.
 */
export type StockOptions = {
  disk: Disk
  log: Log
  dir: string
  segmentBytes: number
  /** Most segments that may stand, the reserve included. */
  maxSegments: number
  /** Segments that stand and are not in stock. */
  inUse(): number
}

/** Recycled segments that are kept ready; more are given back to the disk. */
export const poolLimit = 8
/** Room that must stay on the file system when a segment is made: the mailbox and the settings need to be written too. */
const marginBytes = 256 * 1024
const inodeMargin = 8
/** An I/O error may have hit one block: the next file gets others. */
const attempts = 2

export class Stock {
  readonly #options: StockOptions
  #pool: number[] = []
  #reserve: number | undefined
  #highest = 0
  #making = 0
  #creatable = 0
  /** Why the last segment could not be made, when it was no lack of room. */
  fault: string | undefined

  constructor(options: StockOptions) {
    this.#options = options
  }

  begin(free: readonly number[], highest: number): void {
    this.#pool = [...free]
    this.#highest = highest
  }

  /** Segments that could be had, without the reserve. */
  get spare(): number {
    return this.#pool.length + this.#creatable
  }

  get pool(): number {
    return this.#pool.length
  }

  get hasReserve(): boolean {
    return this.#reserve !== undefined
  }

  /** The next one to write: recycled or new. undefined: there is no room, or `fault` says what else. */
  async take(): Promise<number | undefined> {
    this.fault = undefined
    return this.#pool.shift() ?? (await this.#make())
  }

  /** What was kept for somebody else than an alert. */
  takeReserve(): number | undefined {
    const reserve = this.#reserve
    this.#reserve = undefined
    if (reserve !== undefined) this.#options.log('warning', 'journal: the reserve segment is in use', {})
    return reserve
  }

  /** It is on the disk that nobody needs this one any more. Of too many the oldest goes: the others still tell the history. */
  give(number: number): void {
    if (this.#reserve === undefined) {
      this.#reserve = number
      return
    }
    this.#pool.push(number)
    const surplus = this.#pool.length > poolLimit ? this.#pool.shift() : undefined
    if (surplus !== undefined) void this.#options.disk.remove(this.#path(surplus)).catch(() => {})
  }

  /** One segment ready beside the reserve, so that nobody waits for zeros. */
  async prepare(): Promise<void> {
    this.#reserve ??= this.#pool.pop()
    while (this.#reserve === undefined || this.#pool.length === 0) {
      const made = await this.#make()
      if (made === undefined) return
      this.give(made)
    }
  }

  /** Looks how much the file system would give. */
  async measure(): Promise<void> {
    const { disk, dir, log, segmentBytes, maxSegments, inUse } = this.#options
    try {
      const room = await disk.room(dir)
      const standing = inUse() + this.#pool.length + this.#making + (this.#reserve === undefined ? 0 : 1)
      const fits = Math.floor((room.bytes - marginBytes) / segmentBytes)
      this.#creatable = Math.max(0, room.inodes > inodeMargin ? Math.min(fits, maxSegments - standing) : 0)
    } catch (error) {
      this.#creatable = 0
      log('warning', 'journal: the room on the disk cannot be told', { why: sentence(error) })
    }
  }

  async #make(): Promise<number | undefined> {
    await this.measure()
    for (let left = attempts; left > 0 && this.#creatable > 0; left--) {
      // Taken before anything is waited for: a commit and `prepare` may both be here, and one file must not be given to both.
      const number = ++this.#highest
      this.#creatable--
      this.#making++
      try {
        await this.#fill(number)
        return number
      } catch (error) {
        if (!(error instanceof DiskError)) throw error
        await this.#failed(number, error)
      } finally {
        this.#making--
      }
    }
    return undefined
  }

  /** A file of zeros, durable by content and name. */
  async #fill(number: number): Promise<void> {
    const { disk, dir, segmentBytes } = this.#options
    const file = await disk.open(this.#path(number), { create: true })
    try {
      await writeAll(file, 0, new Uint8Array(segmentBytes))
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.sync(dir)
  }

  async #failed(number: number, error: DiskError): Promise<void> {
    const { disk, log } = this.#options
    const full = isDiskError(error, 'ENOSPC') || isDiskError(error, 'EDQUOT')
    log(full ? 'warning' : 'error', 'journal: no new segment', { why: sentence(error) })
    if (full) this.#creatable = 0
    else {
      this.#creatable++
      this.fault = sentence(error)
    }
    await disk.remove(this.#path(number)).catch(() => {})
    if (this.#highest === number) this.#highest--
  }

  #path(number: number): string {
    return `${this.#options.dir}/${segmentName(number)}`
  }
}
