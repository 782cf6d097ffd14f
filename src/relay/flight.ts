import type { Letter } from '../mail/letter.ts'
import type { Clock } from '../ports/clock.ts'
import { TimedOut, within } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { type Net, NetError, type Wire } from '../ports/net.ts'
import { hex, type Random } from '../ports/random.ts'
import { cured, withCure } from './cure/cure.ts'
import { Deadline } from './deadline.ts'
import { type Answer, type Ask, Ended, timers } from './dialogue/ask.ts'
import { dialogue } from './dialogue/dialogue.ts'
import { hush, type Login, secretsOf } from './login/login.ts'
import type { Fault, FlightReport, Offers, Outcome } from './outcome.ts'
import { approachOf, connectFault, isLoopback, type RelayOptions, tlsOptions } from './relay.ts'
import { kindOf, ReplyReader } from './reply.ts'
import type { KnownSkills, Skill } from './traits.ts'

export type Supply = {
  next(): Promise<Letter | undefined>
  settle(letter: number, recipient: string, outcome: Outcome): void
  /** What earlier flights learned of this relay. */
  known?: KnownSkills
  /** The relay showed how it takes letters. */
  learn?(skill: Skill, good: boolean): void
  /** What it offers, before the first letter is asked for. */
  offers?(offers: Offers): void
  /** C: and S: lines, secrets masked. */
  transcript?(line: string): void
  /** Cuts the connection at once. */
  signal?: AbortSignal
  /** Ends the attempt to connect, by which nothing is lost; means nothing later. */
  connecting?: AbortSignal
}

const defaultCapMs = 300_000
/** How long the system may take to accept a piece: below some 3 kbit/s the peer has stopped reading. */
const writeMs = 180_000
const pieceBytes = 64 * 1024
/**
 * A server reads a TLS record only when all of it is there, up to 16 KiB: two seconds at 64 kbit/s. When more than this follows the first letter,
 * that one leaves in a record of its own (22 octets, once a flight): it is the most urgent one.
 */
const worthItsOwnRecord = 2048
/** RFC 5802 section 5.1 wants enough that no nonce is ever used twice. */
const nonceBytes = 18

/**
 * One connection to a relay, for as many letters as there are. Never rejects: a fault of the relay or the way is in the report.
 *
 * Where TLS was only a try and the handshake failed, nothing has been said of a letter: they go in clear, as to a host that offers no TLS, instead of
 * never (RFC 7435 section 3). Silence is no such failure: it would be the same again.
 */
export async function fly(net: Net, clock: Clock, random: Random, relay: RelayOptions, supply: Supply): Promise<FlightReport> {
  const first = await connectAndFly(net, clock, random, relay, supply)
  const { fault, sent, received, turns } = first
  const noLogin = relay.auth.kind === 'none' && !relay.tokens
  const noTls = relay.security === 'opportunistic' && noLogin && fault?.stage === 'tls' && fault.code !== 'ETIMEDOUT'
  if (!noTls || supply.signal?.aborted) return first
  supply.transcript?.(`TLS: ${fault.why} Once more, in clear.`)
  const second = await connectAndFly(net, clock, random, { ...relay, security: 'none' }, supply)
  return { ...second, sent: sent + second.sent, received: received + second.received, turns: turns + second.turns }
}

async function connectAndFly(net: Net, clock: Clock, random: Random, relay: RelayOptions, supply: Supply): Promise<FlightReport> {
  const report: FlightReport = { letters: 0, uncertain: 0, sent: 0, received: 0, turns: 0 }
  let wire: Wire
  let login: Login
  try {
    login = relay.tokens ? await relay.tokens.login(net, clock, supply.signal) : relay.auth
    const target = {
      host: relay.host,
      port: relay.port,
      timeoutMs: Math.min(timers.connect, relay.timeoutMs ?? defaultCapMs),
      ...(relay.addresses === undefined ? {} : { addresses: relay.addresses }),
      ...(relay.security === 'tls' ? { tls: tlsOptions(relay) } : {}),
    }
    wire = await unlessAborted(supply.connecting, net.connect(target))
  } catch (error) {
    return { ...report, fault: error instanceof Ended ? error.fault : cured(connectFault(error, clock), approachOf(relay)) }
  }
  const cut = () => wire.close()
  supply.signal?.addEventListener('abort', cut, { once: true })
  try {
    const { fault } = await new Flight(wire, clock, relay, supply, report).perform(login, hex(random.bytes(nonceBytes)))
    return fault ? { ...report, fault: relay.tokens ? relay.tokens.judge(fault) : fault } : report
  } finally {
    supply.signal?.removeEventListener('abort', cut)
    wire.close()
  }
}

