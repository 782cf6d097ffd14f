import { type FileHandle, open } from 'node:fs/promises'
import { gptPieces, type Piece } from './gpt.ts'
import { type Layout, partition, type Role } from './layout.ts'
import { mbrPieces } from './mbr.ts'

/** Disk: an image as a sparse file: table first, then the contents of its partitions. No loop device, no root. */
export class DiskImage {
  readonly #file: FileHandle
  readonly #layout: Layout

  private constructor(file: FileHandle, layout: Layout) {
    this.#file = file
    this.#layout = layout
  }

  static async create(path: string, layout: Layout): Promise<DiskImage> {
    const file = await open(path, 'w')
    await file.truncate(layout.size)
    const disk = new DiskImage(file, layout)
    for (const piece of layout.table === 'gpt' ? gptPieces(layout) : mbrPieces(layout)) await disk.#write(piece)
    return disk
  }

  /** Copies a file into a partition; zeros stay holes. Throws when it is too large. */
  async fill(role: Role, path: string): Promise<void> {
    const { offset, size } = partition(this.#layout, role)
    const from = await open(path, 'r')
    try {
      const chunk = Buffer.alloc(1024 * 1024)
      for (let at = 0; ; ) {
        const { bytesRead } = await from.read(chunk, 0, chunk.length, at)
        if (bytesRead === 0) return
        if (at + bytesRead > size) throw new Error(`${path} does not fit into ${role}, which has ${size} octets.`)
        const bytes = chunk.subarray(0, bytesRead)
        if (!isZero(bytes)) await this.#write({ offset: offset + at, bytes })
        at += bytesRead
      }
    } finally {
      await from.close()
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #write({ offset, bytes }: Piece): Promise<void> {
    for (let done = 0; done < bytes.length; ) done += (await this.#file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten
  }
}

const zeros = Buffer.alloc(1024 * 1024)
const isZero = (bytes: Buffer): boolean => bytes.equals(zeros.subarray(0, bytes.length))
