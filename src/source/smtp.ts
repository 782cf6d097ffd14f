import { crc32 } from 'node:zlib'
import type { Enclosed } from '../alert/alert.ts'
import { splitMail } from '../alert/mime.ts'
import { sleep } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Mail, MailIn, MailReply, MailServer, MailSession, MailSink } from '../ports/mail-in.ts'
import type { ServerKey } from '../ports/serve.ts'
import { backoff } from './backoff.ts'
import type { Heard, Source, SourceState, SourceTools } from './source.ts'

/**
 * SMTP as a source: devices that can only send mail hand it to the box, and 250 is said when it is on the disk. Each mail is an alert, and the rules say who is told, not the mail; or it is a letter that is passed
 * on as it is, to people of the settings and nobody else. So there is no way to use it as an open relay.
 */
export type SmtpSourceOptions = {
  id: string
  host: string
  port: number
  isLmtp: boolean
  /** How it introduces itself: the domain of the site. */
  name: string
  maxBytes: number
  key?: ServerKey
  /** Whether mail is taken from this address without a login. */
  isAllowed(address: string): boolean
  /** Users with their passwords; none: AUTH is not offered. */
  passwords: ReadonlyMap<string, string>
  /** Whether mail for this address is taken: of people in the settings, and of the site itself. */
  isKnown(recipient: string): boolean
  isSame(a: string, b: string): boolean
  /** Present: mails are passed on as they are. */
  letters?: Letters
}

/** What keeps mails that are passed on, with the same promise as the journal. */
export type Letters = {
  draft(): Promise<LetterDraft>
  /** A mail that was kept and then not accepted. */
  remove(file: string): Promise<void>
  /** The person, or the address on the box, that a recipient of the envelope is. */
  whois(recipient: string): string
}

export type LetterDraft = MailSink & { keep(): Promise<Pick<Enclosed, 'file' | 'bytes' | 'crc'>> }

const maxClients = 16
/** Of a mail; the rest has no place in an alert. */
const keepBytes = 256 * 1024
/** RFC 5321 section 4.5.3.1.8 wants 100, which no device needs. */
const recipientsLimit = 20
/** Mails from one address in a minute; those beyond are asked to come again. */
const mailsAMinute = 120
const guessesAMinute = 5
/** RFC 5321 section 6.3. */
const receivedLimit = 100
const addressesLimit = 256
const retry = { firstMs: 1000, maxMs: 60_000 }

type Rate = { from: number; count: number }

export class SmtpSource implements Source {
  readonly id: string
  readonly #options: SmtpSourceOptions
  readonly #mailIn: MailIn
  readonly #tools: SourceTools
  readonly #stopping = new AbortController()
  readonly #rates = new Map<string, Rate>()
  readonly #guesses = new Map<string, Rate>()
  #server: MailServer | undefined
  #running: Promise<void> | undefined
  #why: string | undefined
  #heard = 0
  #refused = 0

  constructor(options: SmtpSourceOptions, mailIn: MailIn, tools: SourceTools) {
    this.id = options.id
    this.#options = options
    this.#mailIn = mailIn
    this.#tools = tools
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#server?.close()
  }

