import type { Clock } from '../../ports/clock.ts'
import type { Net, Wire } from '../../ports/net.ts'
import { hex, type Random } from '../../ports/random.ts'
import type { Trouble } from '../cure/cure.ts'
import { type Asking, Ended, hear, listen, say } from '../dialogue/ask.ts'
import { chooseMechanism, type Login, logIn } from '../login/login.ts'
import type { Tokens } from '../login/token.ts'
import type { Fault, Reply, Stage } from '../outcome.ts'
import { isLoopback, type RelayOptions, tlsOptions } from '../relay.ts'
import { kindOf, quoted } from '../reply.ts'
import { chainInWords, tlsInWords } from './certificate.ts'
import { Line } from './line.ts'
import { type Offer, offered, offersInWords, offersOf, overwritten } from './offers.ts'

/** Visit: the steps of one look at a relay, and what they have found so far. Each step is a small dialogue; who takes them decides when to stop. */
export type Found = { sentence: string; facts?: readonly string[] }
export type Envelope = { mailFrom: string; rcptTo?: string }
export type VisitStep = { step: string; stage: Stage; take: () => Promise<Found> }

/** What a probe works with. */
export type Tools = { net: Net; clock: Clock; random: Random; hidden?: readonly string[] }

const stepMs = 30_000
const nonceBytes = 18

export class Visit {
  line: Line | undefined
  readonly #net: Net
  readonly #clock: Clock
  readonly #hidden: readonly string[]
  readonly #random: Random
  readonly #relay: RelayOptions
  readonly #envelope: Envelope
  readonly #waitMs: number
  #wire: Wire | undefined
  #login: Login
  #greeting = ''
  #offers: Offer[] = []

  constructor({ net, clock, random, hidden = [] }: Tools, relay: RelayOptions, envelope: Envelope) {
    this.#net = net
    this.#clock = clock
    this.#hidden = hidden
    this.#random = random
    this.#login = relay.auth
    this.#relay = relay
    this.#envelope = envelope
    this.#waitMs = Math.min(stepMs, relay.timeoutMs ?? stepMs)
  }

