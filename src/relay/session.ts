import type { Letter } from '../mail/letter.ts'
import { type Asking, Ended, hear, say } from './ask.ts'
import { next } from './envelope.ts'
import { type Login, loginFault } from './login.ts'
import type { Fault, Offers, Reply } from './outcome.ts'
import { kindOf } from './reply.ts'
import type { Known, Skill } from './traits.ts'

/** What a session begins with. */
export type Hello = {
  /** The name that we give ourselves: a host name or an address literal. */
  ehlo: string
  security: 'tls' | 'starttls' | 'none'
  login: Login
  /** The relay is this very machine: a password may go in clear. */
  loopback: boolean
  /** Longest wait for any reply but the last one of a letter, in ms. */
  capMs: number
  /** What earlier flights learned of this relay. */
  known: Known
}

/** Session: one connection behind its EHLO, whichever way letters go over it. */
export class Session {
  readonly hello: Hello
  readonly offers: Offers
  readonly known: Known
  /** AUTH line that leaves together with the first letters; undefined once said, or when there was time for it before. */
  #auth: string | undefined
  #owesAuth = false
  readonly #left: Letter[] = []

  constructor(hello: Hello, offers: Offers, auth: string | undefined) {
    this.hello = hello
    this.offers = offers
    this.known = { ...hello.known }
    this.#auth = auth
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
    if (this.#auth === undefined) return false
    yield* say(this.#auth, true)
    this.#auth = undefined
    this.#owesAuth = true
    return true
  }

  /** Hears the reply to a login that was said together with letters, if there was one. Ends the dialogue when it was refused. */
  *hearLogin(): Asking<void> {
    if (!this.#owesAuth) return
    this.#owesAuth = false
    const fault = yield* this.judgeLogin(yield* hear('auth', this.hello.capMs))
    if (fault) throw new Ended(fault)
  }

  /** What the reply to such a login says: nothing when it is well. */
  *judgeLogin(reply: Reply): Asking<Fault | undefined> {
    const well = kindOf(reply) === 2
    // 334: it did not take the initial response. 501, 503: it did not expect more than AUTH at once.
    const ourWay = [334, 501, 503].includes(reply.code) && this.known.together !== true
    if (well !== this.known.together && (well || ourWay)) yield* this.learn('together', well)
    if (well) return undefined
    if (!ourWay) return loginFault(this.hello.login, reply).fault
    return { stage: 'auth', reply, again: true, why: 'The server wants the login before the letters; it is told so from now on.' }
  }
}
