import { isSameSecret } from '../alert/same.ts'
import { type Cancel, type Clock, within } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { ServedWire, ServerKey } from '../ports/serve.ts'
import type { Drop, Message } from './drop.ts'
import { stuffed, topOf } from './stuffed.ts'

/**
 * POP3 for the mailbox of the box: RFC 1939 with TOP and UIDL, CAPA (RFC 2449), STLS (RFC 2595), AUTH PLAIN (RFC 5034). Headers before bodies: TOP n 0 is how a thin client decides what to fetch. No password
 * is taken over a line that others can hear.
 */
export type Pop3Options = {
  clock: Clock
  log: Log
  /** Key and certificate for STLS. */
  key: ServerKey
  /** The password of a user; undefined when there is none, and then nobody gets in. */
  passwordOf(user: string): string | undefined
  /** Opens the maildrop; undefined when another session has it. `close` gives it back. */
  open(user: string): Promise<{ drop: Drop; close(): void } | undefined>
  /** How long this address has to wait before it may try a password, in ms; and what came of it. */
  guesses: { waitMs(address: string): number; failed(address: string): void; passed(address: string): void }
}

/** RFC 2449 section 4. */
const lineOctets = 512
/** RFC 1939 section 3: at least ten minutes. */
const idleMs = 10 * 60_000
/** From the greeting to the login, whatever is said meanwhile: as long, for seats are given to newcomers (ports/node/guests). */
const strangerMs = 10 * 60_000
const handshakeMs = 15_000
const faultsLimit = 10

type Reply = string | { lines: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }

/** Serves one connection to its end. Never rejects. */
export async function servePop3(wire: ServedWire, options: Pop3Options): Promise<void> {
  const session = new Session(wire, options)
  try {
    await session.run()
  } catch (error) {
    options.log('info', 'pop3: a session broke', { peer: wire.address, why: sentence(error) })
  } finally {
    session.end()
    wire.close()
  }
}

class Session {
  readonly #wire: ServedWire
  readonly #options: Pop3Options
  #rest: Uint8Array = new Uint8Array()
  #user: string | undefined
  #open: { drop: Drop; close(): void } | undefined
  readonly #deleted = new Set<Message>()
  #faults = 0
  #over = false
  /** Also whoever takes no answers is cut off, and so it is no part of reading a line. */
  readonly #stay: Cancel

  constructor(wire: ServedWire, options: Pop3Options) {
    this.#wire = wire
    this.#options = options
    this.#stay = options.clock.after(strangerMs, () => wire.close())
  }

  async run(): Promise<void> {
    await this.#say('+OK Outpost')
    while (!this.#over) {
      const line = await this.#line()
      if (line === undefined) return
      const reply = await this.#answer(line)
      if (typeof reply === 'string') await this.#say(reply)
      else for await (const octets of reply.lines) await this.#wire.write(octets)
      if (typeof reply === 'string' && reply.startsWith('-ERR') && ++this.#faults >= faultsLimit) return
    }
  }

  end(): void {
    this.#stay()
    this.#open?.close()
    this.#open = undefined
  }

  async #answer(line: string): Promise<Reply> {
    const [word = '', ...words] = line.split(' ')
    const verb = word.toUpperCase()
    if (verb === 'CAPA') return this.#capabilities()
    if (verb === 'QUIT') return this.#quit()
    if (this.#open) return this.#transaction(verb, words, this.#open.drop)
    switch (verb) {
      case 'STLS':
        return this.#startTls()
      case 'USER':
        this.#user = words.join(' ')
        return this.#mayLogIn ? '+OK' : notHere
      case 'PASS':
        return this.#user === undefined ? '-ERR say USER first' : this.#logIn(this.#user, line.slice(5))
      case 'AUTH':
        return this.#auth(words)
      default:
        return `-ERR ${verb.replace(/[^A-Z]/g, '').slice(0, 20)} is not known before the login`
    }
  }

  /** Over TLS, or without leaving this machine. */
  get #mayLogIn(): boolean {
    return this.#wire.tls !== undefined || /^(127\.|::1$)/.test(this.#wire.address)
  }

