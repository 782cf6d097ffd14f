import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
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
}
