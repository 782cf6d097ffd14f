import type { Adapter } from 'lowdb'
import { type Disk, isDiskError, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'

/**
 * A lowdb adapter that keeps what it was given: a draft of 0600, synced, renamed, the directory synced. The version before stays as `.bak`, and is
 * what is read when the file is torn or empty. lowdb's own file adapter makes no sync at all.
 */
export class DurableJson<T> implements Adapter<T> {
  /** What had to be mended at the last read. */
  readonly notes: string[] = []
  /** Neither the file nor its predecessor can be used; nothing was overwritten. */
  broken: string | undefined
  readonly #disk: Disk
  readonly #dir: string
  readonly #name: string
  readonly #accepts: (value: unknown, text: string) => T

  /** `accepts` returns the value, or throws an error whose message says what is wrong with it. */
  constructor(disk: Disk, dir: string, name: string, accepts: (value: unknown, text: string) => T) {
    this.#disk = disk
    this.#dir = dir
    this.#name = name
    this.#accepts = accepts
  }

  /** The file's content; null when there is neither file nor predecessor, or both are spoiled (see `broken`). */
  async read(): Promise<T | null> {
    this.broken = undefined
    this.notes.length = 0
    const main = await this.#readOne(this.#name)
    if (main.kind === 'good') return main.value
    const backup = await this.#readOne(`${this.#name}.bak`)
    if (backup.kind === 'good') {
      this.notes.push(
        main.kind === 'missing'
          ? `${this.#name} is missing; its predecessor ${this.#name}.bak is used.`
          : `${this.#name} cannot be used (${main.why}); its predecessor ${this.#name}.bak is used.`,
      )
      return backup.value
    }
    if (main.kind === 'bad') this.broken = main.why
    else if (backup.kind === 'bad') this.broken = backup.why
    return null
  }

  async write(value: T): Promise<void> {
    await this.#disk.makeDir(this.#dir)
    const standing = await this.#bytes(this.#name)
    // Only a file that can be read again is worth keeping.
    if (standing && (await this.#readOne(this.#name)).kind === 'good')
      await replaceFile(this.#disk, this.#dir, `${this.#name}.bak`, standing)
    await replaceFile(this.#disk, this.#dir, this.#name, Buffer.from(`${JSON.stringify(value, null, 2)}\n`))
  }

  async #readOne(name: string): Promise<{ kind: 'good'; value: T } | { kind: 'missing' } | { kind: 'bad'; why: string }> {
    const bytes = await this.#bytes(name)
    if (!bytes) return { kind: 'missing' }
    const text = Buffer.from(bytes).toString()
    try {
      return { kind: 'good', value: this.#accepts(text.trim() === '' ? undefined : JSON.parse(text), text) }
    } catch (error) {
      return { kind: 'bad', why: text.trim() === '' ? 'the file is empty' : sentence(error) }
    }
  }

  async #bytes(name: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#disk.read(`${this.#dir}/${name}`)
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return undefined
      throw error
    }
  }
}
