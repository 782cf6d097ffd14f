import type { Letter } from '../../mail/letter.ts'
import type { Fault, Reply, Stage } from '../outcome.ts'
import { kindOf } from '../reply.ts'
import { mostInAir } from '../traits.ts'
import { type Asking, broken, closing, Ended, hear, type Lost, listen, say, sayContent } from './ask.ts'
import { sayEnvelope, settle, settleBy, settleContent, settleMail, settleMailAlone, uncertain } from './envelope.ts'
import type { Session } from './session.ts'

/**
 * Chain: letters by BDAT LAST (RFC 3030), one behind the other without waiting, to a server that offers CHUNKING and PIPELINING. Each reply
 * is matched to the command that it answers; what is in the air is bounded by letters and octets.
 *
 * A letter in the air is settled by its own replies. When the line breaks, one whose last octet may have left is uncertain, one behind it is as
 * it was.
 */
type Aboard = {
  letter: Letter
  /** Octets said on this connection with the last one of this letter. */
  end: number
  mail?: Reply
  /** Its MAIL was turned away because a letter before it had left its transaction open. */
  nested?: boolean
  answers: Map<string, Reply>
}

type Expected = { of: 'auth' | 'reset' } | { of: 'mail' | 'last'; aboard: Aboard } | { of: 'rcpt'; aboard: Aboard; to: string }

const stages: Readonly<Record<Expected['of'], Stage>> = { auth: 'auth', reset: 'mail', mail: 'mail', rcpt: 'rcpt', last: 'content' }

/** Enough to fill a line of 600 ms at 1.7 Mbit/s; with a letter of 2 KB some sixty of them. */
const mostOctets = 128 * 1024

export function* chain(session: Session): Asking<void> {
  const air = new Air(session)
  if (session.known.chunking !== true) yield* tryChunking(session, air)
  if (session.known.chunking === false) return
  for (;;) {
    yield* air.fill()
    const expected = air.expected.shift()
    if (!expected) return
    const heard = yield* listen(stages[expected.of], session.hello.capMs)
    if ('lost' in heard) yield* air.break(expected, heard)
    else yield* air.take(expected, heard.reply)
  }
}

