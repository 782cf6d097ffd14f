import { type Disk, isDiskError } from '../ports/disk.ts'
import { namePattern, namesIn, userPattern } from './maildir.ts'

/** Retention: mail does not stay for ever, and never takes more room than it was given. */
export type Room = {
  /** Mail from this stretch is too old, in seconds since 1970; what says that it is older yet was written by a clock that nobody had set. Undefined while the clock cannot be trusted. */
  old: { from: number; before: number } | undefined
  maxBytes: number
}

export type Swept = { old: number; squeezed: number; bytes: number }

type Mail = { path: string; seconds: number; bytes: number; isRead: boolean }

/**
 * Removes what is too old, and then, while all mail together is above `maxBytes`, what was read and then what was not, oldest first. Rejects with DiskError.
 */
export async function sweep(disk: Disk, root: string, { old: aged, maxBytes }: Room): Promise<Swept> {
  const mails: Mail[] = []
  const dirs = new Set<string>()
  for (const user of await namesIn(disk, root)) {
    if (!userPattern.test(user)) continue
    for (const part of ['new', 'cur'] as const)
      for (const name of await namesIn(disk, `${root}/${user}/${part}`)) {
        const path = `${root}/${user}/${part}/${name}`
        const bytes = namePattern.test(name) ? await disk.size(path) : undefined
        if (bytes !== undefined) mails.push({ path, bytes, seconds: Number.parseInt(name, 10) || 0, isRead: part === 'cur' })
      }
  }
  const isOld = ({ seconds }: Mail) => aged !== undefined && seconds >= aged.from && seconds < aged.before
  const old = mails.filter(isOld)
  const left = mails.filter((mail) => !isOld(mail)).sort((a, b) => Number(b.isRead) - Number(a.isRead) || a.seconds - b.seconds)
  let bytes = left.reduce((sum, mail) => sum + mail.bytes, 0)
  const squeezed: Mail[] = []
  for (const mail of left) {
    if (bytes <= maxBytes) break
    squeezed.push(mail)
    bytes -= mail.bytes
  }
  for (const { path } of [...old, ...squeezed]) {
    await gone(disk, path)
    dirs.add(path.slice(0, path.lastIndexOf('/')))
  }
  for (const dir of dirs) await disk.sync(dir)
  return { old: old.length, squeezed: squeezed.length, bytes }
}

/** Its reader may have been quicker. */
export async function gone(disk: Disk, path: string): Promise<void> {
  try {
    await disk.remove(path)
  } catch (error) {
    if (!isDiskError(error, 'ENOENT')) throw error
  }
}
