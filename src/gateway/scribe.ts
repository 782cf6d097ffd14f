import type { Alert, Enclosed } from '../alert/alert.ts'
import { type Stamp, stampNow } from '../alert/stamp.ts'
import { howLong, isSettled, type KnownTime, type Lasted, type When, whenHappened } from '../alert/when.ts'
import { compose, type Look, messageIdOf } from '../mail/compose.ts'
import { type DkimKey, signed } from '../mail/dkim.ts'
import type { Letter } from '../mail/letter.ts'
import { headFor, type PassingFacts, passOn, withReturnPath } from '../mail/pass-on.ts'
import type { Clock } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import { momentOf } from '../queue/moment.ts'
import type { Offer } from '../queue/offer.ts'
import type { Queue } from '../queue/queue.ts'
import { type Person, type Recipient, recipient } from './people.ts'
import type { Templates } from './rule.ts'

/**
 * Scribe: makes the letter of an alert when it is about to leave. The same alert gives the same octets every time, until it is known that
 * it is late: then the letter may say so, and is frozen on the disk before any of it is sent.
 */
export type ScribeOptions = {
  clock: Clock
  log: Log
  queue: Queue
  deviceId: string
  site: { name: string; domain: string; timeZone: string; language: 'en' | 'de' }
  from: { name?: string; address: string }
  replyTo?: string
  look?: Look
  templatesOf?(rule: string): Templates | undefined
  people: readonly Person[]
  software: string
  /** The code of a letter, where people may answer. */
  codeOf?(id: number): string
  /** Letters that leave the box are signed with it. */
  dkim?: DkimKey
  known(): KnownTime
  viaOf(source: string): string
  /** The group of boxes that share what this source hears. */
  groupOf?(source: string): string | undefined
  /** Whose name stands on the mails that this source passes on. */
  senderOf?(source: string): PassingFacts['sender']
  /** The octets of a mail that is passed on; undefined: they are lost. Rejects with DiskError when they cannot be read now. */
  mailOf?(enclosed: Enclosed): Promise<Uint8Array | undefined>
  /** The journal cannot read this alert any more. */
  onLost(id: number): void
}

/**
 * `frozen`: the octets are those of an earlier flight whose end is not known; they stay until it is. `changing`: what must be frozen, so that the letter is the same octets again; all else of it is
 * kept in any case.
 */
export type Written = { letter: Letter; alert: Alert; recipients: Recipient[]; frozen: boolean; changing: Uint8Array }

export class Scribe {
  readonly #options: ScribeOptions

  constructor(options: ScribeOptions) {
    this.#options = options
  }

  /** Who is still to be told of a letter. */
  recipients(id: number): Recipient[] {
    return this.#options.queue.waiting.pendingOf(id).map((ref) => this.recipient(ref))
  }

  /** Whom a word of a rule means today. */
  recipient(ref: string): Recipient {
    const { people, site } = this.#options
    return recipient(ref, people, site.domain)
  }

  /** The letter for those of its recipients that are served; undefined when there is none to send, now or at all. Rejects when it must wait for the disk: it, or a mail that is passed on, cannot be read now (DiskError), or a late letter not be frozen (StorageError). */
  async write(id: number, serves: (recipient: Recipient) => boolean): Promise<Written | undefined> {
    const remote = this.recipients(id).filter(serves)
    return remote.length === 0 ? undefined : this.#write(id, remote, () => this.#isLate(id))
  }

  /**
   * The same letter for people of this box. Who is told at once gets the prompt letter, although the way is closed: it is not frozen for that, or those elsewhere would never hear that it
   * waited, and it could not be merged.
   */
  async writeLocal(id: number, local: Recipient[]): Promise<Written | undefined> {
    const written = await this.#write(id, local, (alert) => this.#delay(id, alert) !== undefined)
    const { enclosed } = written?.alert ?? {}
    if (!written || !enclosed) return written
    return { ...written, letter: { ...written.letter, content: withReturnPath(written.letter.content, enclosed.from) } }
  }

