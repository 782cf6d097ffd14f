import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { type Disk, DiskError, type DiskFile } from '../disk.ts'

/** The Disk port over the file system of the machine. */
const defaultLimit = 16 * 1024 * 1024

export class NodeDisk implements Disk {
  async open(path: string, options: { create?: boolean; readOnly?: boolean } = {}): Promise<DiskFile> {
    const flags = options.readOnly ? constants.O_RDONLY : constants.O_RDWR | (options.create ? constants.O_CREAT : 0)
    return new NodeFile(path, await mapped(`cannot open ${path}`, () => open(path, flags, 0o600)))
  }

  async read(path: string, maxBytes = defaultLimit): Promise<Uint8Array> {
    return mapped(`cannot read ${path}`, async () => {
      const file = await open(path, 'r')
      try {
        const { size } = await file.stat()
        if (size > maxBytes) throw new DiskError(`${path} holds ${size} octets, more than the ${maxBytes} that are read`, 'EFBIG')
        return new Uint8Array(await file.readFile())
      } finally {
        await file.close()
      }
    })
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await mapped(`cannot write ${path}`, async () => {
      const file = await open(path, 'w', 0o600)
      try {
        await file.chmod(0o600)
        await file.writeFile(bytes)
      } finally {
        await file.close()
      }
    })
  }

  async sync(path: string): Promise<void> {
    await mapped(`cannot sync ${path}`, async () => {
      const file = await open(path, 'r')
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    })
  }

  async rename(from: string, to: string): Promise<void> {
    await mapped(`cannot rename ${from} to ${to}`, () => rename(from, to))
  }

  async remove(path: string): Promise<void> {
    await mapped(`cannot remove ${path}`, () => rm(path))
  }

  async removeDir(dir: string): Promise<void> {
    await mapped(`cannot remove ${dir}`, () => rmdir(dir))
  }

  async list(dir: string): Promise<string[]> {
    return mapped(`cannot list ${dir}`, async () => (await readdir(dir)).sort())
  }

  async makeDir(dir: string): Promise<void> {
    await mapped(`cannot make ${dir}`, async () => {
      const first = await making(dir)
      for (let made = dir; first !== undefined && made.length >= first.length && made !== dirname(made); made = dirname(made))
        await this.sync(dirname(made))
    })
  }

  async size(path: string): Promise<number | undefined> {
    return mapped(`cannot look at ${path}`, async () => {
      try {
        return (await stat(path)).size
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    })
  }

  async room(path: string): Promise<{ bytes: number; inodes: number }> {
    return mapped(`cannot look at ${path}`, async () => {
      const facts = await statfs(path)
      // Some file systems (btrfs) make inodes as they need them and say that they have none.
      return { bytes: facts.bavail * facts.bsize, inodes: facts.files === 0 ? Number.MAX_SAFE_INTEGER : facts.ffree }
    })
  }

  async lock(dir: string): Promise<(() => Promise<void>) | undefined> {
    const { dev, ino } = await mapped(`cannot look at ${dir}`, () => stat(dir, { bigint: true }))
    // An abstract socket goes with its process, however that ended: there is no stale lock.
    const server = createServer()
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(undefined) : reject(diskError(`cannot lock ${dir}`, error)),
      )
      server.listen(`\0outpost-${dev}-${ino}`, () => resolve(() => new Promise((done) => server.close(() => done()))))
    })
  }
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #file: FileHandle

  constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return mapped(`cannot read ${this.path}`, async () => {
      const bytes = new Uint8Array(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await this.#file.read(bytes, done, length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return bytes.subarray(0, done)
    })
  }

  async write(offset: number, bytes: Uint8Array): Promise<number> {
    return mapped(`cannot write ${this.path}`, async () => (await this.#file.write(bytes, 0, bytes.length, offset)).bytesWritten)
  }

  async sync(): Promise<void> {
    await mapped(`cannot sync ${this.path}`, () => this.#file.datasync())
  }

  async close(): Promise<void> {
    await mapped(`cannot close ${this.path}`, () => this.#file.close())
  }
}

/** Node says of a directory that cannot be made on a read-only file system that it is not there. Asked for it alone, the kernel says why. */
async function making(dir: string): Promise<string | undefined> {
  try {
    return await mkdir(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const parent = dirname(dir)
    const isThere = await stat(parent).catch(() => undefined)
    await (isThere ? mkdir(dir, { mode: 0o700 }) : making(parent))
    throw error
  }
}

async function mapped<T>(what: string, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed()
  } catch (error) {
    throw error instanceof DiskError ? error : diskError(what, error as NodeJS.ErrnoException)
  }
}

const diskError = (what: string, error: NodeJS.ErrnoException): DiskError =>
  new DiskError(`${what}: ${error.message}`, error.code ?? 'EIO', { cause: error })
