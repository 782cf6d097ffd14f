import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import { type KnownTime, whenHappened } from '../alert/when.ts'
import { composeNotice } from '../mail/notice.ts'
import { withReturnPath } from '../mail/pass-on.ts'
import { Delivery } from '../mailbox/delivery.ts'
import { userOf } from '../mailbox/maildir.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import type { Disk } from '../ports/disk.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import type { Outcome } from '../relay/outcome.ts'
import type { Recipient } from './people.ts'
import type { Scribe, Written } from './scribe.ts'

/**
 * Postmaster: mail that stays on the box. Letters for people of the site, and a notice for whatever was refused, expired or damaged:
 * nothing leaves the queue without one of them or a relay's 2yz.
 *
 * It serves by itself and waits for no flight. A letter with readers here and elsewhere is written for those here first, and then leaves: it is never composed
 * twice at once, so a late one is frozen once and is the same octets for all of them.
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
  known(): KnownTime
}

const retryMs = 60_000

export class Postmaster {
  readonly #options: PostmasterOptions
  readonly #mailbox: Delivery
  readonly #fresh = new Set<number>()
  /** Those that the mailbox did not take. */
  readonly #failed = new Set<number>()
  #cancel: Cancel | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #serving: Promise<void> = Promise.resolve()
  #state: 'new' | 'idle' | 'serving' | 'stopped' = 'new'
  #busySince: number | undefined
  /** Recipients that were served: these are no outcomes of the courier. */
  served = 0

  constructor(options: PostmasterOptions) {
    this.#options = options
    this.#mailbox = new Delivery(options.disk, options.root)
  }

  /** When the letter in hand was begun (monotonic ms); undefined while none is. */
  get busySince(): number | undefined {
    return this.#busySince
  }

  start(): void {
    this.#state = 'idle'
    this.#serve()
  }

  /** The letter in hand is finished; the others wait for the next life. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#cancel?.()
    await this.#serving
    await this.#turn
  }

  /** This letter may have readers on the box. */
  accepted(id: number): void {
    this.#fresh.add(id)
    this.#serve()
  }

  /** Before these letters leave: whoever reads them here has them now, or could not be given them. Only what could not is tried again later, and not while it is in the air. */
  async ahead(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      if (this.#failed.has(id) || this.#local(id).length === 0) continue
      for (const elder of this.#elders(this.#fresh, id)) if (this.#begins(elder)) await this.#deliver(elder)
      await this.#deliver(id)
    }
  }

  /** Those of the same source and key that came before it, in their order, and those that tell, among others, what is over by it. */
  #elders(among: Iterable<number>, id: number): number[] {
    const { waiting } = this.#options.queue
    const tellers = waiting.tellersOf(id)
    const keyed = waiting.get(id)?.keyed === true
    if (!keyed && tellers.length === 0) return []
    const order = waiting.orderOf(id)
    return [...among].filter((one) => (keyed && one < id && waiting.orderOf(one) === order) || tellers.includes(one)).sort((a, b) => a - b)
  }

  #serve(): void {
    if (this.#state !== 'idle') return
    this.#state = 'serving'
    this.#serving = this.#serveAll()
  }

  async #serveAll(): Promise<void> {
    for (let id = this.#next(); id !== undefined; id = this.#next()) await this.#deliver(id)
    if (this.#state === 'serving') this.#state = 'idle'
  }

  /** The next letter with readers on the box. */
  #next(): number | undefined {
    for (const id of this.#fresh) {
      if (this.#state !== 'serving') return undefined
      if (this.#begins(id)) return id
    }
    return undefined
  }

  /** Whether somebody here reads it; a letter with no other readers is marked as such, for the courier. */
  #begins(id: number): boolean {
    const { queue, scribe } = this.#options
    this.#fresh.delete(id)
    const recipients = scribe.recipients(id)
    const isLocal = recipients.length > 0 && recipients.every((one) => one.local)
    queue.waiting.local(id, isLocal)
    return isLocal || recipients.some((one) => one.local)
  }

  #local(id: number): Recipient[] {
    return this.#options.scribe.recipients(id).filter((one) => one.local)
  }

  /** One letter after the other: what two find to do is done once. */
  #inTurn<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(deed)
    this.#turn = done.catch(() => {})
    return done
  }

  #deliver(id: number): Promise<void> {
    return this.#inTurn(async () => {
      const local = this.#local(id)
      if (local.length === 0) return
      // Behind one of its key that could not be put there, so that nobody hears that something is over before hearing of it.
      if (this.#elders(this.#failed, id).length > 0) return this.#fail(id)
      this.#busySince = this.#options.clock.monotonic()
      await this.#write(id, local)
      this.#busySince = undefined
    })
  }

  async #write(id: number, local: Recipient[]): Promise<void> {
    const { queue, scribe, log } = this.#options
    try {
      const written = await scribe.writeLocal(id, local)
      if (!written) return
      for (const one of local) {
        await this.#put(userOf(one.address), `O${id}`, written.letter.content)
        queue.mark(id, { kind: 'delivered', to: [one.ref] })
        this.served++
      }
    } catch (error) {
      log('error', 'mailbox: a letter could not be written', { id, why: sentence(error) })
      this.#fail(id)
    }
  }

  #fail(id: number): void {
    this.#failed.add(id)
    this.#later()
  }

  #later(): void {
    if (this.#state === 'stopped') return
    this.#cancel ??= this.#options.clock.after(retryMs, () => {
      this.#cancel = undefined
      this.#again()
    })
  }

  /** One that is in the air waits: were it thawed when the flight is over, those elsewhere would get other octets than those here. */
  #again(): void {
    const { waiting } = this.#options.queue
    for (const id of this.#failed) {
      if (waiting.isAway(id)) continue
      this.#failed.delete(id)
      this.#fresh.add(id)
    }
    if (this.#failed.size > 0) this.#later()
    this.#serve()
  }

  /** Parks a refused letter. False: not even the mailbox took it, the letter stays in the queue. */
  refuse(written: Written, address: string, outcome: Extract<Outcome, { kind: 'refused' }>): Promise<boolean> {
    return this.#inTurn(() => this.#refuse(written, address, outcome))
  }

  async #refuse({ alert, letter }: Written, address: string, outcome: Extract<Outcome, { kind: 'refused' }>): Promise<boolean> {
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
  expire(id: number): Promise<void> {
    return this.#inTurn(() => this.#expire(id))
  }

  async #expire(id: number): Promise<void> {
    const { queue, scribe, log } = this.#options
    const recipients = scribe.recipients(id)
    const stored = await scribe.whole(id).catch((error) => {
      log('error', 'a letter that is too old cannot be read now, and waits', { id, why: sentence(error) })
      return 'later' as const
    })
    if (stored === 'later') return
    if (!stored) return this.#lost(id)
    const { alert, content } = stored
    const why = queue.waiting.get(id)?.kept
      ? 'The rules kept it, and the letter that was to tell it could not be written down while it was young enough.'
      : 'No relay took it while it was young enough to be sent.'
    const kept =
      (await this.#keepMail(id, alert, content)) &&
      (await this.#notice('expired', `E${id}`, { id, original: content, recipients: recipients.map((one) => one.address), why }))
    if (!kept) return
    log('warning', 'letter: expired', { id })
    queue.mark(id, { kind: 'expired', to: recipients.map((one) => one.ref), why })
  }

  /** The journal cannot read it any more: said, not hidden. */
  lost(id: number): Promise<void> {
    return this.#inTurn(() => this.#lost(id))
  }

  async #lost(id: number): Promise<void> {
    const { queue, log } = this.#options
    // Both who carries it and who puts it here may have found that.
    if (!queue.waiting.get(id)) return
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
    const { deviceId, clock } = this.#options
    const seconds = Math.max(0, Math.floor(clock.wall() / 1000))
    await this.#mailbox.put(user, `${seconds}.${name}.${deviceId}`, content)
  }
}
