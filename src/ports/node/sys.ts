import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import type { Cancel } from '../clock.ts'
import { sentence } from '../log.ts'
import type { Sys } from '../sys.ts'

/** The Sys port over the file system. A file of /sys says nothing of its size, so it is read up to a limit. */
const readLimit = 64 * 1024

export class NodeSys implements Sys {
  readonly arch = process.arch

  async read(path: string): Promise<string | undefined> {
    try {
      const file = await open(path, 'r')
      try {
        const bytes = Buffer.alloc(readLimit)
        let size = 0
        for (;;) {
          const { bytesRead } = await file.read(bytes, size, readLimit - size, null)
          size += bytesRead
          if (bytesRead === 0 || size === readLimit) return bytes.toString('utf8', 0, size)
        }
      } finally {
        await file.close()
      }
    } catch {
      return undefined
    }
  }

  list(dir: string): Promise<string[]> {
    return readdir(dir).then(
      (names) => names.sort(),
      () => [],
    )
  }

  async write(path: string, text: string): Promise<string | undefined> {
    try {
      // Nothing is made: a file that is missing means that the kernel knows no such thing.
      const file = await open(path, constants.O_WRONLY)
      try {
        await file.write(text)
        return undefined
      } finally {
        await file.close()
      }
    } catch (error) {
      return sentence(error)
    }
  }

  async deviceOf(path: string): Promise<string | undefined> {
    try {
      const { dev } = await stat(path, { bigint: true })
      // The encoding of glibc (gnu_dev_major): 12 and 20 bits of each in turn.
      const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
      const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn)
      return `${major}:${minor & 0xffffffffn}`
    } catch {
      return undefined
    }
  }

  /** By cat(1): a read that waits for a key would hold one of the four threads that the disk needs, for ever. */
  follow(path: string, on: { data(bytes: Uint8Array): void; closed(why: string): void }): Cancel {
    const child = spawn('cat', ['--', path], { stdio: ['ignore', 'pipe', 'pipe'] })
    let why = ''
    let over = false
    const end = (text: string) => {
      if (!over) on.closed(text)
      over = true
    }
    child.stdout.on('data', (bytes: Buffer) => over || on.data(bytes))
    child.stderr.on('data', (bytes: Buffer) => {
      why = `${why}${bytes}`.slice(0, 200)
    })
    child.on('error', (error) => end(error.message))
    child.on('close', () => end(why.trim() || `${path} has ended`))
    return () => {
      over = true
      child.kill()
    }
  }
}
