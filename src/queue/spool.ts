import { crc32 } from 'node:zlib'
import type { Enclosed } from '../alert/alert.ts'
import { type Disk, DiskError, type DiskFile, isDiskError, isReadOnly, writeAll } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import { hex, type Random } from '../ports/random.ts'

/**
 * Spool: mails that are passed on as they are, a file each beside the journal, because a record of the journal is small. The promise is the same: the octets and their name are on the disk
 * before the record that names them is written, and the file goes only when it is on the disk that nobody waits for it any more.
 */
export type SpoolOptions = {
  disk: Disk
  log: Log
  random: Random
  dir: string
  /** All mails together, in octets. */
  maxBytes: number
  /** Room that must stay on the file system, in octets: what the journal may still grow by. */
  spareBytes(): number
}

/** Where the octets of a mail lie. */
export type Spooled = Pick<Enclosed, 'file' | 'bytes' | 'crc'>

/** A mail that is being written. Its verbs reject with DiskError: ENOSPC where the spool or the disk is full. */
export interface Draft {
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the octets and their name are on the disk. */
  keep(): Promise<Spooled>
  /** Gives the room back. Never rejects. */
  drop(): Promise<void>
}

const namePattern = /^[0-9a-f]{24}\.mail$/
/** Octets that are written between two looks at the room. */
const lookBytes = 1024 * 1024

export class Spool {
  readonly #options: SpoolOptions
  readonly #sizes = new Map<string, number>()

  private constructor(options: SpoolOptions) {
    this.#options = options
  }

  /** Rejects with DiskError when its directory cannot be used; on a disk that takes nothing it may be missing, and no mail is taken then. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { disk, dir, log } = options
    const spool = new Spool(options)
    try {
      await disk.makeDir(dir)
    } catch (error) {
      if (!isReadOnly(error)) throw error
      log('warning', 'spool: there is none, and none can be made', { why: sentence(error) })
      return spool
    }
    for (const name of await disk.list(dir)) if (namePattern.test(name)) spool.#sizes.set(name, (await disk.size(`${dir}/${name}`)) ?? 0)
    return spool
  }

  /** Octets of all mails. */
  get bytes(): number {
    return [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  /** Removes what no letter names: mails that a power cut caught before they were accepted, or after they were settled. */
  async sweep(named: ReadonlySet<string>): Promise<void> {
    for (const name of [...this.#sizes.keys()]) if (!named.has(name)) await this.remove(name)
  }

  /** A new mail. Rejects with DiskError. */
  async draft(): Promise<Draft> {
    const { disk, dir, random } = this.#options
    const name = `${hex(random.bytes(12))}.mail`
    await this.#look(name, 0)
    const file = await disk.open(`${dir}/${name}`, { create: true }).catch((error) => {
      this.#sizes.delete(name)
      throw error
    })
    return new FileDraft(name, file, {
      look: (bytes) => this.#look(name, bytes),
      syncDir: () => disk.sync(dir),
      drop: () => this.remove(name),
    })
  }

  /**
   * The octets; undefined when they are not what was kept, or gone. Rejects with DiskError when they cannot be read now: many an I/O error is gone the
   * next time.
   */
  async read({ file, bytes, crc }: Spooled): Promise<Uint8Array | undefined> {
    const { disk, dir, log } = this.#options
    const path = `${dir}/${file}`
    try {
      for (let tries = 1; tries <= readAttempts; tries++) {
        const content = await disk.read(path, bytes).catch((error) => {
          if (tries === readAttempts || isGone(error)) throw error
          return new Uint8Array()
        })
        if (content.length === bytes && crc32(content) === crc) return content
      }
      log('error', 'spool: a mail is not what it was', { file })
    } catch (error) {
      log('error', 'spool: a mail cannot be read', { file, why: sentence(error) })
      if (!isGone(error)) throw error
    }
    return undefined
  }

  /** Nobody waits for it any more. Never rejects: what stays behind goes at the next start. */
  async remove(name: string): Promise<void> {
    const { disk, dir, log } = this.#options
    try {
      await disk.remove(`${dir}/${name}`)
    } catch (error) {
      log('warning', 'spool: a mail could not be removed', { file: name, why: sentence(error) })
    }
    this.#sizes.delete(name)
  }

  /** Counts `bytes` more for this mail. Rejects when there is no room for them. */
  async #look(name: string, bytes: number): Promise<void> {
    const { disk, dir, maxBytes, spareBytes } = this.#options
    const before = this.#sizes.get(name)
    const more = (before ?? 0) + bytes
    if (this.bytes + bytes > maxBytes) throw new DiskError('the spool is full', 'ENOSPC', { hint: spoolHint })
    if (before === undefined || Math.floor(more / lookBytes) > Math.floor(before / lookBytes)) {
      const room = await disk.room(dir)
      if (room.bytes - lookBytes < spareBytes()) throw new DiskError('the disk has no room for this mail', 'ENOSPC')
    }
    this.#sizes.set(name, more)
  }
}

/** Of a mail: what is wrong once may be right the second time. */
const readAttempts = 2
const isGone = (error: unknown): boolean => isDiskError(error, 'ENOENT')

const spoolHint = 'Mails are waiting for the link. Bring the link back, or raise queue.spoolMiB if the disk has room.'

type Around = { look(bytes: number): Promise<void>; syncDir(): Promise<void>; drop(): Promise<void> }

class FileDraft implements Draft {
  readonly #name: string
  readonly #file: DiskFile
  readonly #around: Around
  #bytes = 0
  #crc = 0
  #isOpen = true

  constructor(name: string, file: DiskFile, around: Around) {
    this.#name = name
    this.#file = file
    this.#around = around
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#around.look(bytes.length)
    await writeAll(this.#file, this.#bytes, bytes)
    this.#bytes += bytes.length
    this.#crc = crc32(bytes, this.#crc)
  }

  async keep(): Promise<Spooled> {
    await this.#file.sync()
    await this.#close()
    await this.#around.syncDir()
    return { file: this.#name, bytes: this.#bytes, crc: this.#crc }
  }

  async drop(): Promise<void> {
    await this.#close().catch(() => {})
    await this.#around.drop()
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#file.close()
  }
}
