import type { Clock } from '../ports/clock.ts'
import { within } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Net, Wire } from '../ports/net.ts'
import { hex, type Random } from '../ports/random.ts'
import { type Answer, type Asking, Ended, hear, say } from './ask.ts'
import { connectFault, type RelayOptions, tlsOptions } from './flight.ts'
import { chooseMechanism, type Login, logIn } from './login.ts'
import { kindOf, quoted, ReplyReader } from './reply.ts'

/** One step of looking at a relay. */
export type Step = { step: string; ms: number; ok: boolean; sentence: string }

const stepMs = 30_000

/** DNS, TCP, TLS, greeting, EHLO, AUTH, MAIL and RCPT, each with its time and a sentence; nothing is sent. Stops at the first fault. */
export async function* probe(
  net: Net,
  clock: Clock,
  random: Random,
  relay: RelayOptions,
  envelope: { mailFrom: string; rcptTo?: string },
): AsyncGenerator<Step> {
  let from = clock.monotonic()
  const done = (step: string, ok: boolean, words: string): Step => {
    const ms = clock.monotonic() - from
    from = clock.monotonic()
    return { step, ms, ok, sentence: words }
  }
  let wire: Wire
  let login = relay.auth
  try {
    if (relay.tokens) {
      login = await relay.tokens.login(net, clock)
      yield done('token', true, 'the provider gave an access token')
    }
    yield done('DNS', true, `${relay.host} is ${(await net.resolve(relay.host, stepMs)).join(', ')}`)
    wire = await net.connect({
      host: relay.host,
      port: relay.port,
      timeoutMs: stepMs,
      ...(relay.security === 'tls' ? { tls: tlsOptions(relay) } : {}),
    })
  } catch (error) {
    const fault = error instanceof Ended ? error.fault : connectFault(error, clock)
    yield done(fault.stage, false, [fault.why, fault.hint].filter(Boolean).join(' '))
    return
  }
  try {
    yield done('TCP', true, `connected to ${wire.peer}`)
    if (wire.tls) yield done('TLS', true, tlsSentence(wire))
    const line = new Line(wire, clock, relay)
    for (const [step, talk] of steps(relay, login, hex(random.bytes(18)), envelope, line)) {
      try {
        yield done(step, true, await line.perform(talk()))
      } catch (error) {
        if (!(error instanceof Ended)) throw error
        yield done(step, false, [error.fault.why, error.fault.hint].filter(Boolean).join(' '))
        return
      }
    }
  } catch (error) {
    yield done('connection', false, sentence(error))
  } finally {
    wire.close()
  }
}

const tlsSentence = (wire: Wire): string =>
  `${wire.tls?.protocol} ${wire.tls?.cipher}, certificate of ${wire.tls?.certificate?.subject} by ${wire.tls?.certificate?.issuer}, valid to ${wire.tls?.certificate?.validTo}`

type Talk = () => Asking<string>

function* steps(
  relay: RelayOptions,
  login: Login,
  nonce: string,
  envelope: { mailFrom: string; rcptTo?: string },
  line: Line,
): Generator<[string, Talk]> {
  const expect = (stage: 'greeting' | 'ehlo' | 'mail' | 'rcpt', command?: string): Talk =>
    function* () {
      if (command !== undefined) yield* say(command)
      const reply = yield* hear(stage, stepMs)
      if (kindOf(reply) !== 2) throw new Ended({ stage, reply, why: `The server answered ${quoted(reply)}` })
      if (stage === 'ehlo') line.offers = reply.text
      return quoted(reply)
    }
  yield ['greeting', expect('greeting')]
  yield ['EHLO', expect('ehlo', `EHLO ${relay.ehlo}`)]
  if (relay.security === 'starttls') {
    yield [
      'STARTTLS',
      function* () {
        yield* say('STARTTLS')
        const reply = yield* hear('starttls', stepMs)
        if (reply.code !== 220) throw new Ended({ stage: 'starttls', reply, why: `The server refused STARTTLS: ${quoted(reply)}` })
        const answer = yield { kind: 'secure' }
        if ('lost' in answer) throw new Ended({ stage: 'tls', why: answer.lost })
        return line.tls
      },
    ]
    yield ['EHLO', expect('ehlo', `EHLO ${relay.ehlo}`)]
  }
  if (login.kind !== 'none') {
    yield [
      'AUTH',
      function* () {
        const offered = /^AUTH[ =](.*)$/im.exec(line.offers)?.[1] ?? ''
        const safe = relay.security !== 'none' || /^(127\.|localhost$|::1$)/.test(relay.host)
        const mechanism = chooseMechanism(login, offered, safe, nonce)
        if (mechanism) yield* logIn(mechanism, login.user, stepMs)
        return `logged in by ${mechanism?.name}`
      },
    ]
  }
  yield ['MAIL', expect('mail', `MAIL FROM:<${envelope.mailFrom}>`)]
  if (envelope.rcptTo !== undefined) yield ['RCPT', expect('rcpt', `RCPT TO:<${envelope.rcptTo}>`)]
  yield ['RSET', expect('mail', 'RSET')]
}

/** Performs the small dialogues of a probe on a wire. */
class Line {
  offers = ''
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #relay: RelayOptions
  readonly #replies = new ReplyReader()

  constructor(wire: Wire, clock: Clock, relay: RelayOptions) {
    this.#wire = wire
    this.#clock = clock
    this.#relay = relay
  }

  get tls(): string {
    return tlsSentence(this.#wire)
  }

  async perform(talk: Asking<string>): Promise<string> {
    let step = talk.next()
    while (!step.done) {
      const ask = step.value
      let answer: Answer = { done: true }
      if (ask.kind === 'say') await this.#wire.write(Buffer.from(ask.text))
      else if (ask.kind === 'hear') answer = await this.#hear()
      else if (ask.kind === 'secure') answer = await this.#secure()
      step = talk.next(answer)
    }
    return step.value
  }

  async #hear(): Promise<Answer> {
    try {
      for (;;) {
        const reply = this.#replies.next()
        if (typeof reply === 'string') return { lost: reply }
        if (reply) return { reply }
        const bytes = await within(this.#clock, stepMs, 'The answer of the server', this.#wire.read())
        if (!bytes) return { lost: 'The server hung up.' }
        this.#replies.push(bytes)
      }
    } catch (error) {
      return { lost: sentence(error) }
    }
  }

  async #secure(): Promise<Answer> {
    try {
      if (this.#replies.hasMore) return { lost: 'Something came in clear before the TLS handshake.', code: 'EPLAINTEXT' }
      await this.#wire.startTls(tlsOptions(this.#relay), stepMs)
      return { done: true }
    } catch (error) {
      return { lost: connectFault(error, this.#clock).why }
    }
  }
}
