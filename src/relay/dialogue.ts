import type { Letter } from '../mail/letter.ts'
import { type Asking, Ended, hear, listen, say } from './ask.ts'
import { dataContent } from './content.ts'
import { chooseMechanism, type Login, logIn } from './login.ts'
import type { Fault, Reply } from './outcome.ts'
import { kindOf, quoted } from './reply.ts'

/**
 * Dialogue: one SMTP session, as what to say given what was heard. No socket, no clock.
 *
 * With PIPELINING (RFC 2920) the envelope and DATA of a letter leave in one group, and the content of a letter together with the envelope of
 * the next: one round trip a letter. Without it, step by step. Each recipient of each letter is settled, or left as it was.
 */
export type Hello = {
  /** The name that we give ourselves: a host name or an address literal. */
  ehlo: string
  security: 'tls' | 'starttls' | 'none'
  login: Login
  /** New for each session: printable ASCII without a comma, unguessable. */
  nonce: string
  /** The relay is this very machine: a password may go in clear. */
  loopback: boolean
  /** Longest wait for any reply but the last one of a letter, in ms. */
  capMs: number
}

type Offers = { pipelining: boolean; size: number | undefined; starttls: boolean; auth: string }

export function* dialogue(hello: Hello): Asking<{ fault?: Fault }> {
  try {
    const greeting = yield* hear('greeting', hello.capMs)
    if (kindOf(greeting) !== 2)
      throw new Ended({ stage: 'greeting', reply: greeting, why: `The server does not want to talk: ${quoted(greeting)}` })
    let offers = yield* greet(hello)
    if (hello.security === 'starttls') offers = yield* secure(hello, offers)
    const mechanism = chooseMechanism(hello.login, offers.auth, hello.security !== 'none' || hello.loopback, hello.nonce)
    if (mechanism && hello.login.kind !== 'none') yield* logIn(mechanism, hello.login.user, hello.capMs)
    yield* letters(hello, offers)
    yield* say('QUIT')
    yield* listen('quit', hello.capMs)
    return {}
  } catch (error) {
    if (error instanceof Ended) return { fault: error.fault }
    throw error
  }
}