  *steps(): Generator<VisitStep> {
    const { security, auth, tokens } = this.#relay
    const talk = (step: string, stage: Stage, dialogue: () => Asking<Found>): VisitStep => ({
      step,
      stage,
      take: () => this.#talk(dialogue()),
    })
    if (tokens) yield { step: 'token', stage: 'auth', take: () => this.#fetchToken(tokens) }
    yield { step: 'DNS', stage: 'dns', take: () => this.#resolve() }
    yield { step: 'TCP', stage: 'connect', take: () => this.#connect() }
    if (security === 'tls') yield talk('TLS', 'tls', () => this.#secure())
    yield talk('greeting', 'greeting', () => this.#greet())
    yield talk('EHLO', 'ehlo', () => this.#hello())
    if (security === 'starttls') {
      yield talk('STARTTLS', 'starttls', () => this.#startTls())
      yield talk('TLS', 'tls', () => this.#secure())
      yield talk('EHLO', 'ehlo', () => this.#hello())
    }
    if (auth.kind !== 'none' || tokens) yield talk('AUTH', 'auth', () => this.#logIn())
    const { mailFrom, rcptTo } = this.#envelope
    yield talk('MAIL', 'mail', () => this.#expect('mail', `MAIL FROM:<${mailFrom}>`, `The sender ${mailFrom} may be used`))
    if (rcptTo !== undefined)
      yield talk('RCPT', 'rcpt', () => this.#expect('rcpt', `RCPT TO:<${rcptTo}>`, `The recipient ${rcptTo} would get mail`))
    yield talk('RSET', 'mail', () => this.#expect('mail', 'RSET', 'Nothing was sent'))
    yield talk('QUIT', 'quit', () => this.#quit())
  }

  /** What was heard so far that bears on a fault. */
  known(fault: Fault): Pick<Trouble, 'said' | 'offered'> {
    const said = this.line?.foreign ?? (fault.stage === 'ehlo' ? this.#greeting : undefined)
    return {
      ...(said === undefined ? {} : { said }),
      ...(fault.stage === 'auth' ? { offered: offered(this.#offers, 'AUTH') ?? '' } : {}),
    }
  }

  /** RFC 5321 section 4.1.1.10: nobody hangs up without QUIT who can still say it. */
  async sayGoodbye(fault: Fault): Promise<void> {
    if (this.line && fault.reply !== undefined && fault.reply.code !== 421) await this.line.perform(this.#quit())
  }

  mask(text: string): string {
    return this.line?.mask(text) ?? text
  }

  end(): void {
    this.#wire?.close()
  }

  #talk(dialogue: Asking<Found>): Promise<Found> {
    if (!this.line) throw new Error('a word before the connection')
    return this.line.perform(dialogue)
  }

  async #resolve(): Promise<Found> {
    const { host } = this.#relay
    const addresses = await this.#net.resolve(host, this.#waitMs)
    if (addresses.length === 1 && addresses[0] === host) return { sentence: `${host} is an address: there is no name to look up.` }
    return { sentence: `${host} is ${addresses.join(', ')}.`, facts: addresses }
  }

  async #connect(): Promise<Found> {
    const { host, port } = this.#relay
    const wire = await this.#net.connect({ host, port, timeoutMs: this.#waitMs })
    this.#wire = wire
    // A session would hide what the server shows today.
    const tls = { ...tlsOptions(this.#relay), resume: false }
    this.line = new Line({ wire, clock: this.#clock, tls, login: this.#login, waitMs: this.#waitMs, hidden: this.#hidden })
    return { sentence: `Connected to ${wire.peer}.` }
  }

  async #fetchToken(tokens: Tokens): Promise<Found> {
    this.#login = await tokens.login(this.#net, this.#clock)
    return { sentence: 'The provider gave an access token.' }
  }

  *#secure(): Asking<Found> {
    const answer = yield { kind: 'secure' }
    if ('lost' in answer) throw new Ended({ ...answer.fault, stage: 'tls', why: answer.lost })
    const facts = this.#wire?.tls
    if (!facts) return { sentence: 'Encrypted.' }
    const now = this.#clock.wall()
    const pinned = this.#relay.pins ? ' It is the pinned one.' : ''
    return { sentence: `${tlsInWords(facts, now)}${pinned}`, facts: chainInWords(facts.chain, now) }
  }

  *#greet(): Asking<Found> {
    const reply = yield* hear('greeting', this.#waitMs)
    this.#greeting = `${reply.code} ${reply.text}`
    if (kindOf(reply) !== 2) throw refused('greeting', reply)
    return { sentence: `The server says ${quoted(reply)}` }
  }

  *#hello(): Asking<Found> {
    const { ehlo } = this.#relay
    yield* say(`EHLO ${ehlo}`)
    const reply = yield* hear('ehlo', this.#waitMs)
    if (kindOf(reply) === 5) {
      yield* say(`HELO ${ehlo}`)
      if (kindOf(yield* hear('ehlo', this.#waitMs)) !== 2) throw refused('ehlo', reply)
      this.#offers = []
      return { sentence: 'The server knows HELO only, and so offers neither TLS nor a login.' }
    }
    if (kindOf(reply) !== 2) throw refused('ehlo', reply)
    this.#offers = offersOf(reply)
    const names = this.#offers.map((offer) => offer.keyword)
    return {
      sentence: names.length > 0 ? `The server offers ${names.join(', ')}.` : 'The server offers nothing beyond the basics.',
      facts: offersInWords(this.#offers),
    }
  }

  *#startTls(): Asking<Found> {
    if (offered(this.#offers, 'STARTTLS') === undefined)
      throw new Ended({
        stage: 'starttls',
        why: 'The server does not offer STARTTLS, which the settings require.',
        hint: overwritten(this.#offers)
          ? 'A firewall in between writes X over the offer: ask whoever runs this network to switch its SMTP inspection off, or use security "tls" with port 465.'
          : 'Use security "tls" with port 465; if this server usually offers STARTTLS, somebody on the line takes the offer away.',
      })
    yield* say('STARTTLS')
    const reply = yield* hear('starttls', this.#waitMs)
    if (reply.code !== 220) throw refused('starttls', reply)
    return { sentence: `The server says ${quoted(reply)}` }
  }

  *#logIn(): Asking<Found> {
    const { security, host } = this.#relay
    const login = this.#login
    const safe = security === 'tls' || security === 'starttls' || (security === 'none' && isLoopback(host))
    const mechanism = chooseMechanism(login, offered(this.#offers, 'AUTH') ?? '', safe, hex(this.#random.bytes(nonceBytes)))
    if (!mechanism || login.kind === 'none') return { sentence: 'No login is set.' }
    yield* logIn(mechanism, login.user, this.#waitMs)
    return { sentence: `Logged in as ${login.user} by ${mechanism.name}.` }
  }

  *#expect(stage: Stage, command: string, meaning: string): Asking<Found> {
    yield* say(command)
    const reply = yield* hear(stage, this.#waitMs)
    if (kindOf(reply) !== 2) throw refused(stage, reply)
    return { sentence: `${meaning}: ${quoted(reply)}` }
  }

  *#quit(): Asking<Found> {
    yield* say('QUIT')
    const heard = yield* listen('quit', this.#waitMs)
    return {
      sentence: 'reply' in heard ? `The server says ${quoted(heard.reply)}` : 'The server hung up without a word, which does no harm.',
    }
  }
}

const refused = (stage: Stage, reply: Reply): Ended => new Ended({ stage, reply, why: `The server answered ${quoted(reply)}` })
