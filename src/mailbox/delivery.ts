import { crc32 } from 'node:zlib'
import type { Disk } from '../ports/disk.ts'
import { deliver, idOf, namesIn } from './maildir.ts'

/**
 * Delivery: mails into the Maildirs of the box, one after the other. A Maildir is listed before the first mail into it, and not again for each: its IDs are known from then on.
 *
 * Only deliveries add an ID of ours. POP3, retention and mail programs take mails away or give them other flags. So what is known is never less than what is there,
 * whoever was at it: an ID that is not known is new, and one that is known is looked for on the disk.
 */
export class Delivery {
  readonly #disk: Disk
  readonly #root: string
  readonly #limit: number
  /** Marks of what may be there. */
  readonly #known = new Set<number>()
  /** Users whose mails are all among them. */
  readonly #listed = new Set<string>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(disk: Disk, root: string, limit = knownLimit) {
    this.#disk = disk
    this.#root = root
    this.#limit = limit
  }

  /** As `deliver`. */
  put(user: string, name: string, content: Uint8Array): Promise<void> {
    const done = this.#turn.then(() => this.#put(user, name, content))
    this.#turn = done.catch(() => {})
    return done
  }

  async #put(user: string, name: string, content: Uint8Array): Promise<void> {
    if (!this.#listed.has(user)) await this.#list(user)
    const mark = markOf(user, name)
    const mayBeThere = this.#known.has(mark)
    // Before it is: one that fails half-way may be there all the same.
    this.#known.add(mark)
    if (this.#known.size > this.#limit) this.#forget()
    await deliver(this.#disk, this.#root, user, name, content, mayBeThere)
  }

  async #list(user: string): Promise<void> {
    for (const part of ['new', 'cur'])
      for (const name of await namesIn(this.#disk, `${this.#root}/${user}/${part}`)) this.#known.add(markOf(user, name))
    this.#listed.add(user)
  }

  /** Each Maildir is listed again before the next mail into it. */
  #forget(): void {
    this.#known.clear()
    this.#listed.clear()
  }
}

/** IDs that are remembered, of all users: 0.8 MB of memory. A mailbox that holds more is listed for each mail. */
const knownLimit = 30_000

/** A number takes a seventh of the memory of an ID. Two that have the same cost a look at the disk, never a mail. */
const markOf = (user: string, name: string): number => crc32(`${user}/${idOf(name)}`) | 0