/** Before TLS nothing may come that was not asked for: it would be taken for the answer to what is said next (RFC 3207 section 6). */
const plaintext = {
  lost: 'Something came in clear that nobody had asked for: somebody may have put it there.',
  code: 'EPLAINTEXT',
  fault: { stage: 'starttls', code: 'EPLAINTEXT', why: '' },
} as const

/** The connection, or a NetError as soon as the signal aborts; a connection that comes later is closed. */
function unlessAborted(signal: AbortSignal | undefined, connecting: Promise<Wire>): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new NetError('connect', 'ECANCELED', 'the attempt to connect was given up, because the link has changed or the gateway stops'))
      connecting.then(
        (wire) => wire.close(),
        () => {},
      )
    }
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })
    connecting.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort))
  })
}

class Flight {
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #relay: RelayOptions
  readonly #supply: Supply
  readonly #report: FlightReport
  readonly #replies = new ReplyReader()
  readonly #settled = new Set<number>()
  readonly #open = new Set<number>()
  #outgoing: Uint8Array[] = []
  /** How many pieces of it lead up to the end of the first letter of the flight; undefined once that has left. */
  #ahead: number | undefined = 0
  /** Octets that the dialogue said, and those that the system has or may have taken. */
  #said = 0
  #handed = 0
  #writing: Promise<void> | undefined
  #reading: Promise<Uint8Array | undefined> | undefined
  /** Something came since the last write: the next one is a turn of the line. */
  #turned = true
  /** What no line of the transcript may show: what was said in secret, should the server quote it. */
  #secrets: string[] = []

  constructor(wire: Wire, clock: Clock, relay: RelayOptions, supply: Supply, report: FlightReport) {
    this.#wire = wire
    this.#clock = clock
    this.#relay = relay
    this.#supply = supply
    this.#report = report
  }

