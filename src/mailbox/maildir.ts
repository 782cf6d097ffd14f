import { decodeWords } from '../alert/encoded-words.ts'
import { withLf } from '../alert/line-ends.ts'
import { type Disk, isDiskError } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { asMbox } from './mbox.ts'

/**
 * Maildir: mail that stays on the box, a file each (`<user>/{tmp,new,cur}`). Written to tmp, synced, renamed into new, the directory synced:
 * a power cut leaves no half mail. The caller names the mail `SECONDS.ID`: when it came here, from which its age counts, and what it is. The same ID is delivered once.
 */
export type MailSummary = { id: string; from: string; to: string; subject: string; date: string; unread: boolean }

const headBytes = 8192
/** Mails in one listing. */
const listLimit = 1000
export const userPattern = /^[a-z0-9][a-z0-9._+-]{0,63}$/
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:,=+-]{0,199}$/

/** The user of a local address; what is no plain name goes to the postmaster. */
export function userOf(address: string): string {
  const user = address.slice(0, Math.max(0, address.lastIndexOf('@'))).toLowerCase()
  return userPattern.test(user) && !user.includes('..') ? user : 'postmaster'
}

/**
 * Puts a message (CRLF) into `root/user/new` under `name`; nothing happens when its ID was delivered before, however long ago, even if it was read since.
 * `mayBeThere`: false when it is known that no mail of its ID is. Rejects with DiskError.
 */
export async function deliver(disk: Disk, root: string, user: string, name: string, content: Uint8Array, mayBeThere = true): Promise<void> {
  const dir = `${root}/${user}`
  for (const part of ['tmp', 'new', 'cur']) await disk.makeDir(`${dir}/${part}`)
  const id = idOf(name)
  const isThere = async (part: string) => {
    for (const known of await disk.list(`${dir}/${part}`))
      if (idOf(known) === id && (await isSame(disk, `${dir}/${part}/${known}`, content))) return true
    return false
  }
  // Its name may be there only in memory: the sync of the first attempt may have failed.
  if (mayBeThere && (await isThere('new'))) return disk.sync(`${dir}/new`)
  if (mayBeThere && (await isThere('cur'))) return
  const draft = `${dir}/tmp/${id}`
  // Maildir keeps the line ends of the system.
  await disk.write(draft, withLf(content))
  await disk.sync(draft)
  await disk.rename(draft, `${dir}/new/${name}`)
  await disk.sync(`${dir}/new`)
}

/** After a journal was lost its numbers begin anew: another mail may bear the ID of one that lies here from before. The date of the same one stays. */
async function isSame(disk: Disk, path: string, content: Uint8Array): Promise<boolean> {
  const [standing, coming] = [
    await headOf(disk, path),
    Buffer.from(content.subarray(0, headBytes)).toString('latin1').replaceAll('\r\n', '\n'),
  ]
  return standing === undefined || field(standing, 'Date') === field(coming.split('\n\n')[0] ?? '', 'Date')
}

/** What a mail is, in whatever second it came and whatever flags its reader gave it. */
export const idOf = (name: string): string => name.slice(name.indexOf('.') + 1).split(':')[0] ?? ''

/** Newest first, headers only. Names that are no mail of ours are passed over. */
export async function listMail(disk: Disk, root: string, most = listLimit): Promise<MailSummary[]> {
  const names: { id: string; path: string; unread: boolean }[] = []
  for (const user of await namesIn(disk, root)) {
    if (!userPattern.test(user)) continue
    for (const part of ['new', 'cur']) {
      for (const name of await namesIn(disk, `${root}/${user}/${part}`)) {
        if (namePattern.test(name)) names.push({ id: `${user}/${name}`, path: `${root}/${user}/${part}/${name}`, unread: part === 'new' })
      }
    }
  }
  names.sort((a, b) => seconds(b.id) - seconds(a.id) || byNumber.compare(b.id, a.id))
  const mails: MailSummary[] = []
  for (const { id, path, unread } of names.slice(0, most)) {
    const head = await headOf(disk, path)
    if (head)
      mails.push({
        id,
        unread,
        from: field(head, 'From'),
        to: field(head, 'To'),
        subject: field(head, 'Subject'),
        date: field(head, 'Date'),
      })
  }
  return mails
}

/** The whole mail; undefined when there is none of this id. */
export async function showMail(disk: Disk, root: string, id: string): Promise<Uint8Array | undefined> {
  const [user = '', name = '', ...rest] = id.split('/')
  if (rest.length > 0 || !userPattern.test(user) || !namePattern.test(name)) return undefined
  for (const part of ['new', 'cur']) {
    const path = `${root}/${user}/${part}/${name}`
    if ((await disk.size(path)) !== undefined) return disk.read(path)
  }
  return undefined
}

/** Every mail as an mbox. */
export async function* exportMbox(disk: Disk, root: string): AsyncGenerator<Uint8Array> {
  for (const { id, date } of await listMail(disk, root, Number.MAX_SAFE_INTEGER)) {
    const mail = await showMail(disk, root, id)
    if (mail) yield asMbox(mail, date)
  }
}

/** Names of one second hold the position in the journal: 10 comes after 9. */
const byNumber = new Intl.Collator('en', { numeric: true })

const seconds = (id: string): number => Number.parseInt(id.split('/')[1] ?? '0', 10) || 0

export async function namesIn(disk: Disk, dir: string): Promise<string[]> {
  try {
    return await disk.list(dir)
  } catch (error) {
    if (isDiskError(error, 'ENOENT') || isDiskError(error, 'ENOTDIR')) return []
    throw error
  }
}

async function headOf(disk: Disk, path: string): Promise<string | undefined> {
  try {
    const file = await disk.open(path, { readOnly: true })
    try {
      const head = Buffer.from(await file.read(0, headBytes)).toString('latin1')
      const end = head.indexOf('\n\n')
      return end < 0 ? head : head.slice(0, end)
    } finally {
      await file.close()
    }
  } catch (error) {
    // Deleted by its reader between the listing and now.
    if (isDiskError(error, 'ENOENT')) return undefined
    return `Subject: It cannot be read now: ${sentence(error)}`
  }
}

/** A header's value, unfolded, for people to read. */
const field = (head: string, name: string): string =>
  display(new RegExp(`^${name}: *(.*(?:\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.replace(/\n[ \t]+/g, ' ') ?? '')

/** For a terminal or a page: encoded words as text, without control characters. */
const display = (value: string): string => decodeWords(value).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