  state(): SourceState {
    const state = this.#stopping.signal.aborted ? 'stopped' : this.#server ? 'up' : this.#why === undefined ? 'starting' : 'down'
    return { id: this.id, kind: 'smtp', state, heard: this.#heard, overruns: 0, ...(this.#why === undefined ? {} : { why: this.#why }) }
  }

  /** A port that is taken may be free later. */
  async #run(): Promise<void> {
    const { clock, random, log } = this.#tools
    const { id, host, port, isLmtp, name, maxBytes, key, passwords } = this.#options
    for (let attempt = 0; !this.#stopping.signal.aborted && !this.#server; attempt++) {
      try {
        this.#server = await this.#mailIn.listen({
          ...{ host, port, isLmtp, name, maxBytes, keepBytes, maxClients },
          ...(key ? { key } : {}),
          admits: (address) => this.#admits(address),
          ...(passwords.size > 0
            ? { login: (user: string, password: string, address: string) => this.#login(user, password, address) }
            : {}),
          sender: (session) => this.#sender(session),
          recipient: (address, taken) => this.#recipient(address, taken),
          take: (mail, sink) => this.#take(mail, sink as LetterDraft | undefined),
          ...(this.#options.letters ? { sink: this.#options.letters.draft } : {}),
        })
        this.#why = undefined
        log('info', 'smtp: listening', { source: id, listen: `${host}:${port}` })
      } catch (error) {
        this.#why = sentence(error)
        log('warning', 'smtp: cannot listen', { source: id, why: this.#why })
        await sleep(clock, backoff(attempt, retry, random), this.#stopping.signal)
      }
    }
  }

  #admits(address: string): MailReply | undefined {
    if (this.#options.isAllowed(address) || this.#options.passwords.size > 0) return undefined
    this.#note('a host that is not allowed', address)
    return { code: 554, text: '5.7.1 this host may not send mail here' }
  }

  #login(user: string, password: string, address: string): MailReply | undefined {
    const known = this.#options.passwords.get(user)
    if (this.#tooMany(this.#guesses, address, guessesAMinute))
      return { code: 454, text: '4.7.0 too many logins in a minute, try again later' }
    const right = this.#options.isSame(password, known ?? '') && known !== undefined
    if (right) this.#guesses.delete(address)
    else this.#note('a login that was wrong', address)
    return right ? undefined : { code: 535, text: '5.7.8 name or password is wrong' }
  }

  #sender({ address, user }: MailSession): MailReply | undefined {
    if (user === undefined && !this.#options.isAllowed(address)) return { code: 530, text: '5.7.0 log in first' }
    if (this.#tooMany(this.#rates, address, mailsAMinute))
      return { code: 451, text: '4.7.1 too many mails in a minute, send it again later' }
    return undefined
  }

  /** Counts, and says whether this address has come more often than so in a minute. */
  #tooMany(counts: Map<string, Rate>, address: string, most: number): boolean {
    const now = this.#tools.clock.monotonic()
    const rate = counts.get(address)
    const isFresh = !rate || now - rate.from >= 60_000
    if (!isFresh && rate.count >= most) return true
    counts.delete(address)
    counts.set(address, isFresh ? { from: now, count: 1 } : { from: rate.from, count: rate.count + 1 })
    const [oldest] = counts.keys()
    if (counts.size > addressesLimit && oldest !== undefined) counts.delete(oldest)
    return false
  }

  #recipient(address: string, taken: number): MailReply | undefined {
    if (taken >= recipientsLimit) return { code: 452, text: `4.5.3 at most ${recipientsLimit} recipients a mail` }
    return this.#options.isKnown(address)
      ? undefined
      : { code: 550, text: '5.7.1 nobody of that address is served here, and nothing is relayed' }
  }

  async #take(mail: Mail, draft: LetterDraft | undefined): Promise<MailReply> {
    const refused = this.#refusalOf(mail)
    if (refused) {
      await draft?.drop()
      return refused
    }
    this.#heard++
    return this.#options.letters
      ? this.#takeLetter(mail, draft, this.#options.letters)
      : this.#offer({ ...named(mail), source: this.id, bytes: mail.content })
  }

  /** On the disk first, then into the journal, and only then answered. */
  async #takeLetter(mail: Mail, draft: LetterDraft | undefined, letters: Letters): Promise<MailReply> {
    if (mail.fault !== undefined || !draft) {
      await draft?.drop()
      return { code: 452, text: `4.3.1 ${mail.fault === undefined ? 'this mail is empty' : sentence(mail.fault)}` }
    }
    let spooled: Pick<Enclosed, 'file' | 'bytes' | 'crc'>
    try {
      spooled = await draft.keep()
    } catch (error) {
      await draft.drop()
      return { code: 452, text: `4.3.1 ${sentence(error)}` }
    }
    const { session, from, to, content } = mail
    const enclosed = { ...spooled, from, by: session.address, with: session.with }
    const passing = { enclosed, to: [...new Set(to.map(letters.whois))] }
    return this.#offer({ ...named(mail, spooled.crc), source: this.id, bytes: content, passing }, () => letters.remove(spooled.file))
  }

  async #offer(heard: Heard, undo: () => Promise<void> = async () => {}): Promise<MailReply> {
    const taken = await this.#tools.take(heard)
    if (taken.kind !== 'accepted' || taken.repeated) await undo()
    if (taken.kind === 'accepted')
      return { code: 250, text: taken.repeated ? '2.0.0 taken before' : `2.0.0 taken as ${this.id} #${taken.number}` }
    if (taken.kind === 'ignored') return { code: 250, text: '2.0.0 nothing to tell' }
    return taken.again ? { code: 452, text: `4.3.1 ${taken.why}` } : { code: 554, text: `5.6.0 ${taken.why}` }
  }

  #refusalOf({ content, hasBareLineEnd, isTooLong, session }: Mail): MailReply | undefined {
    if (isTooLong) return { code: 552, text: `5.3.4 a mail has at most ${this.#options.maxBytes} octets here` }
    const head =
      Buffer.from(content.subarray(0, 64 * 1024))
        .toString('latin1')
        .split(/\r\n\r\n/)[0] ?? ''
    if (hasBareLineEnd) {
      this.#note('a mail with a bare CR or LF', session.address)
      return { code: 550, text: '5.6.11 a line of this mail ends with a CR or an LF alone (RFC 5321 section 2.3.8)' }
    }
    if ((head.match(/^received:/gim) ?? []).length > receivedLimit || isOurs(head, this.#options.name)) {
      this.#note('a mail that goes in circles', session.address)
      return { code: 554, text: '5.4.6 this mail goes in circles' }
    }
    return undefined
  }

  /** Aloud the first time, the second, the fourth …: a machine may try for years. */
  #note(what: string, from: string): void {
    this.#refused++
    if ((this.#refused & (this.#refused - 1)) === 0)
      this.#tools.log('warning', `smtp: ${what}`, { source: this.id, from, times: this.#refused })
  }
}

/**
 * A client that did not hear our 250 hands the same mail over again (RFC 1047). It is known by its Message-ID and its octets, and only when it is dated: a device that writes the same words twice means two alarms.
 */
function named({ content, to }: Mail, crc = crc32(content)): Pick<Heard, 'transmission' | 'dup'> {
  const { head } = splitMail(Buffer.from(content.subarray(0, 64 * 1024)).toString('latin1'))
  const id = head.get('message-id')?.trim()
  if (!id || !head.has('date')) return {}
  return { transmission: `${id.slice(0, 200)} ${crc} ${to.join(' ')}`.slice(0, 1000), dup: true }
}

/** It has left this box before: an alert that comes back as an alert would never end (RFC 5321 section 6.3). */
const isOurs = (head: string, name: string): boolean =>
  head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .some((line) => /^received:/i.test(line) && line.includes(`by ${name} (Outpost`))
