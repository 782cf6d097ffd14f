import { type Disk, DiskError, type DiskFile } from '../../../src/ports/disk.ts'
import type { SimRandom } from './random.ts'

/**
 * A disk that keeps only what was synced. Content becomes durable by a sync of the file, a name by a sync of its directory. A power cut
 * keeps, loses or tears (at 512 octets) each write since, and keeps a prefix of the changes of names. After a failed sync the writes are gone,
 * and the next sync succeeds, as on Linux.
 */
const sector = 512

type Inode = { volatile: Uint8Array; durable: Uint8Array; writes: { offset: number; bytes: Uint8Array }[] }
type NameChange = { dir: string; apply(names: Map<string, Inode>): void }

export type DiskFaults = {
  /** Fails the nth write or sync from now (1 is the next). */
  failWrite?: number
  failSync?: number
  /** Fails the nth opening of a file from now. */
  failOpen?: number
  /** Which octets cannot be read. */
  unreadable?: (path: string, from: number, to: number) => boolean
  /** Takes only a part of each write. */
  short?: SimRandom
  /** Octets that all files together may have. */
  capacity?: number
  /** The kernel has remounted the file system: whatever would change it is EROFS, and reading goes on. */
  readOnly?: boolean
}

export class SimDisk implements Disk {
  faults: DiskFaults = {}
  syncs = 0
  /** Syncs that were asked for although one on the same descriptor had failed. */
  syncedAgain = 0
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #changes: NameChange[] = []
  #dirs = new Set<string>()
  #locks = new Set<string>()
  /** Waits before a sync returns, given by the world. */
  delay: (kind: 'write' | 'sync') => Promise<void> = async () => {}
  /** Set when the power is gone: nothing that was begun ever returns. */
  dead = false

  async open(path: string, options: { create?: boolean; readOnly?: boolean } = {}): Promise<DiskFile> {
    await this.#alive()
    if (this.faults.failOpen !== undefined && --this.faults.failOpen === 0) throw new DiskError(`${path} cannot be opened`, 'EIO')
    let inode = this.#names.get(path)
    if (inode ? !options.readOnly : options.create) this.checkWritable(path)
    if (!inode) {
      if (!options.create) throw new DiskError(`no file ${path}`, 'ENOENT')
      inode = this.#make(path)
    }
    return new SimFile(this, path, inode, options.readOnly === true)
  }

  async read(path: string, maxBytes = 16 * 1024 * 1024): Promise<Uint8Array> {
    await this.#alive()
    const inode = this.#names.get(path)
    if (!inode) throw new DiskError(`no file ${path}`, 'ENOENT')
    this.checkReadable(path, 0, inode.volatile.length)
    if (inode.volatile.length > maxBytes) throw new DiskError(`${path} is too large`, 'EFBIG')
    return inode.volatile.slice()
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#alive()
    this.checkWritable(path)
    const inode = this.#names.get(path) ?? this.#make(path)
    inode.volatile = new Uint8Array()
    for (let done = 0; done < bytes.length; ) done += await this.writeTo(inode, done, bytes.subarray(done))
  }