  async perform(login: Login, nonce: string): Promise<{ fault?: Fault }> {
    const { ehlo, security, host, timeoutMs } = this.#relay
    const { known = {} } = this.#supply
    this.#secrets = secretsOf(login)
    const talk = dialogue({ ehlo, security, login, nonce, loopback: isLoopback(host), capMs: timeoutMs ?? defaultCapMs, known })
    let step = talk.next()
    while (!step.done) step = talk.next(await this.#answer(step.value))
    const { fault } = step.value
    const said = this.#replies.foreign
    return fault ? { fault: cured(fault, approachOf(this.#relay), said === undefined ? {} : { said }) } : {}
  }

  async #answer(ask: Ask): Promise<Answer> {
    switch (ask.kind) {
      case 'say':
        if (ask.secret) this.#secrets.push(ask.text.trimEnd().split(' ').at(-1) ?? '')
        this.#supply.transcript?.(`C: ${ask.secret ? '‹secret›' : ask.text.trimEnd()}`)
        return this.#say(Buffer.from(ask.text))
      case 'content':
        this.#supply.transcript?.(`C: ‹${ask.bytes.length} octets›`)
        if (this.#ahead === 0) this.#ahead = this.#outgoing.length + 1
        return this.#say(ask.bytes)
      case 'hear':
        return this.#hear(ask.timeoutMs)
      case 'secure':
        return this.#secure()
      case 'next':
        return { letter: await this.#supply.next() }
      case 'offers':
        this.#supply.offers?.(ask.offers)
        return { done: true }
      case 'learn':
        this.#supply.learn?.(ask.skill, ask.good)
        return { done: true }
      case 'settle':
        this.#settle(ask.letter, ask.to, ask.outcome)
        return { done: true }
    }
  }

  #say(bytes: Uint8Array): Answer {
    this.#outgoing.push(bytes)
    this.#said += bytes.length
    return { said: this.#said }
  }

  #settle(letter: number, to: string, outcome: Outcome): void {
    this.#supply.settle(letter, to, this.#withCure(outcome))
    const counted = outcome.kind === 'uncertain' ? this.#open : this.#settled
    counted.add(letter)
    this.#report.letters = this.#settled.size
    this.#report.uncertain = this.#open.size
  }

  /** A 5yz that only puts off lasts until somebody has done something: what, stands beside it. */
  #withCure(outcome: Outcome): Outcome {
    if (outcome.kind !== 'deferred' || !outcome.reply || kindOf(outcome.reply) !== 5) return outcome
    const { why, reply } = outcome
    return { ...outcome, why: withCure(why, cured({ stage: 'rcpt', why, reply }, approachOf(this.#relay)).hint) }
  }

  /** The next reply; what was said leaves first, unless a reply is here already: then it may wait for more to go with it. */
  async #hear(timeoutMs: number): Promise<Answer> {
    const deadline = new Deadline(this.#clock, timeoutMs)
    try {
      for (;;) {
        const reply = this.#replies.next()
        if (typeof reply === 'string') return this.#lost(reply, 'EFOREIGN')
        if (reply) {
          if (this.#relay.security === 'starttls' && !this.#wire.tls && this.#replies.hasMore) return plaintext
          for (const line of reply.text.split('\n')) this.#supply.transcript?.(`S: ${reply.code} ${hush(line, this.#secrets)}`)
          return { reply }
        }
        this.#flush()
        const bytes = await this.#read(deadline)
        if (!bytes) return this.#lost('The server hung up.', 'ECLOSED')
        this.#turned = true
        this.#report.received += bytes.length
        this.#replies.push(bytes)
      }
    } catch (error) {
      if (error instanceof TimedOut) return this.#lost(`The server did not answer in ${Math.round(timeoutMs / 1000)} s.`, 'ETIMEDOUT')
      return this.#lost(sentence(error), error instanceof NetError ? error.code : undefined)
    }
  }

  #lost(lost: string, code?: string): Answer {
    return { lost, handed: this.#handed, ...(code === undefined ? {} : { code }) }
  }

  /** Octets from the server, while ours are still leaving. The time for an answer begins when all of ours have left, and only then. */
  async #read(deadline: Deadline): Promise<Uint8Array | undefined> {
    this.#reading ??= this.#wire.read()
    const reading = this.#reading
    if (this.#writing) {
      const written = this.#writing.catch((error) => {
        // The server may have said why before it hung up: reading tells.
        if (!(error instanceof NetError)) throw error
      })
      const first = await Promise.race([reading.then(() => 'read' as const), written.then(() => 'written' as const)])
      if (first === 'written') this.#writing = undefined
    }
    const bytes = await (this.#writing ? reading : deadline.within('The answer of the server', reading))
    this.#reading = undefined
    return bytes
  }

  /** Sends what was said since the last time: one turn of the line, if the server said something in between. */
  #flush(): void {
    if (this.#outgoing.length === 0) return
    const pieces = this.#pieces()
    this.#report.sent += octetsOf(this.#outgoing)
    this.#outgoing = []
    if (this.#ahead !== 0) this.#ahead = undefined
    if (this.#turned) this.#report.turns++
    this.#turned = false
    const before = this.#writing ?? Promise.resolve()
    this.#writing = before.then(async () => {
      for (const piece of pieces) await this.#write(piece)
    })
    // Whoever waits for an answer hears of it; nobody may be waiting just now.
    this.#writing.catch(() => {})
  }

  /** What is said at once leaves at once, behind the first letter. */
  #pieces(): Uint8Array[] {
    const ahead = this.#ahead ?? 0
    const [head, tail] = [this.#outgoing.slice(0, ahead), this.#outgoing.slice(ahead)]
    if (head.length === 0 || octetsOf(tail) <= worthItsOwnRecord) return gathered(this.#outgoing)
    return [...gathered(head), ...gathered(tail)]
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes)
      this.#handed += piece.length
      await within(this.#clock, writeMs, 'Sending', this.#wire.write(piece))
    }
  }

  async #secure(): Promise<Answer> {
    if (this.#replies.hasMore) return plaintext
    try {
      await this.#writing
      this.#writing = undefined
      await this.#wire.startTls(tlsOptions(this.#relay), Math.min(timers.tls, this.#relay.timeoutMs ?? defaultCapMs))
      this.#turned = true
      return { done: true }
    } catch (error) {
      const fault = connectFault(error, this.#clock)
      return { lost: fault.why, fault, ...(fault.code === undefined ? {} : { code: fault.code }) }
    }
  }
}

/** Each write ends a TLS record, of 22 octets beside what is said (RFC 8446 section 5.2): so few writes; but a mail of megabytes is not copied for it. */
function gathered(said: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let small: Uint8Array[] = []
  for (const octets of said) {
    if (octets.length < pieceBytes) small.push(octets)
    else {
      pieces.push(...joined(small), octets)
      small = []
    }
  }
  return [...pieces, ...joined(small)]
}

const joined = (octets: readonly Uint8Array[]): Uint8Array[] => (octets.length > 0 ? [Buffer.concat(octets)] : [])

const octetsOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)