function* greet(hello: Hello): Asking<Offers> {
  yield* say(`EHLO ${hello.ehlo}`)
  const reply = yield* hear('ehlo', hello.capMs)
  if (kindOf(reply) === 2) return offersIn(reply)
  if (kindOf(reply) === 5) {
    yield* say(`HELO ${hello.ehlo}`)
    const old = yield* hear('ehlo', hello.capMs)
    if (kindOf(old) === 2) return { pipelining: false, size: undefined, starttls: false, auth: '' }
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
  const answer = yield { kind: 'secure' }
  if ('lost' in answer) throw new Ended({ stage: answer.code === 'EPLAINTEXT' ? 'starttls' : 'tls', why: answer.lost })
  return yield* greet(hello)
}

function* letters(hello: Hello, offers: Offers): Asking<void> {
  let letter = yield* next(offers)
  /** The envelope of `letter` was said together with the content before it. */
  let said = false
  while (letter) {
    const current: Letter = letter
    if (offers.pipelining && !said) yield* sayEnvelope(current, offers)
    const accepted = offers.pipelining ? yield* hearEnvelope(current, hello) : yield* stepEnvelope(current, offers, hello)
    said = false
    if (!accepted) {
      yield* say('RSET')
      yield* hear('mail', hello.capMs)
      letter = yield* next(offers)
      continue
    }
    if (accepted.length === 0) {
      // Everybody was refused, but the server wants content: a lone dot, and nothing is delivered (RFC 2920 section 3.1).
      yield { kind: 'content', bytes: dataContent(new Uint8Array()) }
      yield* hear('content', hello.capMs)
      letter = yield* next(offers)
      continue
    }
    yield { kind: 'content', bytes: dataContent(current.content) }
    letter = yield* next(offers)
    if (letter && offers.pipelining) {
      yield* sayEnvelope(letter, offers)
      said = true
    }
    yield* settleContent(current, accepted, hello)
  }
}

/** The next letter that fits; one that the server said is too large for it is refused here, without a round trip (RFC 1870). */
function* next(offers: Offers): Asking<Letter | undefined> {
  for (;;) {
    const answer = yield { kind: 'next' }
    const letter = 'letter' in answer ? answer.letter : undefined
    if (!letter || offers.size === undefined || letter.content.length <= offers.size) return letter
    for (const to of letter.to)
      yield {
        kind: 'settle',
        letter: letter.id,
        to,
        outcome: { kind: 'refused', why: `The letter has ${letter.content.length} octets; the server takes ${offers.size} at most.` },
      }
  }
}

const mailLine = (letter: Letter, offers: Offers): string =>
  `MAIL FROM:<${letter.from}>${offers.size === undefined ? '' : ` SIZE=${letter.content.length}`}`

function* sayEnvelope(letter: Letter, offers: Offers): Asking<void> {
  yield* say(mailLine(letter, offers))
  for (const to of letter.to) yield* say(`RCPT TO:<${to}>`)
  yield* say('DATA')
}

/** Every reply of a group. Who was accepted; undefined when no content may follow. */
function* hearEnvelope(letter: Letter, hello: Hello): Asking<string[] | undefined> {
  const mail = yield* hear('mail', hello.capMs)
  const replies: [string, Reply][] = []
  for (const to of letter.to) replies.push([to, yield* hear('rcpt', hello.capMs)])
  const data = yield* hear('data', hello.capMs)
  if (kindOf(mail) !== 2) {
    yield* settleMail(letter, mail)
    if (data.code !== 354) return undefined
    return []
  }
  const accepted: string[] = []
  for (const [to, reply] of replies) if (yield* settleRecipient(letter, to, reply)) accepted.push(to)
  if (data.code === 354) return accepted
  if (accepted.length > 0) yield* settleAll(letter, accepted, data, 'data')
  return undefined
}

/** The same, one command at a time. */
function* stepEnvelope(letter: Letter, offers: Offers, hello: Hello): Asking<string[] | undefined> {
  yield* say(mailLine(letter, offers))
  const mail = yield* hear('mail', hello.capMs)
  if (kindOf(mail) !== 2) {
    yield* settleMail(letter, mail)
    return undefined
  }
  const accepted: string[] = []
  for (const to of letter.to) {
    yield* say(`RCPT TO:<${to}>`)
    if (yield* settleRecipient(letter, to, yield* hear('rcpt', hello.capMs))) accepted.push(to)
  }
  if (accepted.length === 0) return undefined
  yield* say('DATA')
  const data = yield* hear('data', hello.capMs)
  if (data.code === 354) return accepted
  yield* settleAll(letter, accepted, data, 'data')
  return undefined
}

/** 4yz: not now. 5yz about the size or the form: this letter never. Any other 5yz is about our sender or account, so letters wait. */
function* settleMail(letter: Letter, reply: Reply): Asking<void> {
  if (kindOf(reply) === 4) return yield* settleAll(letter, letter.to, reply, 'mail')
  const aboutLetter = reply.code === 552 || /^5\.(2\.3|3\.4|6\.\d+)$/.test(reply.enhanced ?? '')
  if (aboutLetter) return yield* settleAll(letter, letter.to, reply, 'mail')
  const login = [530, 534, 535, 538].includes(reply.code)
  throw new Ended({
    stage: 'mail',
    reply,
    hold: login,
    why: `The server refused our sender ${letter.from}: ${quoted(reply)}`,
    hint: login ? 'It wants a login: set auth of this relay.' : 'Look at mail.from: it must be an address that this relay lets you use.',
  })
}

/** True when the server takes mail for this recipient. */
function* settleRecipient(letter: Letter, to: string, reply: Reply): Asking<boolean> {
  if (kindOf(reply) === 2) return true
  yield* settleAll(letter, [to], reply, 'rcpt')
  return false
}

function* settleAll(
  letter: Letter,
  recipients: readonly string[],
  reply: Reply,
  stage: 'mail' | 'rcpt' | 'data' | 'content',
): Asking<void> {
  const why = `${at[stage]}: ${quoted(reply)}`
  const never = kindOf(reply) === 5
  for (const to of recipients)
    yield { kind: 'settle', letter: letter.id, to, outcome: never ? { kind: 'refused', why, reply } : { kind: 'deferred', why, reply } }
}

const at = {
  mail: 'The server answered to the sender',
  rcpt: 'The server answered to the recipient',
  data: 'The server does not want the content',
  content: 'The server answered to the letter',
}

/** The last reply of a letter. When it does not come, the server may or may not have the letter (RFC 1047). */
function* settleContent(letter: Letter, accepted: readonly string[], hello: Hello): Asking<void> {
  const heard = yield* listen('content', hello.capMs)
  if ('lost' in heard) {
    for (const to of accepted)
      yield {
        kind: 'settle',
        letter: letter.id,
        to,
        outcome: { kind: 'uncertain', why: `The connection ended before the server confirmed the letter: ${heard.lost}` },
      }
    throw new Ended({ stage: 'content', why: heard.lost })
  }
  const { reply } = heard
  if (kindOf(reply) === 2) for (const to of accepted) yield { kind: 'settle', letter: letter.id, to, outcome: { kind: 'delivered', reply } }
  else yield* settleAll(letter, accepted, reply, 'content')
  if (reply.code === 421) throw new Ended({ stage: 'content', reply, why: `The server closes the connection: ${reply.text}` })
}