  async sync(path: string): Promise<void> {
    const inode = this.#names.get(path)
    if (inode) return this.syncFile(inode)
    await this.#alive()
    await this.delay('sync')
    await this.#alive()
    this.checkWritable(path)
    if (this.faults.failSync !== undefined && --this.faults.failSync === 0) throw new DiskError(`${path} cannot be synced`, 'EIO')
    for (const change of this.#changes.filter((one) => one.dir === path)) change.apply(this.#durableNames)
    this.#changes = this.#changes.filter((one) => one.dir !== path)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#alive()
    const inode = this.#names.get(from)
    if (!inode) throw new DiskError(`no file ${from}`, 'ENOENT')
    this.checkWritable(from)
    this.#change(dirOf(to), (names) => {
      names.delete(from)
      names.set(to, inode)
    })
  }

  async remove(path: string): Promise<void> {
    await this.#alive()
    if (!this.#names.has(path)) throw new DiskError(`no file ${path}`, 'ENOENT')
    this.checkWritable(path)
    this.#change(dirOf(path), (names) => names.delete(path))
  }

  async removeDir(dir: string): Promise<void> {
    if ((await this.list(dir)).length > 0) throw new DiskError(`${dir} is not empty`, 'ENOTEMPTY')
    this.checkWritable(dir)
    this.#dirs.delete(dir)
  }

  async list(dir: string): Promise<string[]> {
    await this.#alive()
    if (!this.#dirs.has(dir)) throw new DiskError(`no directory ${dir}`, this.#names.has(dir) ? 'ENOTDIR' : 'ENOENT')
    const prefix = `${dir}/`
    const inside = [...this.#names.keys(), ...this.#dirs]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length).split('/')[0] ?? '')
    return [...new Set(inside)].sort()
  }

  async makeDir(dir: string): Promise<void> {
    await this.#alive()
    if (!this.#dirs.has(dir)) this.checkWritable(dir)
    for (let at = dir; at && at !== '.' && at !== '/'; at = dirOf(at)) this.#dirs.add(at)
  }

  async size(path: string): Promise<number | undefined> {
    await this.#alive()
    return this.#names.get(path)?.volatile.length
  }

  async room(): Promise<{ bytes: number; inodes: number }> {
    await this.#alive()
    return { bytes: Math.max(0, (this.faults.capacity ?? 1e12) - this.used), inodes: 1e6 }
  }

  async lock(dir: string): Promise<(() => Promise<void>) | undefined> {
    if (this.#locks.has(dir)) return undefined
    this.#locks.add(dir)
    return async () => void this.#locks.delete(dir)
  }

  get used(): number {
    return [...new Set(this.#names.values())].reduce((sum, inode) => sum + inode.volatile.length, 0)
  }

  /** Every file's durable content, for tests that spoil it. */
  durable(path: string): Uint8Array | undefined {
    return this.#durableNames.get(path)?.durable
  }

  paths(): string[] {
    return [...this.#names.keys()].sort()
  }

  /** What the next life finds. This disk never answers again. */
  powerCut(random: SimRandom): SimDisk {
    this.dead = true
    const next = new SimDisk()
    const kept = random.below(this.#changes.length + 1)
    const names = new Map(this.#durableNames)
    for (const change of this.#changes.slice(0, kept)) change.apply(names)
    for (const [path, inode] of names) {
      const content = survived(inode, random)
      next.#names.set(path, { volatile: content, durable: content.slice(), writes: [] })
    }
    next.#durableNames = new Map(next.#names)
    next.#dirs = new Set(this.#dirs)
    return next
  }

  checkWritable(path: string): void {
    if (this.faults.readOnly) throw new DiskError(`${path}: read-only file system`, 'EROFS')
  }

  checkReadable(path: string, from: number, to: number): void {
    if (this.faults.unreadable?.(path, from, to)) throw new DiskError(`${path} cannot be read`, 'EIO')
  }

  async writeTo(inode: Inode, offset: number, bytes: Uint8Array): Promise<number> {
    await this.#alive()
    this.checkWritable('a file')
    if (this.faults.failWrite !== undefined && --this.faults.failWrite === 0) throw new DiskError('a write failed', 'EIO')
    const length = this.faults.short && bytes.length > 1 ? 1 + this.faults.short.below(bytes.length) : bytes.length
    const growth = Math.max(0, offset + length - inode.volatile.length)
    if (this.faults.capacity !== undefined && this.used + growth > this.faults.capacity) throw new DiskError('no space left', 'ENOSPC')
    const taken = bytes.slice(0, length)
    inode.volatile = patched(inode.volatile, offset, taken)
    inode.writes.push({ offset, bytes: taken })
    return length
  }

  async syncFile(inode: Inode): Promise<void> {
    await this.#alive()
    const count = inode.writes.length
    await this.delay('sync')
    await this.#alive()
    this.checkWritable('a file')
    if (this.faults.failSync !== undefined && --this.faults.failSync === 0) {
      // The kernel drops the pages; the next sync has nothing to complain of.
      inode.writes.splice(0, count)
      throw new DiskError('a sync failed', 'EIO')
    }
    this.syncs++
    for (const write of inode.writes.splice(0, count)) inode.durable = patched(inode.durable, write.offset, write.bytes)
    if (inode.durable.length < inode.volatile.length && inode.writes.length === 0)
      inode.durable = patched(inode.durable, 0, inode.volatile.slice())
  }

  async #alive(): Promise<void> {
    if (this.dead) await new Promise(() => {})
  }

  #make(path: string): Inode {
    const inode: Inode = { volatile: new Uint8Array(), durable: new Uint8Array(), writes: [] }
    this.#change(dirOf(path), (names) => names.set(path, inode))
    return inode
  }

  #change(dir: string, apply: (names: Map<string, Inode>) => void): void {
    apply(this.#names)
    this.#changes.push({ dir, apply })
  }
}

class SimFile implements DiskFile {
  readonly path: string
  readonly #disk: SimDisk
  readonly #inode: Inode
  #failed = false

  readonly #readOnly: boolean

  constructor(disk: SimDisk, path: string, inode: Inode, readOnly: boolean) {
    this.#readOnly = readOnly
    this.#disk = disk
    this.path = path
    this.#inode = inode
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#disk.checkReadable(this.path, offset, offset + length)
    return this.#inode.volatile.slice(offset, offset + length)
  }

  async write(offset: number, bytes: Uint8Array): Promise<number> {
    if (this.#readOnly) throw new DiskError(`${this.path} was opened for reading`, 'EBADF')
    return this.#disk.writeTo(this.#inode, offset, bytes)
  }

  async sync(): Promise<void> {
    if (this.#failed) {
      this.#disk.syncedAgain++
      throw new Error(`${this.path} was synced again after a failed sync`)
    }
    try {
      await this.#disk.syncFile(this.#inode)
    } catch (error) {
      this.#failed = true
      throw error
    }
  }

  async close(): Promise<void> {}
}

function survived(inode: Inode, random: SimRandom): Uint8Array {
  let content: Uint8Array = inode.durable.slice()
  for (const write of inode.writes) {
    const fate = random.below(5)
    if (fate === 0) continue
    const sectors = Math.ceil(write.bytes.length / sector)
    const bytes = fate === 1 ? write.bytes.subarray(0, random.below(sectors + 1) * sector) : write.bytes
    if (fate === 2 && sectors > 1) {
      // The end reached the disk before the beginning.
      const from = (1 + random.below(sectors - 1)) * sector
      content = patched(content, write.offset + from, write.bytes.subarray(from))
      continue
    }
    content = patched(content, write.offset, bytes)
  }
  return content
}

function patched(content: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  if (offset + bytes.length <= content.length) {
    content.set(bytes, offset)
    return content
  }
  const grown = new Uint8Array(offset + bytes.length)
  grown.set(content)
  grown.set(bytes, offset)
  return grown
}

const dirOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
