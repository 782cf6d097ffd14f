import type { Letter } from '../mail/letter.ts'
import type { Clock } from '../ports/clock.ts'
import { TimedOut, within } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { type Net, NetError, type TlsOptions, type Wire } from '../ports/net.ts'
import { hex, type Random } from '../ports/random.ts'
import { type Answer, type Ask, Ended, timers } from './ask.ts'
import { dialogue } from './dialogue.ts'
import { hush, type Login, secretsOf } from './login.ts'
import type { Fault, FlightReport, Outcome } from './outcome.ts'
import { ReplyReader } from './reply.ts'
import type { Tokens } from './token.ts'

/** A relay as the courier knows it. */
export type RelayOptions = {
  id: string
  host: string
  port: number
  security: 'tls' | 'starttls' | 'none'
  /** Further trusted certificates, PEM. */
  ca?: string
  auth: Login
  /** Present: asked for the login before each flight, in place of `auth`. */
  tokens?: Tokens
  ehlo: string
  /** Longest wait for any answer but the last one of a letter, in ms. */
  timeoutMs?: number
}

export type Supply = {
  next(): Promise<Letter | undefined>
  settle(letter: number, recipient: string, outcome: Outcome): void
  /** C: and S: lines, secrets masked. */
  transcript?(line: string): void
  /** Cuts the connection at once. */
  signal?: AbortSignal
}

const defaultCapMs = 300_000
/** How long the kernel may take to accept octets: the peer has stopped reading. */
const writeMs = 180_000
/** RFC 5802 section 5.1 wants enough that no nonce is ever used twice. */
const nonceBytes = 18

/** One connection to a relay, for as many letters as there are. Never rejects: a fault of the relay or the way is in the report. */
export async function fly(net: Net, clock: Clock, random: Random, relay: RelayOptions, supply: Supply): Promise<FlightReport> {
  const report: FlightReport = { letters: 0, sent: 0, received: 0, turns: 0 }
  let wire: Wire
  let login: Login
  try {
    login = relay.tokens ? await relay.tokens.login(net, clock, supply.signal) : relay.auth
    wire = await net.connect({
      host: relay.host,
      port: relay.port,
      timeoutMs: Math.min(timers.connect, relay.timeoutMs ?? defaultCapMs),
      ...(relay.security === 'tls' ? { tls: tlsOptions(relay) } : {}),
    })
  } catch (error) {
    return { ...report, fault: error instanceof Ended ? error.fault : connectFault(error, clock) }
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

export const tlsOptions = (relay: RelayOptions): TlsOptions => ({
  serverName: relay.host,
  ...(relay.ca === undefined ? {} : { ca: relay.ca }),
})

/** What kept us from the greeting. */
export function connectFault(error: unknown, clock: Clock): Fault {
  if (!(error instanceof NetError)) return { stage: 'connect', why: sentence(error) }
  const stage = error.stage === 'stream' ? 'connect' : error.stage
  const byClock = (error.code === 'CERT_NOT_YET_VALID' || error.code === 'CERT_HAS_EXPIRED') && clock.synchronised() !== 'yes'
  if (byClock)
    return {
      stage,
      clock: true,
      why: `${error.message}, or the clock of this device is wrong: it says ${new Date(clock.wall()).toISOString()} and was not set from outside.`,
      hint: 'Set the clock (NTP), then it goes on by itself.',
    }
  return { stage, why: error.message }
}

class Flight {
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #relay: RelayOptions
  readonly #supply: Supply
  readonly #report: FlightReport
  readonly #replies = new ReplyReader()
  #outgoing: Uint8Array[] = []
  #settled = new Set<number>()
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
    this.#secrets = secretsOf(login)
    const talk = dialogue({ ehlo, security, login, nonce, loopback: isLoopback(host), capMs: timeoutMs ?? defaultCapMs })
    let step = talk.next()
    while (!step.done) step = talk.next(await this.#answer(step.value))
    return step.value
  }

  async #answer(ask: Ask): Promise<Answer> {
    switch (ask.kind) {
      case 'say':
        if (ask.secret) this.#secrets.push(ask.text.trimEnd().split(' ').at(-1) ?? '')
        this.#supply.transcript?.(`C: ${ask.secret ? '‹secret›' : ask.text.trimEnd()}`)
        this.#outgoing.push(Buffer.from(ask.text))
        return { done: true }
      case 'content':
        this.#supply.transcript?.(`C: ‹${ask.bytes.length} octets›`)
        this.#outgoing.push(ask.bytes)
        return { done: true }
      case 'hear':
        return this.#hear(ask.timeoutMs)
      case 'secure':
        return this.#secure()
      case 'next':
        return { letter: await this.#supply.next() }
      case 'settle':
        this.#supply.settle(ask.letter, ask.to, ask.outcome)
        if (ask.outcome.kind !== 'uncertain' && !this.#settled.has(ask.letter)) {
          this.#settled.add(ask.letter)
          this.#report.letters++
        }
        return { done: true }
    }
  }

  async #hear(timeoutMs: number): Promise<Answer> {
    try {
      await this.#flush()
      for (;;) {
        const reply = this.#replies.next()
        if (typeof reply === 'string') return { lost: reply }
        if (reply) {
          for (const line of reply.text.split('\n')) this.#supply.transcript?.(`S: ${reply.code} ${hush(line, this.#secrets)}`)
          return { reply }
        }
        const bytes = await within(this.#clock, timeoutMs, 'The answer of the server', this.#wire.read())
        if (!bytes) return { lost: 'The server hung up.' }
        this.#report.received += bytes.length
        this.#replies.push(bytes)
      }
    } catch (error) {
      return { lost: error instanceof TimedOut ? `The server did not answer in ${Math.round(timeoutMs / 1000)} s.` : sentence(error) }
    }
  }

  /** Everything that was said since the last answer, in one write: one turn of the line. */
  async #flush(): Promise<void> {
    if (this.#outgoing.length === 0) return
    const bytes = Buffer.concat(this.#outgoing)
    this.#outgoing = []
    this.#report.sent += bytes.length
    this.#report.turns++
    await within(this.#clock, writeMs, 'Sending', this.#wire.write(bytes))
  }

  async #secure(): Promise<Answer> {
    if (this.#replies.hasMore)
      return { lost: 'Something came in clear before the TLS handshake: somebody may have put it there.', code: 'EPLAINTEXT' }
    try {
      await this.#wire.startTls(tlsOptions(this.#relay), Math.min(timers.tls, this.#relay.timeoutMs ?? defaultCapMs))
      return { done: true }
    } catch (error) {
      const fault = connectFault(error, this.#clock)
      return { lost: fault.why, ...(error instanceof NetError ? { code: error.code } : {}) }
    }
  }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