/** What is in the air, and what is known of it. */
class Air {
  readonly expected: Expected[] = []
  readonly #session: Session
  #octets = 0
  #letters = 0
  /** A transaction may stand open at the server: a letter failed, and what follows must begin with RSET. */
  #open = false
  /** The same as the replies have it, which lag behind. */
  #spoiled = false
  /** The login was refused: what the server turns away from here on it turns away from a stranger, which says nothing about a letter. */
  #stranger = false
  /** Stops taking letters; what is in the air still lands. */
  #fault: Fault | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Says letters until the window is full or there is none. */
  *fill(): Asking<void> {
    const { known } = this.#session
    while (this.#hasRoom()) {
      const letter = yield* this.#session.next()
      if (!letter) break
      if (yield* this.#session.sayLogin()) this.expected.push({ of: 'auth' })
      if (this.#open) yield* this.reset()
      const aboard: Aboard = { letter, end: 0, answers: new Map() }
      yield* this.sayEnvelope(aboard)
      yield* this.sayLast(aboard)
    }
    if (this.expected.length > 0) return
    // Everything landed: a fault that was met on the way counts now.
    if (this.#fault) throw new Ended(this.#fault)
    if (known.chunking === false && this.#open) {
      yield* say('RSET')
      yield* hear('mail', this.#session.hello.capMs)
    }
  }

  *sayEnvelope(aboard: Aboard): Asking<void> {
    yield* sayEnvelope(aboard.letter, this.#session.offers, false)
    this.expected.push({ of: 'mail', aboard })
    for (const to of aboard.letter.to) this.expected.push({ of: 'rcpt', aboard, to })
  }

  /** `from`: octets of the content that a chunk before this one has taken along. */
  *sayLast(aboard: Aboard, from = 0): Asking<void> {
    const content = aboard.letter.content.subarray(from)
    yield* say(`BDAT ${content.length} LAST`)
    aboard.end = yield* sayContent(content)
    this.expected.push({ of: 'last', aboard })
    this.#octets += aboard.letter.content.length
    this.#letters++
  }

  *reset(): Asking<void> {
    yield* say('RSET')
    this.expected.push({ of: 'reset' })
    this.#open = false
  }

  *take(expected: Expected, reply: Reply): Asking<void> {
    switch (expected.of) {
      case 'auth':
        this.#fault ??= yield* this.#session.judgeLogin(reply)
        this.#stranger = this.#fault !== undefined
        break
      case 'reset':
        this.#spoiled = false
        break
      case 'mail':
        expected.aboard.mail = reply
        expected.aboard.nested = this.#spoiled && reply.code === 503
        break
      case 'rcpt':
        expected.aboard.answers.set(expected.to, reply)
        break
      case 'last':
        this.#octets -= expected.aboard.letter.content.length
        this.#letters--
        yield* this.#land(expected.aboard, reply)
    }
    if (reply.code === 421) throw closing(stages[expected.of], reply)
  }

  /** The last reply of a letter says what its others were worth. */
  *#land(aboard: Aboard, reply: Reply): Asking<void> {
    const { letter, mail } = aboard
    const { taken, turned } = answersOf(aboard)
    if (kindOf(reply) === 2) {
      // The server has it for whom it took, whatever it said to MAIL in between.
      yield* settleContent(letter, taken, reply)
      if (this.#session.known.chunking === undefined) yield* this.#session.learn('chunking', true)
      this.#spoiled = false
    } else {
      this.#open = true
      this.#spoiled = true
    }
    if (mail && kindOf(mail) !== 2) {
      if (kindOf(reply) === 2 || this.#stranger) return
      if (aboard.nested) this.#session.giveBack(letter)
      else this.#fault ??= yield* settleMail(letter, mail)
      return
    }
    if (this.#stranger) return
    for (const [to, answer] of turned) yield* settleBy(letter, [to], answer, 'rcpt')
    if (kindOf(reply) === 2 || taken.length === 0) return
    if (isUnknown(reply)) {
      yield* this.#session.learn('chunking', false)
      this.#session.giveBack({ ...letter, to: taken })
    } else yield* settleContent(letter, taken, reply)
  }

  /** The line broke while this reply was waited for. */
  *break(expected: Expected, line: Lost): Asking<void> {
    const { lost, handed } = line
    const aboard = new Set([expected, ...this.expected].flatMap((one) => ('aboard' in one ? [one.aboard] : [])))
    for (const one of aboard) {
      if (one.end === 0 || one.end > handed) continue
      const { turned } = answersOf(one)
      const failed = one.mail !== undefined && kindOf(one.mail) !== 2 && !one.nested
      if (failed) continue
      if (!this.#stranger) for (const [to, answer] of turned) yield* settleBy(one.letter, [to], answer, 'rcpt')
      const open = one.letter.to.filter((to) => !turned.has(to))
      yield* settle(one.letter, open, uncertain(lost))
    }
    if (expected.of === 'auth' && this.#session.known.together === undefined) yield* this.#session.learn('together', false)
    throw broken(stages[expected.of], line)
  }

  #hasRoom(): boolean {
    const { known } = this.#session
    if (this.#fault || known.chunking === false) return false
    if (this.#letters === 0) return true
    if (known.chunking === undefined) return false
    return this.#octets < mostOctets && this.#letters < (known.windowLetters ?? mostInAir)
  }
}

const answersOf = ({ letter, answers }: Aboard): { taken: string[]; turned: Map<string, Reply> } => ({
  taken: letter.to.filter((to) => isTaken(answers.get(to))),
  turned: new Map([...answers].filter(([, reply]) => !isTaken(reply))),
})

const isTaken = (reply: Reply | undefined): boolean => reply !== undefined && kindOf(reply) === 2

/** The server does not know BDAT, whatever it offers: a proxy in front of it may pass the offer on and not the command. */
const isUnknown = (reply: Reply): boolean => reply.code === 500 || reply.code === 502

/**
 * The first letter over a relay that is not known: one octet goes ahead of the content. A server that offers CHUNKING and does not know BDAT would
 * read the content as commands, and what a sensor said must never be one. (An empty chunk would do, but Postfix refuses that.)
 */
function* tryChunking(session: Session, air: Air): Asking<void> {
  const { hello } = session
  for (let letter = yield* session.next(); letter; letter = yield* session.next()) {
    const aboard: Aboard = { letter, end: 0, answers: new Map() }
    yield* session.sayLogin()
    yield* sayEnvelope(letter, session.offers, false)
    yield* say(`BDAT ${aheadOctets}`)
    yield* sayContent(letter.content.subarray(0, aheadOctets))
    yield* session.hearLogin()
    const mail = yield* hear('mail', hello.capMs)
    aboard.mail = mail
    let ahead: Reply
    try {
      for (const to of letter.to) aboard.answers.set(to, yield* hear('rcpt', hello.capMs))
      ahead = yield* hear('data', hello.capMs)
    } catch (error) {
      if (error instanceof Ended && session.known.pipelining === undefined) yield* session.learn('pipelining', false)
      throw error
    }
    if (session.known.pipelining === undefined) yield* session.learn('pipelining', true)
    const { taken, turned } = answersOf(aboard)
    if (kindOf(mail) === 2 && kindOf(ahead) === 2 && taken.length > 0) return yield* air.sayLast(aboard, aheadOctets)
    if (kindOf(mail) !== 2) yield* settleMailAlone(letter, mail)
    else {
      for (const [to, answer] of turned) yield* settleBy(letter, [to], answer, 'rcpt')
      if (taken.length > 0 && kindOf(ahead) === 4) yield* settleBy(letter, taken, ahead, 'data')
      else if (taken.length > 0) {
        yield* session.learn('chunking', false)
        session.giveBack({ ...letter, to: taken })
      }
    }
    yield* reset(hello.capMs)
    if (session.known.chunking === false) return
  }
}

const aheadOctets = 1

/** A server that took the octet for the beginning of a command does not understand the first RSET. */
function* reset(capMs: number): Asking<void> {
  yield* say('RSET')
  if (kindOf(yield* hear('mail', capMs)) === 2) return
  yield* say('RSET')
  yield* hear('mail', capMs)
}
