import type { Letter } from '../../mail/letter.ts'
import { hush, type Login, loginFault, type Mechanism } from '../login/login.ts'
import type { Fault, Offers, Reply } from '../outcome.ts'
import { kindOf } from '../reply.ts'
import type { Security } from '../security.ts'
import type { KnownSkills, Skill } from '../traits.ts'
import { type Asking, Ended, hear, say } from './ask.ts'
import { next } from './envelope.ts'

/** What a session begins with. */
export type Hello = {
  /** The name that we give ourselves: a host name or an address literal. */
  ehlo: string
  security: Security
  login: Login
  /** New for each session: printable ASCII without a comma, unguessable. */
  nonce: string
  /** The relay is this very machine: a password may go in clear. */
  loopback: boolean
  /** Longest wait for any reply but the last one of a letter, in ms. */
  capMs: number
  /** What earlier flights learned of this relay. */
  known: KnownSkills
}

/** Session: one connection behind its EHLO, whichever way letters go over it. */
export class Session {
  readonly hello: Hello
  readonly offers: Offers
  readonly known: KnownSkills
  /** The login that leaves together with the first letters; undefined when there was time for it before. */
  readonly #mechanism: Mechanism | undefined
  #login: 'unsaid' | 'said' | 'judged' = 'unsaid'
  readonly #left: Letter[] = []

  constructor(hello: Hello, offers: Offers, mechanism: Mechanism | undefined) {
    this.hello = hello
    this.offers = offers
    this.known = { ...hello.known }
    this.#mechanism = mechanism
  }

  /** The next letter: one that another way of sending gave back, else one from the supply. */
  *next(): Asking<Letter | undefined> {
    return this.#left.shift() ?? (yield* next(this.offers))
  }

  /** Nothing happened to this letter: it goes first when `next` is asked again. */
  giveBack(letter: Letter): void {
    this.#left.push(letter)
  }

  *learn(skill: Skill, good: boolean): Asking<void> {
    this.known[skill] = good
    yield { kind: 'learn', skill, good }
  }

  /** True when a login was said just now, whose reply comes before all others. */
  *sayLogin(): Asking<boolean> {
    if (!this.#mechanism || this.#login !== 'unsaid') return false
    yield* say(this.#mechanism.first, true)
    this.#login = 'said'
    return true
  }

  /** Hears the reply to a login that was said together with letters, if there was one. Ends the dialogue when it was refused. */
  *hearLogin(): Asking<void> {
    if (this.#login !== 'said') return
    const fault = yield* this.judgeLogin(yield* hear('auth', this.hello.capMs))
    if (fault) throw new Ended(fault)
  }

  /** What the reply to such a login says: nothing when it is well. Ends the dialogue where the server lost count of what was said. */
  *judgeLogin(reply: Reply): Asking<Fault | undefined> {
    this.#login = 'judged'
    const well = kindOf(reply) === 2
    // 334: it wants an answer, and takes the next command for it. 501, 503: it did not expect more than AUTH at once.
    const ourWay = (reply.code === 334 && !this.#mechanism?.token) || ([501, 503].includes(reply.code) && this.known.together !== true)
    if (well !== this.known.together && (well || ourWay)) yield* this.learn('together', well)
    if (well) return undefined
    const fault = ourWay ? alone(reply) : this.#refused(reply)
    if (reply.code === 334) throw new Ended(fault)
    return fault
  }

  #refused(reply: Reply): Fault {
    const { login } = this.hello
    const text = hush(reply.text, this.#mechanism?.secrets ?? [])
    // RFC 7628 section 3.2.3: a challenge to an access token tells why it is refused; the refusal itself would be the next reply.
    const final = reply.code === 334 ? { code: 535, text: Buffer.from(text, 'base64').toString() } : { ...reply, text }
    return loginFault(login.kind === 'none' ? '' : login.user, final, this.#mechanism).fault
  }
}

const alone = (reply: Reply): Fault => ({
  stage: 'auth',
  reply,
  again: true,
  why: 'The server wants the login before the letters; it is told so from now on.',
})
