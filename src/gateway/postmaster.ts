import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import { type Known, whenHappened } from '../alert/when.ts'
import { composeNotice } from '../mail/notice.ts'
import { withReturnPath } from '../mail/pass-on.ts'
import { deliver, userOf } from '../mailbox/maildir.ts'
import type { Clock } from '../ports/clock.ts'
import type { Disk } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import type { Outcome } from '../relay/outcome.ts'
import type { Recipient } from './people.ts'
import type { Scribe, Written } from './scribe.ts'

/**
 * Postmaster: mail that stays on the box. Letters for people of the site, and a notice for whatever was refused, expired or damaged:
 * nothing leaves the queue without one of them or a relay's 2yz.
 */
export type PostmasterOptions = {
  clock: Clock
  disk: Disk
  log: Log
  queue: Queue
  scribe: Scribe
  deviceId: string
  site: { name: string; domain: string; timeZone: string; language: 'en' | 'de' }
  /** Maildirs stand here. */
  root: string
  /** Whose mailbox gets the notices. */
  noticesFor: string
  software: string
  known(): Known
}

/** Letters looked at in one go: the courier wants its turn. */
const atOnce = 64
const retryMs = 60_000

export class Postmaster {
  readonly #options: PostmasterOptions
  #fresh: number[] = []
  #failed: number[] = []
  #retryAt = 0

  constructor(options: PostmasterOptions) {
    this.#options = options
  }

  /** This letter may have readers on the box. */
  accepted(id: number): void {
    this.#fresh.push(id)
  }

  /** Serves the people of this box; the courier's own letters are marked as such. */
  async deliverWaiting(): Promise<void> {
    const { clock, queue, scribe } = this.#options
    if (this.#failed.length > 0 && clock.monotonic() >= this.#retryAt) this.#fresh.push(...this.#failed.splice(0))
    while (this.#fresh.length > 0) {
      for (const id of this.#fresh.splice(0, atOnce)) {
        const recipients = scribe.recipients(id)
        const local = recipients.filter((one) => one.local)
        queue.waiting.local(id, recipients.length > 0 && local.length === recipients.length)
        if (local.length > 0) await this.#deliver(id, local)
      }
    }
  }

  async #deliver(id: number, local: Recipient[]): Promise<void> {
    const { queue, scribe, log, clock } = this.#options
    try {
      const written = await scribe.writeLocal(id, local)
      if (!written) return
      for (const one of local) {
        await this.#put(userOf(one.address), `O${id}`, written.letter.content)
        queue.mark(id, { kind: 'delivered', to: [one.ref] })
      }
    } catch (error) {
      log('error', 'mailbox: a letter could not be written', { id, why: sentence(error) })
      this.#failed.push(id)
      this.#retryAt = clock.monotonic() + retryMs
    }
  }

  /** Parks a refused letter. False: not even the mailbox took it, the letter stays in the queue. */
  async refuse(written: Written, address: string, outcome: Extract<Outcome, { kind: 'refused' }>): Promise<boolean> {
    const { alert, letter } = written
    const name = `R${letter.id}-${Buffer.from(address).toString('hex').slice(0, 64)}`
    this.#options.log('warning', 'letter: refused', { id: letter.id, to: address, why: outcome.why })
    const facts = { id: letter.id, original: letter.content, recipients: [address], why: outcome.why }
    return (await this.#keepMail(letter.id, alert, letter.content)) && this.#notice('refused', name, facts)
  }

  /** A letter that had left was refused by a server further on. False: the notice could not be written. */
  bounced(id: number, recipient: string, why: string): Promise<boolean> {
    const name = `B${id}-${Buffer.from(recipient).toString('hex').slice(0, 64)}`
    return this.#notice('refused', name, { id, recipients: [recipient], why: `A server further on says: ${why}` })
  }

  /** Too old: whoever is still to be told finds a notice in the mailbox. */
  async expire(id: number): Promise<void> {
    const { queue, scribe, log } = this.#options
    const recipients = scribe.recipients(id)
    const stored = await scribe.whole(id).catch((error) => {
      log('error', 'a letter that is too old cannot be read now, and waits', { id, why: sentence(error) })
      return 'later' as const
    })
    if (stored === 'later') return
    if (!stored) return this.lost(id)
    const { alert, content } = stored
    const why = 'No relay took it while it was young enough to be sent.'
    const kept =
      (await this.#keepMail(id, alert, content)) &&
      (await this.#notice('expired', `E${id}`, { id, original: content, recipients: recipients.map((one) => one.address), why }))
    if (!kept) return
    log('warning', 'letter: expired', { id })
    queue.mark(id, { kind: 'expired', to: recipients.map((one) => one.ref), why })
  }

  /** The journal cannot read it any more: said, not hidden. */
  async lost(id: number): Promise<void> {
    const { queue, log } = this.#options
    log('error', 'an accepted alert was destroyed on the card', { id })
    const why = 'Its place in the journal cannot be read any more: the card has lost a block.'
    if (
      await this.#notice('damage', `D${id}`, {
        id,
        recipients: this.#options.scribe.recipients(id).map((one) => one.address),
        why,
      })
    )
      queue.mark(id, { kind: 'dropped', why })
  }

  /** A mail that somebody wrote and that goes no further lies whole beside its notice: nobody else has it. False: it could not be written. */
  async #keepMail(id: number, alert: Alert, content: Uint8Array): Promise<boolean> {
    const { noticesFor, log } = this.#options
    if (!alert.enclosed) return true
    try {
      await this.#put(noticesFor, `P${id}`, withReturnPath(content, alert.enclosed.from))
      return true
    } catch (error) {
      log('error', 'mailbox: a mail that was refused could not be written', { id, why: sentence(error) })
      return false
    }
  }

  async #notice(
    kind: 'refused' | 'expired' | 'damage',
    name: string,
    facts: { id: number; original?: Uint8Array; recipients: string[]; why: string },
  ): Promise<boolean> {
    const { clock, deviceId, site, software, noticesFor, log } = this.#options
    try {
      const when = whenHappened(stampNow(clock), stampNow(clock), this.#options.known())
      const letter = composeNotice(kind, { ...facts, deviceId, site, software, to: `${noticesFor}@${site.domain}`, when })
      await this.#put(noticesFor, name, letter.content)
      return true
    } catch (error) {
      log('error', 'mailbox: a notice could not be written', { id: facts.id, why: sentence(error) })
      return false
    }
  }

  /** Its age counts from now, however old the alert is: a notice that a letter is too old must not be too old itself. It is known by the rest of its name, so after a crash it is not there twice. */
  async #put(user: string, name: string, content: Uint8Array): Promise<void> {
    const { disk, root, deviceId, clock } = this.#options
    const seconds = Math.max(0, Math.floor(clock.wall() / 1000))
    await deliver(disk, root, user, `${seconds}.${name}.${deviceId}`, content)
  }
}
