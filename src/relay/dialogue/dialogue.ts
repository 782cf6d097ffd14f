import { chooseMechanism, logIn } from '../login/login.ts'
import type { Fault, Offers, Reply } from '../outcome.ts'
import { kindOf, quoted } from '../reply.ts'
import { type Asking, Ended, hear, listen, say } from './ask.ts'
import { chain } from './chain.ts'
import { groups } from './groups.ts'
import { type Hello, Session } from './session.ts'
import { steps } from './steps.ts'

/**
 * Dialogue: one SMTP session, as what to say given what was heard. No socket, no clock.
 *
 * Letters go the fastest way that the server offers and that is not known to fail there: a chain (CHUNKING), groups (PIPELINING), or steps. A way
 * that fails is given up at once, and the next slower one takes over the letters that nothing had happened to.
 */
export function* dialogue(hello: Hello): Asking<{ fault?: Fault }> {
  try {
    const greeting = yield* hear('greeting', hello.capMs)
    if (kindOf(greeting) !== 2)
      throw new Ended({ stage: 'greeting', reply: greeting, why: `The server does not want to talk: ${quoted(greeting)}` })
    let offers = yield* greet(hello)
    if (hello.security === 'starttls') offers = yield* secure(hello, offers)
    if (hello.security === 'opportunistic') offers = yield* secureIfOffered(hello, offers)
    yield { kind: 'offers', offers }
    const session = yield* enter(hello, offers)
    let way = fastest(session)
    yield* way(session)
    while (way !== fastest(session)) {
      way = fastest(session)
      yield* way(session)
    }
    yield* say('QUIT')
    yield* listen('quit', hello.capMs)
    return {}
  } catch (error) {
    if (error instanceof Ended) return { fault: error.fault }
    throw error
  }
}

function fastest({ offers, known }: Session): (session: Session) => Asking<void> {
  if (!offers.pipelining || known.pipelining === false) return steps
  return offers.chunking && known.chunking !== false ? chain : groups
}

/** Logs in, or leaves the login to go with the first letters where the server is known to take it so. */
function* enter(hello: Hello, offers: Offers): Asking<Session> {
  const { known, login } = hello
  if (hello.security === 'opportunistic') {
    if (login.kind === 'none') return new Session(hello, offers, undefined)
    throw new Ended({ stage: 'auth', hold: true, why: 'No login is said to a server of which nobody has verified who it is.' })
  }
  const mechanism = chooseMechanism(login, offers.auth, hello.security !== 'none' || hello.loopback, hello.nonce)
  if (!mechanism || login.kind === 'none') return new Session(hello, offers, undefined)
  const proven = known.together === true || known.pipelining === true
  if (mechanism.alone && offers.pipelining && proven && known.together !== false) return new Session(hello, offers, mechanism)
  yield* logIn(mechanism, login.user, hello.capMs)
  return new Session(hello, offers, undefined)
}

function* greet(hello: Hello): Asking<Offers> {
  yield* say(`EHLO ${hello.ehlo}`)
  const reply = yield* hear('ehlo', hello.capMs)
  if (kindOf(reply) === 2) return offersIn(reply)
  if (kindOf(reply) === 5) {
    yield* say(`HELO ${hello.ehlo}`)
    const old = yield* hear('ehlo', hello.capMs)
    if (kindOf(old) === 2)
      return { pipelining: false, chunking: false, dsn: false, eightBit: false, starttls: false, auth: '', size: undefined }
  }
  throw new Ended({ stage: 'ehlo', reply, why: `The server refused our name ${hello.ehlo}: ${quoted(reply)}` })
}

function offersIn(reply: Reply): Offers {
  const lines = reply.text.split('\n').slice(1)
  const parameter = (keyword: string) =>
    lines.find((line) => new RegExp(`^${keyword}(?:[ =]|$)`, 'i').test(line))?.slice(keyword.length + 1)
  const size = Number(parameter('SIZE') || Number.NaN)
  return {
    pipelining: parameter('PIPELINING') !== undefined,
    chunking: parameter('CHUNKING') !== undefined,
    dsn: parameter('DSN') !== undefined,
    eightBit: parameter('8BITMIME') !== undefined,
    starttls: parameter('STARTTLS') !== undefined,
    auth: parameter('AUTH') ?? '',
    size: size > 0 ? size : undefined,
  }
}

/** RFC 3207: required, or nothing is said at all; what was known before counts no more. */
function* secure(hello: Hello, offers: Offers): Asking<Offers> {
  const refuse = (why: string, reply?: Reply) =>
    new Ended({
      stage: 'starttls',
      why,
      hint: 'Nothing was sent. Somebody on the line may have taken the offer away; or use security "tls" with port 465.',
      ...(reply ? { reply } : {}),
    })
  if (!offers.starttls) throw refuse('The server does not offer STARTTLS, which the settings require.')
  yield* say('STARTTLS')
  const reply = yield* hear('starttls', hello.capMs)
  if (reply.code !== 220) throw refuse(`The server refused STARTTLS: ${quoted(reply)}`, reply)
  return yield* shake(hello)
}

/** RFC 7435: better than nothing. A host that does not offer it, or refuses it, is spoken to in clear. */
function* secureIfOffered(hello: Hello, offers: Offers): Asking<Offers> {
  if (!offers.starttls) return offers
  yield* say('STARTTLS')
  const reply = yield* hear('starttls', hello.capMs)
  return reply.code === 220 ? yield* shake(hello) : offers
}

function* shake(hello: Hello): Asking<Offers> {
  const answer = yield { kind: 'secure' }
  if ('lost' in answer) throw new Ended({ ...answer.fault, stage: answer.code === 'EPLAINTEXT' ? 'starttls' : 'tls', why: answer.lost })
  return yield* greet(hello)
}
