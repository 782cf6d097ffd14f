import type { Adapter, Low } from 'lowdb'
import { type Disk, type DiskError, isDiskError, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'

type Reading<T> =
  | { kind: 'good'; value: T; bytes: Uint8Array }
  | { kind: 'missing' }
  | { kind: 'bad'; why: string; bytes: Uint8Array }
  /** Whole, but not what it should be: somebody wrote it so. */
  | { kind: 'refused'; why: string; bytes: Uint8Array }
  | { kind: 'unread'; error: DiskError }

/** Many a read error is gone the second time. */
const readAttempts = 2

/**
 * A lowdb adapter that keeps what it was given: a draft of 0600, synced, renamed, the directory synced. The version before stays as `.bak`, and is
 * what is read when the file is torn, empty or not accepted, or when the disk does not give it. One that was not accepted, and what somebody
 * may have written by hand, is put aside as `.refused` before it is written over. lowdb's own file adapter makes no sync at all.
 */
export class DurableJson<T> implements Adapter<T> {
  /** What had to be mended at the last read. */
  readonly notes: string[] = []
  /** Neither the file nor its predecessor can be used; nothing was overwritten. */
  broken: string | undefined
  /** What was read is the predecessor, and the file is spoiled or gone for good. A file that the disk does not give may be there again at the next read, and newer. */
  recovered = false
  /** Why the file, which is whole, was not accepted: somebody wrote it so. */
  refused: string | undefined
  /** Why the file is no JSON: a power cut, or somebody who writes by hand. */
  torn: string | undefined
  /** Why the file was not what was read, whatever the reason. */
  fault: string | undefined
  readonly #disk: Disk
  readonly #dir: string
  readonly #name: string
  readonly #accepts: (value: unknown, text: string) => T
  #writing: Promise<void> = Promise.resolve()

  /** `accepts` returns the value, or throws an error whose message says what is wrong with it. */
  constructor(disk: Disk, dir: string, name: string, accepts: (value: unknown, text: string) => T) {
    this.#disk = disk
    this.#dir = dir
    this.#name = name
    this.#accepts = accepts
  }

  /**
   * The file's content; null when there is neither file nor predecessor, or both are spoiled (see `broken`). Rejects with DiskError when one of them
   * cannot be read and the other is no help: what it holds is not known, and nobody may begin anew in its place.
   */
  async read(): Promise<T | null> {
    this.broken = undefined
    this.recovered = false
    this.refused = undefined
    this.torn = undefined
    this.fault = undefined
    this.notes.length = 0
    const main = await this.#readOne(this.#name)
    if (main.kind === 'good') return main.value
    this.fault = main.kind === 'missing' ? 'it is missing' : main.kind === 'unread' ? sentence(main.error) : main.why
    if (main.kind === 'refused') this.refused = main.why
    if (main.kind === 'bad') this.torn = main.why
    const backup = await this.#readOne(`${this.#name}.bak`)
    if (backup.kind === 'good') {
      this.recovered = main.kind !== 'unread'
      this.notes.push(
        main.kind === 'missing'
          ? `${this.#name} is missing; its predecessor ${this.#name}.bak is used.`
          : `${this.#name} cannot be used (${this.fault}); its predecessor ${this.#name}.bak is used.`,
      )
      return backup.value
    }
    if (main.kind === 'unread') throw main.error
    if (backup.kind === 'unread') throw backup.error
    if (main.kind === 'bad' || main.kind === 'refused') this.broken = main.why
    else if (backup.kind === 'bad' || backup.kind === 'refused') this.broken = backup.why
    return null
  }

  /** Durable when it resolves; writers wait for one another. Rejects with DiskError; the file is the old one then, or the new one. */
  write(value: T): Promise<void> {
    const written = this.#writing.then(() => this.#write(value))
    this.#writing = written.catch(() => {})
    return written
  }

  async #write(value: T): Promise<void> {
    await this.#disk.makeDir(this.#dir)
    const standing = await this.#readOne(this.#name)
    // Only a file that can be read again is worth keeping.
    if (standing.kind === 'good') await replaceFile(this.#disk, this.#dir, `${this.#name}.bak`, standing.bytes)
    if (standing.kind === 'refused' || (standing.kind === 'bad' && isWritten(standing.bytes)))
      await replaceFile(this.#disk, this.#dir, `${this.#name}.refused`, standing.bytes)
    await replaceFile(this.#disk, this.#dir, this.#name, Buffer.from(`${JSON.stringify(value, null, 2)}\n`))
  }

  async #readOne(name: string): Promise<Reading<T>> {
    const bytes = await this.#bytes(name)
    if (bytes === undefined) return { kind: 'missing' }
    if (!(bytes instanceof Uint8Array)) return { kind: 'unread', error: bytes }
    const text = Buffer.from(bytes).toString()
    if (text.trim() === '') return { kind: 'bad', why: 'the file is empty', bytes }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return { kind: 'bad', why: sentence(error), bytes }
    }
    try {
      return { kind: 'good', value: this.#accepts(value, text), bytes }
    } catch (error) {
      return { kind: 'refused', why: sentence(error), bytes }
    }
  }

  /** undefined: there is no such file. A DiskError: the disk does not give it, also not the second time. */
  async #bytes(name: string, left = readAttempts): Promise<Uint8Array | DiskError | undefined> {
    try {
      return await this.#disk.read(`${this.#dir}/${name}`)
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return undefined
      if (!isDiskError(error, 'EIO')) throw error
      return left > 1 ? this.#bytes(name, left - 1) : error
    }
  }
}

/** Somebody may have written it: after a power cut a file is empty, or nothing but zeros. */
const isWritten = (bytes: Uint8Array): boolean => bytes.some((octet) => octet > 0x20)

/** Writes it through lowdb; what could not be written is not what lowdb has, either. */
export async function keep<T>(low: Low<T>, value: T): Promise<void> {
  const before = low.data
  low.data = value
  try {
    await low.write()
  } catch (error) {
    low.data = before
    throw error
  }
}
