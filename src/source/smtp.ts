import { sleep } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Mail, MailIn, MailReply, MailServer, MailSession } from '../ports/mail-in.ts'
import type { ServerKey } from '../ports/serve.ts'
import { backoff } from './backoff.ts'
import type { Source, SourceState, SourceTools } from './source.ts'

/**
 * SMTP as a source: devices that can only send mail hand it to the box, and each mail is an alert. 250 is said when it is on the disk. Nothing is relayed: whom the mail names does not decide who is told, the rules
 * do; so there is no way to use it as an open relay.
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
}

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
          take: (mail) => this.#take(mail),
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

  async #take({ content, hasBareLineEnd, session }: Mail): Promise<MailReply> {
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
    this.#heard++
    const taken = await this.#tools.take({ source: this.id, bytes: content })
    if (taken.kind === 'accepted') return { code: 250, text: `2.0.0 taken as ${this.id} #${taken.number}` }
    if (taken.kind === 'ignored') return { code: 250, text: '2.0.0 nothing to tell' }
    return taken.again ? { code: 452, text: `4.3.1 ${taken.why}` } : { code: 554, text: `5.6.0 ${taken.why}` }
  }

  /** Aloud the first time, the second, the fourth …: a machine may try for years. */
  #note(what: string, from: string): void {
    this.#refused++
    if ((this.#refused & (this.#refused - 1)) === 0)
      this.#tools.log('warning', `smtp: ${what}`, { source: this.id, from, times: this.#refused })
  }
}

/** It has left this box before: an alert that comes back as an alert would never end (RFC 5321 section 6.3). */
const isOurs = (head: string, name: string): boolean =>
  head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .some((line) => /^received:/i.test(line) && line.includes(`by ${name} (Outpost`))
