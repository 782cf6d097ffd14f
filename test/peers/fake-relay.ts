import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'
import { until } from './process.ts'

/**
 * A mail server on loopback that behaves as badly as its script says, and records every octet that it gets: in clear, and inside TLS. What the
 * script does not name it does as a kind server would.
 */
export type Script = {
  /** Key, certificate and versions; without it there is no TLS. */
  tls?: SecureContextOptions
  /** TLS from the first octet. */
  implicit?: boolean
  /** `nothing`: the server waits for the client to speak. */
  greeting?: string
  /** What follows the first line of an EHLO reply, in clear and inside TLS. */
  offers?: readonly string[]
  offersInTls?: readonly string[]
  /** Verb -> reply, whole and as it is but for line ends; `‹gone›` hangs up, `‹silence›` says nothing. */
  answers?: Readonly<Record<string, string>>
  answersInTls?: Readonly<Record<string, string>>
  /** What happens instead of a handshake. */
  handshake?: 'silent' | 'hang-up' | 'garbage'
}

export class FakeRelay {
  /** Octets that came outside and inside TLS, of all connections. ClientHello counts as clear only where no handshake was done. */
  clear = ''
  inside = ''
  connections = 0
  /** Handshakes that both sides finished, and how many of them resumed a session. */
  handshakes = 0
  resumed = 0
  script: Script
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(script: Script) {
    this.script = script
    this.#server = createServer((socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
      new Talk(this, socket).begin()
    })
  }

  static async start(script: Script, host = '127.0.0.1'): Promise<FakeRelay> {
    const relay = new FakeRelay(script)
    await new Promise<void>((resolve) => relay.#server.listen(0, host, resolve))
    return relay
  }

  get port(): number {
    const address = this.#server.address()
    assert.ok(address && typeof address === 'object')
    return address.port
  }

  /** Until every client has hung up. */
  async idle(ms: number): Promise<void> {
    await until('every client has hung up', ms, () => this.#sockets.size === 0)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** One connection. */
class Talk {
  readonly #relay: FakeRelay
  readonly #plain: Socket
  #socket: Socket
  #secure = false
  #buffer = ''
  #content = false

  constructor(relay: FakeRelay, socket: Socket) {
    this.#relay = relay
    this.#plain = socket
    this.#socket = socket
  }

  begin(): void {
    if (this.#relay.script.implicit) this.#handshake()
    else {
      this.#plain.on('data', this.#inClear)
      this.#greet()
    }
  }

  readonly #inClear = (bytes: Buffer): void => {
    this.#relay.clear += bytes.toString('latin1')
    this.#hear(bytes)
  }

  #greet(): void {
    const { greeting = '220 relay.example.org ESMTP' } = this.#relay.script
    if (greeting !== 'nothing') this.#say(greeting)
  }

  #hear(bytes: Buffer): void {
    this.#buffer += bytes.toString('latin1')
    for (;;) {
      const end = this.#content ? `\r\n${this.#buffer}`.indexOf('\r\n.\r\n') : this.#buffer.indexOf('\r\n')
      if (end < 0) return
      const line = this.#buffer.slice(0, Math.max(0, end))
      this.#buffer = this.#buffer.slice(this.#content ? end + 3 : end + 2)
      if (this.#content) {
        this.#content = false
        this.#say(this.#answer('.') ?? '250 2.0.0 queued')
      } else this.#command(line)
    }
  }

  #answer(verb: string): string | undefined {
    const { answers, answersInTls } = this.#relay.script
    return (this.#secure ? answersInTls?.[verb] : undefined) ?? answers?.[verb]
  }

  #command(line: string): void {
    const verb = line.split(' ')[0]?.toUpperCase() ?? ''
    const reply = this.#answer(verb) ?? this.#usual(verb)
    if (verb === 'STARTTLS' && reply.startsWith('220')) {
      this.#plain.off('data', this.#inClear)
      this.#say(reply)
      this.#handshake()
      return
    }
    this.#say(reply)
    if (verb === 'DATA' && reply.startsWith('354')) this.#content = true
    if (verb === 'QUIT') this.#socket.end()
  }

  #usual(verb: string): string {
    const {
      tls,
      offers = tls ? ['STARTTLS', 'AUTH PLAIN LOGIN'] : ['AUTH PLAIN LOGIN'],
      offersInTls = ['AUTH PLAIN LOGIN'],
    } = this.#relay.script
    const now = this.#secure ? offersInTls : offers
    switch (verb) {
      case 'EHLO':
        return ['relay.example.org', ...now].map((text, index) => `250${index < now.length ? '-' : ' '}${text}`).join('\n')
      case 'STARTTLS':
        return tls ? '220 2.0.0 ready' : '502 5.5.1 not known'
      case 'AUTH':
        return '235 2.7.0 welcome'
      case 'DATA':
        return '354 go on'
      case 'QUIT':
        return '221 2.0.0 bye'
      default:
        return /^(HELO|MAIL|RCPT|RSET|NOOP)$/.test(verb) ? '250 2.0.0 ok' : '500 5.5.1 what'
    }
  }

  #say(text: string): void {
    if (text === '‹silence›') return
    if (text === '‹gone›') {
      this.#socket.destroy()
      return
    }
    this.#socket.write(`${text.replaceAll('\n', '\r\n')}\r\n`)
  }

  #handshake(): void {
    const { handshake, tls } = this.#relay.script
    if (handshake === 'hang-up') this.#plain.once('data', () => this.#plain.destroy())
    if (handshake === 'garbage') this.#plain.once('data', () => this.#plain.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    if (handshake || !tls) {
      this.#plain.resume()
      return
    }
    const secure = new TLSSocket(this.#plain, { isServer: true, secureContext: contextOf(tls) })
    this.#socket = secure
    this.#secure = true
    this.#buffer = ''
    secure.on('error', () => this.#plain.destroy())
    secure.on('secure', () => {
      this.#relay.handshakes++
      if (secure.isSessionReused()) this.#relay.resumed++
      if (this.#relay.script.implicit) this.#greet()
    })
    secure.on('data', (bytes: Buffer) => {
      this.#relay.inside += bytes.toString('latin1')
      this.#hear(bytes)
    })
  }
}

/** One context for the same options, so that a ticket of one connection is good for the next. */
const contexts = new WeakMap<SecureContextOptions, ReturnType<typeof createSecureContext>>()
function contextOf(options: SecureContextOptions): ReturnType<typeof createSecureContext> {
  const context = contexts.get(options) ?? createSecureContext({ sessionIdContext: 'fake', ...options })
  contexts.set(options, context)
  return context
}