  /** The letter as it would leave now, or has left; undefined when nothing can be read of it any more. Rejects as `write` does. */
  async whole(id: number): Promise<{ alert: Alert; content: Uint8Array } | undefined> {
    const stored = await this.#options.queue.read(id)
    if (!stored) return undefined
    const { alert, frozen } = stored
    const recipients = this.recipients(id)
    const content = alert.enclosed
      ? (await this.#pass(alert, alert.enclosed, id, recipients, frozen))?.letter.content
      : (frozen ?? this.compose(alert, id, recipients).content)
    return content && { alert, content }
  }

  async #write(id: number, recipients: Recipient[], isLate: (alert: Alert) => boolean): Promise<Written | undefined> {
    const { queue } = this.#options
    const stored = await queue.read(id)
    if (!stored) {
      this.#options.onLost(id)
      return undefined
    }
    const { alert, frozen } = stored
    const written = alert.enclosed
      ? await this.#pass(alert, alert.enclosed, id, recipients, frozen)
      : this.#composed(alert, id, recipients, frozen)
    if (!written) {
      this.#options.onLost(id)
      return undefined
    }
    if (!written.frozen && ((isLate(alert) && !alert.enclosed) || !this.#isTimeSettled(alert))) await this.#freeze(id, written.changing)
    return written
  }

  /** A disk that stumbles is given time, for what leaves unfrozen may come again with other octets. One that takes nothing more must not keep what it has. */
  async #freeze(id: number, changing: Uint8Array): Promise<void> {
    const { clock, log, queue } = this.#options
    try {
      await queue.freeze(id, changing)
    } catch (error) {
      const since = queue.faultSince
      if (since !== undefined && clock.monotonic() - since < stumbleMs) throw error
      log('warning', 'a late letter leaves without being frozen', { id, why: sentence(error) })
    }
  }

  #composed(alert: Alert, id: number, recipients: Recipient[], frozen: Uint8Array | undefined): Written {
    const composed = this.compose(alert, id, recipients)
    const letter = frozen ? { ...composed, content: this.#leaving(frozen, recipients) } : composed
    return { alert, recipients, letter, frozen: frozen !== undefined, changing: letter.content }
  }

  /** A mail of the spool, with its new header in front. */
  async #pass(
    alert: Alert,
    enclosed: Enclosed,
    id: number,
    recipients: Recipient[],
    frozen: Uint8Array | undefined,
  ): Promise<Written | undefined> {
    const { deviceId, site, software, from, dkim, senderOf, mailOf } = this.#options
    const content = await mailOf?.(enclosed)
    if (!content) return undefined
    const sender = senderOf?.(alert.source) ?? 'keep'
    const about = { id, deviceId, site, software, from, when: this.#when(alert), sender }
    const changing = frozen ?? headFor(enclosed, content, about)
    const letter = passOn(content, changing, about, [...new Set(recipients.map((one) => one.address))])
    const signs = dkim && sender === 'own' && recipients.some((one) => !one.local)
    return {
      alert,
      recipients,
      letter: signs ? { ...letter, content: signed(letter.content, dkim) } : letter,
      frozen: frozen !== undefined,
      changing,
    }
  }

  /** The letter of an alert as it would be now. Pure but for the clock. */
  compose(alert: Alert, id: number, recipients: Recipient[]): Letter {
    const { clock, site, deviceId, from, replyTo, look, people, software, templatesOf } = this.#options
    const templates = alert.rule === undefined ? undefined : templatesOf?.(alert.rule)
    const when = this.#when(alert)
    const delay = this.#delay(id, alert)
    const group = this.#options.groupOf?.(alert.source)
    const all = alert.to.map((ref) => recipient(ref, people, site.domain))
    const letter = compose(alert, {
      id,
      deviceId,
      site,
      from,
      ...(replyTo === undefined ? {} : { replyTo }),
      to: all.map((one) => (one.name === undefined ? { address: one.address } : { name: one.name, address: one.address })),
      envelopeTo: [...new Set(recipients.map((one) => one.address))],
      when,
      composedAt: delay ? clock.wall() : when.at,
      ...(alert.previous === undefined ? {} : { previousNumber: alert.previous }),
      ...(alert.parent === undefined ? {} : { thread: { root: messageIdOf(deviceId, alert.parent, site.domain) } }),
      ...(delay ? { delay } : {}),
      ...this.#sinceOf(alert),
      ...(templates ? { templates } : {}),
      ...(look ? { look } : {}),
      ...(this.#options.codeOf ? { code: this.#options.codeOf(id) } : {}),
      ...(group === undefined ? {} : { group }),
      via: this.#options.viaOf(alert.source),
      software,
    })
    return { ...letter, content: this.#leaving(letter.content, recipients) }
  }

  /** Octets that the letter of this would have for people elsewhere, were it composed now. */
  octetsOf(offer: Offer): number {
    const to = offer.to.map((ref) => ({ ...this.recipient(ref), local: false }))
    return this.compose({ ...offer, number: offer.number ?? aNumber }, aNumber, to).content.length
  }

  /** What leaves the box bears its signature, which says nothing of the time. Octets that were frozen for somebody here have none yet. */
  #leaving(content: Uint8Array, recipients: readonly Recipient[]): Uint8Array {
    const { dkim } = this.#options
    const isSigned = Buffer.from(content.subarray(0, signature.length)).toString('latin1') === signature
    return dkim && !isSigned && recipients.some((one) => !one.local) ? signed(content, dkim) : content
  }

  #isTimeSettled(alert: Alert): boolean {
    const { since = alert.stamp } = alert.telling ?? {}
    const { clock, known } = this.#options
    const now = stampNow(clock)
    return [alert.stamp, since].every((stamp) => isSettled(stamp, now, known()))
  }

  #when(alert: Alert): When {
    return this.#whenOf(alert.stamp)
  }

