/**
 * Disk: bytes under names, and the only promise that counts: after `sync` they survive a power cut.
 *
 * Every verb rejects with a `DiskError`; its `code` is the errno name. A write may be short and says so: whoever needs all of it loops
 * (`writeAll`), so that the simulator can prove the loop.
 */
export interface DiskFile {
  readonly path: string
  /** Up to `length` octets from `offset`; fewer at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Returns how many octets were taken, at least 1 unless `bytes` is empty. */
  write(offset: number, bytes: Uint8Array): Promise<number>
  /** fdatasync. After a rejection this file must not be synced again: the kernel may have dropped the pages (docs/promises.md). */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Disk {
  /** Opens for reading and writing. `create` makes the file (0600) when it is missing; `readOnly` is for what may not be written, as on a stick. */
  open(path: string, options?: { create?: boolean; readOnly?: boolean }): Promise<DiskFile>
  /** The whole file. Rejects with code EFBIG above `maxBytes` (default 16 MiB). */
  read(path: string, maxBytes?: number): Promise<Uint8Array>
  /** Makes or replaces the content of one file, mode 0600. Not durable before `sync(path)`; not atomic: see `replaceFile`. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** fsync of a file or a directory by name. */
  sync(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Removes an empty directory; rejects with ENOTEMPTY where something is in it. */
  removeDir(dir: string): Promise<void>
  /** Names in a directory, sorted; without `.` and `..`. */
  list(dir: string): Promise<string[]>
  /** Makes the directory and its parents, mode 0700, durable by name. Content when it stands already. */
  makeDir(dir: string): Promise<void>
  /** Size in octets, or undefined when there is no such file. */
  size(path: string): Promise<number | undefined>
  /** Room left for this user on the file system of `path`. */
  room(path: string): Promise<{ bytes: number; inodes: number }>
  /** One holder a directory on this machine, freed by the kernel when the process dies. undefined: somebody else holds it. */
  lock(dir: string): Promise<(() => Promise<void>) | undefined>
}

/** A disk said no. `code` is an errno name such as ENOSPC or EIO; `hint` is for the person on site. */
export class DiskError extends Error {
  override name = 'DiskError'
  readonly code: string
  readonly hint: string
  constructor(message: string, code: string, options?: { hint?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options?.hint ?? hints[code] ?? 'Look at the card and its file system; the gateway goes on with what it has.'
  }
}

const hints: Record<string, string> = {
  ENOSPC: 'The disk is full. Free space on the data partition, or raise queue.maxMiB only when the disk is larger.',
  EDQUOT: 'The quota of the gateway is used up. Raise it, or free space on the data partition.',
  EIO: 'The card is failing or was pulled. Save the data directory and change the card.',
  EROFS: 'The file system was mounted read-only, as kernels do after a fault. Check it with fsck and change the card if that finds faults.',
  EACCES: 'The gateway may not touch this file. Give the data directory to the user that runs the gateway.',
}

export const isDiskError = (error: unknown, code?: string): error is DiskError =>
  error instanceof DiskError && (code === undefined || error.code === code)

/** The whole file system takes nothing, as kernels leave it after a fault. What stands on it can be read all the same. */
export const isReadOnly = (error: unknown): error is DiskError => isDiskError(error, 'EROFS')

/** Writes every octet, however short the single writes are. */
export async function writeAll(file: DiskFile, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const taken = await file.write(offset + done, bytes.subarray(done))
    if (taken <= 0) throw new DiskError(`no octet of ${bytes.length - done} was taken by ${file.path}`, 'EIO')
    done += taken
  }
}

/**
 * Replace `dir/name` so that a power cut at any instant leaves the old file or the new one, never a part of either.
 * The order is the point: bytes before name, name before the promise.
 */
export async function replaceFile(disk: Disk, dir: string, name: string, bytes: Uint8Array): Promise<void> {
  const draft = `${dir}/.${name}.tmp`
  try {
    await disk.write(draft, bytes)
    await disk.sync(draft)
    await disk.rename(draft, `${dir}/${name}`)
  } catch (error) {
    // On a full disk half a draft would take the room that the next one needs.
    await disk.remove(draft).catch(() => {})
    throw error
  }
  await disk.sync(dir)
}