  #capabilities(): Reply {
    const lines = [
      '+OK',
      'TOP',
      'UIDL',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      ...(this.#mayLogIn ? ['USER', 'SASL PLAIN'] : []),
      ...(this.#wire.tls ? [] : ['STLS']),
      'IMPLEMENTATION Outpost',
      '.',
    ]
    return { lines: [Buffer.from(`${lines.join('\r\n')}\r\n`)] }
  }

  async #startTls(): Promise<Reply> {
    if (this.#wire.tls) return '-ERR this is TLS already'
    // What came behind STLS was said by nobody who can be trusted (RFC 2595 section 4).
    if (this.#rest.length > 0) {
      this.#over = true
      return '-ERR commands behind STLS are not taken'
    }
    await this.#say('+OK')
    await this.#wire.serveTls(this.#options.key, handshakeMs)
    this.#user = undefined
    return { lines: [] }
  }

  async #auth([mechanism = '', initial]: string[]): Promise<Reply> {
    if (mechanism === '') return { lines: [Buffer.from(this.#mayLogIn ? '+OK\r\nPLAIN\r\n.\r\n' : '+OK\r\n.\r\n')] }
    if (mechanism.toUpperCase() !== 'PLAIN') return '-ERR only PLAIN is known'
    if (!this.#mayLogIn) return notHere
    let answer = initial
    if (answer === undefined) {
      await this.#say('+ ')
      answer = await this.#line()
    }
    if (answer === undefined || answer === '*') return '-ERR given up'
    const [, user, password] = Buffer.from(answer, 'base64').toString().split('\0')
    return user === undefined || password === undefined ? '-ERR this is no PLAIN' : this.#logIn(user, password)
  }

  async #logIn(user: string, password: string): Promise<Reply> {
    if (!this.#mayLogIn) return notHere
    const { guesses, passwordOf, open, log } = this.#options
    const waitMs = guesses.waitMs(this.#wire.address)
    if (waitMs > 0) return `-ERR [SYS/TEMP] wait ${Math.ceil(waitMs / 1000)} s before the next try`
    const known = passwordOf(user)
    if (!isSameSecret(password, known ?? '') || known === undefined) {
      guesses.failed(this.#wire.address)
      log('warning', 'pop3: a login was refused', { peer: this.#wire.address })
      return '-ERR [AUTH] name or password is wrong'
    }
    guesses.passed(this.#wire.address)
    this.#stay()
    this.#wire.welcome()
    this.#open = await open(user)
    if (!this.#open) return '-ERR [IN-USE] another session has this mailbox'
    const { messages } = this.#open.drop
    return `+OK ${messages.length} messages`
  }

  #transaction(verb: string, words: readonly string[], drop: Drop): Reply | Promise<Reply> {
    const left = drop.messages.filter((message) => !this.#deleted.has(message))
    switch (verb) {
      case 'STAT':
        return `+OK ${left.length} ${sum(left)}`
      case 'LIST':
        return this.#listing(words, drop, ({ bytes }) => String(bytes))
      case 'UIDL':
        return this.#listing(words, drop, ({ uid }) => uid)
      case 'NOOP':
        return '+OK'
      case 'RSET':
        this.#deleted.clear()
        return '+OK'
      case 'DELE': {
        const message = this.#numbered(words[0], drop)
        if (!message) return noSuch
        this.#deleted.add(message)
        return '+OK'
      }
      case 'RETR':
        return this.#retrieve(words[0], drop, undefined)
      case 'TOP': {
        const lines = Number(words[1])
        return Number.isInteger(lines) && lines >= 0
          ? this.#retrieve(words[0], drop, lines)
          : '-ERR TOP wants a message and a count of lines'
      }
      default:
        return `-ERR ${verb.replace(/[^A-Z]/g, '').slice(0, 20)} is not known`
    }
  }

  #listing(words: readonly string[], drop: Drop, of: (message: Message) => string): Reply {
    if (words[0] !== undefined) {
      const message = this.#numbered(words[0], drop)
      return message ? `+OK ${words[0]} ${of(message)}` : noSuch
    }
    const lines = drop.messages.flatMap((message, index) => (this.#deleted.has(message) ? [] : [`${index + 1} ${of(message)}\r\n`]))
    return { lines: [Buffer.from(`+OK\r\n${lines.join('')}.\r\n`)] }
  }

  #numbered(word: string | undefined, drop: Drop): Message | undefined {
    const message = /^\d{1,6}$/.test(word ?? '') ? drop.messages[Number(word) - 1] : undefined
    return message && !this.#deleted.has(message) ? message : undefined
  }

  /** A whole message, or its head and so many lines of its body. */
  async #retrieve(word: string | undefined, drop: Drop, lines: number | undefined): Promise<Reply> {
    const message = this.#numbered(word, drop)
    if (!message) return noSuch
    const octets = await drop.read(message)
    if (!octets) return '-ERR [SYS/TEMP] it cannot be read'
    if (lines === undefined) drop.seen(message)
    return { lines: stuffed(lines === undefined ? octets : topOf(octets, lines)) }
  }

  /** Only here messages go (RFC 1939 section 6). */
  async #quit(): Promise<Reply> {
    this.#over = true
    const open = this.#open
    if (!open) return '+OK'
    try {
      await open.drop.close(this.#deleted)
      return '+OK'
    } catch (error) {
      this.#options.log('error', 'pop3: a deleted message could not be removed', { why: sentence(error) })
      return '-ERR [SYS/TEMP] some deleted messages are still there'
    }
  }

  /** The next line without its end; undefined at the end of the stream. Rejects when it is too long, or too late. */
  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(0x0a)
      if (end >= 0) {
        const line = Buffer.from(this.#rest.subarray(0, end)).toString().replace(/\r$/, '')
        this.#rest = this.#rest.subarray(end + 1)
        return line
      }
      if (this.#rest.length > lineOctets) {
        await this.#say('-ERR the line is too long')
        return undefined
      }
      const piece = await within(this.#options.clock, idleMs, 'the next command', this.#wire.read())
      if (!piece) return undefined
      this.#rest = Buffer.concat([this.#rest, piece])
    }
  }

  #say(line: string): Promise<void> {
    return this.#wire.write(Buffer.from(`${line}\r\n`))
  }
}

const noSuch = '-ERR there is no such message'
const notHere = '-ERR [AUTH] say STLS first: a password would be heard by others'

const sum = (messages: readonly Message[]): number => messages.reduce((total, { bytes }) => total + bytes, 0)