  #sinceOf({ stamp, telling }: Alert): { since?: When; lasted?: Lasted } {
    const { clock, known } = this.#options
    if (!telling?.since) return {}
    return { since: this.#whenOf(telling.since), lasted: howLong(telling.since, stamp, stampNow(clock), known()) }
  }

  #whenOf(stamp: Stamp): When {
    return whenHappened(stamp, stampNow(this.#options.clock), this.#options.known())
  }

  /** Only a letter that is not late and whose time is settled is the same octets whenever it is composed. */
  #isLate(id: number): boolean {
    return this.#options.queue.isGrounded(id)
  }

  #delay(id: number, alert: Alert): { attempts: number; sentence: string } | undefined {
    const { clock, site, queue, known } = this.#options
    const state = queue.waiting.get(id)
    if (!state || !this.#isLate(id)) return undefined
    // One of an earlier boot may have been read before this boot's clock was set.
    const waitedMs = clock.monotonic() - Math.min(state.accepted, momentOf(alert.stamp, clock, known().builtAt))
    if (waitedMs < tellDelayMs && alert.stamp.boot === clock.boot) return undefined
    return { attempts: state.attempts, sentence: delaySentence(waitedMs, site.language) }
  }
}

const signature = 'DKIM-Signature:'

/** Of a letter that has none yet: longer than most. */
const aNumber = 9_999_999

/** How long the journal may be refused by its disk before late letters leave all the same. */
const stumbleMs = 120_000

/** Shorter delays are not worth a sentence. */
const tellDelayMs = 120_000

/** How long the letter waited on the device, rounded as a person would. */
export function delaySentence(waitedMs: number, language: 'en' | 'de'): string {
  const minutes = Math.round(waitedMs / 60_000)
  const amount =
    minutes < 120
      ? `${minutes} min`
      : minutes < 48 * 60
        ? `${Math.round(minutes / 60)} h`
        : `${Math.round(minutes / 1440)} ${language === 'de' ? 'Tage' : 'days'}`
  return language === 'de'
    ? `Wartete ${amount} auf dem Gerät, weil kein Mailserver erreichbar war.`
    : `Waited ${amount} on the device because no mail relay could be reached.`
}
