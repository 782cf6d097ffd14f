import { type Clock, within } from '../ports/clock.ts'
import type { Net, TlsOptions, Wire } from '../ports/net.ts'

/** POP3 as a client (RFC 1939): the remote mailbox of the box, headers first. It deletes nothing. */
export type Pop3Account = {
  host: string
  port: number
  security: 'tls' | 'starttls' | 'none'
  user: string
  password: string
  /** Whom to trust beside the authorities of this machine; see `TlsOptions`. */
  trust: Pick<TlsOptions, 'ca' | 'pins'>
}

/** The server said no, or something that is no POP3. The message is a sentence; what the server said is quoted in it. */
export class Pop3Error extends Error {
  override name = 'Pop3Error'
}

/** The answer is longer than any that is read here; the connection is of no more use. */
export class Pop3TooLong extends Pop3Error {
  override name = 'Pop3TooLong'
}

export type Listed = { number: number; uid: string }

const connectMs = 30_000
const answerMs = 60_000
/** Of one answer, in octets; a longer one is cut by hanging up. */
const answerLimit = 512 * 1024
/** Mails in a listing: of more even the numbers and identifiers are some ten megabytes, every time. */
const listingLimit = 200_000

/** Its methods reject with NetError, TimedOut or Pop3Error. */
export class Pop3Client {
  readonly #wire: Wire
  readonly #clock: Clock
  #rest = Buffer.alloc(0)

  private constructor(wire: Wire, clock: Clock) {
    this.#wire = wire
    this.#clock = clock
  }

  /** Connects and logs in. Rejects with NetError or Pop3Error. */
  static async open({ net, clock }: { net: Net; clock: Clock }, account: Pop3Account): Promise<Pop3Client> {
    const { host, port, security, user, password, trust } = account
    const tls: TlsOptions = { serverName: host, ...trust }
    const wire = await net.connect({ host, port, timeoutMs: connectMs, ...(security === 'tls' ? { tls } : {}) })
    const client = new Pop3Client(wire, clock)
    try {
      await client.#line()
      if (security === 'starttls') {
        await client.#say('STLS')
        // RFC 2595 section 4: it was said in clear, and would be taken for answers that came over TLS.
        if (client.#rest.length > 0) throw new Pop3Error('The server said more before the TLS handshake; somebody may have put it there.')
        await wire.startTls(tls, connectMs)
      }
      await client.#say(`USER ${user}`)
      await client.#say(`PASS ${password}`, 'PASS')
      return client
    } catch (error) {
      wire.close()
      throw error
    }
  }

  /** Number and identifier of the newest messages, so many at most and oldest first, and how many there are. Line by line: the mailbox of a box that nobody tidies has tens of thousands. */
  async uids(most: number): Promise<{ newest: Listed[]; total: number }> {
    await this.#say('UIDL')
    const newest: Listed[] = []
    let total = 0
    for (let line = await this.#line(); line !== '.'; line = await this.#line()) {
      const [, number, uid] = /^(\d+) ([!-~]{1,70})$/.exec(line) ?? []
      if (uid === undefined) continue
      if (++total > listingLimit)
        throw new Pop3TooLong(
          `The mailbox has more than ${listingLimit} mails. Archive or delete old ones there, so that answers are found again.`,
        )
      newest.push({ number: Number(number), uid })
      if (newest.length >= 2 * most) newest.splice(0, newest.length - most)
    }
    return { newest: newest.slice(-most), total }
  }

  /** The header of a message and so many lines of its body, octets as Latin-1. */
  async top(number: number, lines: number): Promise<string> {
    await this.#say(`TOP ${number} ${lines}`)
    return this.#lines()
  }

  /** Takes leave. Never rejects: a server that does not say goodbye is left all the same. */
  async quit(): Promise<void> {
    await this.#say('QUIT').catch(() => {})
    this.#wire.close()
  }

  /** Leaves at once: whoever waits for an answer is rejected. */
  hangUp(): void {
    this.#wire.close()
  }

  /** `shown`: what of the command may be quoted. */
  async #say(command: string, shown = command): Promise<string> {
    if (/[\r\n\0]/.test(command)) throw new Pop3Error('a name or a password has a line end in it')
    await this.#wire.write(Buffer.from(`${command}\r\n`))
    const answer = await this.#line()
    if (!answer.startsWith('+OK')) throw new Pop3Error(`The server answered to ${shown.split(' ')[0]}: ${answer.slice(0, 200)}`)
    return answer
  }

  #line(): Promise<string> {
    return this.#until('\r\n')
  }

  /** Up to the dot that stands alone, without the stuffed ones (RFC 1939 section 3). */
  async #lines(): Promise<string> {
    if (this.#rest.subarray(0, 3).toString('latin1') === '.\r\n') {
      this.#rest = this.#rest.subarray(3)
      return ''
    }
    const text = await this.#until('\r\n.\r\n')
    return text === '.' ? '' : text.replace(/^\.\./gm, '.')
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(end)
      if (at >= 0) {
        const text = this.#rest.subarray(0, at).toString('latin1')
        this.#rest = this.#rest.subarray(at + end.length)
        return text
      }
      if (this.#rest.length > answerLimit) throw new Pop3TooLong(`The server said more than ${answerLimit} octets at once.`)
      const piece = await within(this.#clock, answerMs, 'an answer of the mailbox', this.#wire.read())
      if (!piece) throw new Pop3Error('The server hung up.')
      this.#rest = Buffer.concat([this.#rest, piece])
    }
  }
}
