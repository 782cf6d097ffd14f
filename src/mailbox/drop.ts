import { createHash } from 'node:crypto'
import { crlfBytes, withCrlf } from '../alert/line-ends.ts'
import type { Disk } from '../ports/disk.ts'
import { namePattern, namesIn, userPattern } from './maildir.ts'
import { gone } from './retention.ts'

/** Drop: one user's Maildir as POP3 sees it (RFC 1939 section 5): what is there when it is opened, oldest first, and what is to go when it is closed. */
export type Message = {
  /** 1 to 70 characters, the same in every session (RFC 1939 section 7). */
  uid: string
  /** With CRLF, as it is sent. */
  bytes: number
  path: string
  isNew: boolean
}

/** Messages of one session; the others are there in the next one. */
const messagesLimit = 10_000
const uidChars = 70

export class Drop {
  readonly messages: readonly Message[]
  readonly #disk: Disk
  readonly #dir: string
  readonly #read = new Set<Message>()

  private constructor(disk: Disk, dir: string, messages: readonly Message[]) {
    this.#disk = disk
    this.#dir = dir
    this.messages = messages
  }

  /** `sizes`: what messages are known to have, by user and name; those of this user become those that are there. Rejects with DiskError. */
  static async open(disk: Disk, root: string, user: string, sizes: Map<string, number>): Promise<Drop> {
    const dir = `${root}/${user}`
    const found: Message[] = []
    const names = new Set<string>()
    if (userPattern.test(user))
      for (const part of ['cur', 'new'])
        for (const file of await namesIn(disk, `${dir}/${part}`)) {
          if (!namePattern.test(file) || found.length >= messagesLimit) continue
          const path = `${dir}/${part}/${file}`
          const bare = file.split(':')[0] ?? file
          const name = `${user}/${bare}`
          const bytes = sizes.get(name) ?? (await sentSize(disk, path))
          if (bytes === undefined) continue
          names.add(name)
          sizes.set(name, bytes)
          found.push({ uid: uidOf(bare), bytes, path, isNew: part === 'new' })
        }
    for (const name of sizes.keys()) if (name.startsWith(`${user}/`) && !names.has(name)) sizes.delete(name)
    found.sort((a, b) => byName.compare(nameOf(a.path), nameOf(b.path)))
    return new Drop(disk, dir, found)
  }

  /** The whole message with CRLF; undefined when it cannot be read: somebody else has taken it away, or the disk failed, and it stays where it is. */
  async read(message: Message): Promise<Uint8Array | undefined> {
    const octets = await this.#disk.read(message.path).catch(() => undefined)
    return octets && withCrlf(octets)
  }

  /** It was read as a whole. */
  seen(message: Message): void {
    this.#read.add(message)
  }

  /** What was read is no longer new, what was deleted goes. Rejects with DiskError when one of those cannot be removed. */
  async close(deleted: ReadonlySet<Message>): Promise<void> {
    for (const message of deleted) await gone(this.#disk, message.path)
    // A mark that could not be set costs no mail: the message is shown as new once more.
    for (const message of this.#read)
      if (message.isNew && !deleted.has(message))
        await this.#disk.rename(message.path, `${this.#dir}/cur/${nameOf(message.path)}:2,S`).catch(() => {})
    for (const part of ['new', 'cur']) await this.#disk.sync(`${this.#dir}/${part}`).catch(() => {})
  }
}

const byName = new Intl.Collator('en', { numeric: true })
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const uidOf = (name: string): string => (name.length <= uidChars ? name : createHash('sha256').update(name).digest('hex'))

async function sentSize(disk: Disk, path: string): Promise<number | undefined> {
  const octets = await disk.read(path).catch(() => undefined)
  return octets && crlfBytes(octets)
}
