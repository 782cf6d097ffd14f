import type { Letter } from '../../mail/letter.ts'
import type { Fault, Offers, Outcome, Reply } from '../outcome.ts'
import { kindOf, quoted } from '../reply.ts'
import { isAboutSender, isAboutUs } from '../unwanted.ts'
import { type Asking, closing, Ended, say } from './ask.ts'

/**
 * Envelope: MAIL and RCPT of a letter, and what the answers to them mean for its recipients. The three ways of sending letters (chain, groups,
 * steps) share it.
 */
export type Said = 'mail' | 'rcpt' | 'data' | 'content'

/** `sized`: the content goes by DATA, so its size must be told beforehand (RFC 1870); BDAT tells it anyway. */
export function* sayEnvelope(letter: Letter, offers: Offers, sized: boolean): Asking<void> {
  yield* say(mailLine(letter, offers, sized))
  for (const to of letter.to) yield* say(rcptLine(letter, to, offers))
}

export const mailLine = (letter: Letter, offers: Offers, sized: boolean): string =>
  [
    `MAIL FROM:<${letter.from}>`,
    ...(sized && offers.size !== undefined ? [`SIZE=${letter.content.length}`] : []),
    ...(letter.eightBit ? ['BODY=8BITMIME'] : []),
    ...(asksForReport(letter, offers) ? ['RET=HDRS', `ENVID=${envelopeId(letter)}`] : []),
  ].join(' ')

/**
 * RFC 3461: a letter that is urgent is named by its own id in any report, wants only its headers back, and wants to hear of a delay. All others are
 * reported on when they fail even without asking, and known by their Message-ID: forty octets a letter are dear on a thin link.
 */
const asksForReport = (letter: Letter, offers: Offers): boolean => offers.dsn && letter.urgent === true && letter.from !== ''

export const rcptLine = (letter: Letter, to: string, offers: Offers): string =>
  `RCPT TO:<${to}>${asksForReport(letter, offers) ? ' NOTIFY=FAILURE,DELAY' : ''}`

/** The left side of the Message-ID, which is made of xtext characters only (RFC 3461 section 4). */
export const envelopeId = (letter: Letter): string =>
  letter.envelopeId ?? /^<([^@>]{1,100})@/.exec(letter.messageId)?.[1] ?? `o${letter.id}`

/** The next letter that the server can take; one that it cannot, as it said itself, is refused here, without a round trip. */
export function* next(offers: Offers): Asking<Letter | undefined> {
  for (;;) {
    const answer = yield { kind: 'next' }
    const letter = 'letter' in answer ? answer.letter : undefined
    const why = letter && misfit(letter, offers)
    if (!letter || why === undefined) return letter
    yield* settle(letter, letter.to, { kind: 'refused', why })
  }
}

/** RFC 1870 section 6.1, RFC 6152 section 3. */
function misfit({ content, eightBit }: Letter, offers: Offers): string | undefined {
  if (offers.size !== undefined && content.length > offers.size)
    return `The letter has ${content.length} octets; the server takes ${offers.size} at most.`
  return eightBit && !offers.eightBit
    ? 'The mail holds octets above 127, and the server does not offer 8BITMIME: set its device to quoted-printable or base64.'
    : undefined
}

export function* settle(letter: Letter, recipients: Iterable<string>, outcome: Outcome): Asking<void> {
  for (const to of recipients) yield { kind: 'settle', letter: letter.id, to, outcome }
}

/** Settles these recipients by an answer that was not yes. */
export function* settleBy(letter: Letter, recipients: Iterable<string>, reply: Reply, said: Said): Asking<void> {
  yield* settle(letter, recipients, fateOf(reply, said))
}

/**
 * 5yz never, 4yz not now: the first digit decides (RFC 5321 section 4.2.1). But a 5yz to a recipient or a letter that is about us lasts only until somebody
 * has mended the settings, or the server: the recipient waits. Only this one, for a server may pass mail on to some domains and not to others.
 */
function fateOf(reply: Reply, said: Said): Outcome {
  const why = `${at[said]}: ${quoted(reply)}`
  const never = kindOf(reply) === 5
  if (never && turnsUsAway[said](reply)) return { kind: 'deferred', why, reply, aboutUs: true }
  return never ? { kind: 'refused', why, reply } : { kind: 'deferred', why, reply }
}

/** A MAIL that is settled and no fault is about the size or the form of the letter. */
const turnsUsAway: Readonly<Record<Said, (reply: Reply) => boolean>> = {
  mail: () => false,
  rcpt: isAboutUs,
  data: isAboutSender,
  content: isAboutSender,
}

const at: Readonly<Record<Said, string>> = {
  mail: 'The server answered to the sender',
  rcpt: 'The server answered to the recipient',
  data: 'The server does not want the content',
  content: 'The server answered to the letter',
}

/**
 * MAIL was not taken. 4yz: not now. 5yz about the size or the form: this letter never. Any other 5yz is about our sender or account: it is a
 * fault, which is returned, and letters wait.
 */
export function* settleMail(letter: Letter, reply: Reply): Asking<Fault | undefined> {
  const aboutLetter = reply.code === 552 || /^5\.(2\.3|3\.4|6\.\d+)$/.test(reply.enhanced ?? '')
  if (kindOf(reply) === 4 || aboutLetter) {
    yield* settleBy(letter, letter.to, reply, 'mail')
    return undefined
  }
  const login = [530, 534, 535, 538].includes(reply.code)
  return {
    stage: 'mail',
    reply,
    hold: login,
    why: `The server refused our sender ${letter.from}: ${quoted(reply)}`,
    hint: login ? 'It wants a login: set auth of this relay.' : 'Look at mail.from: it must be an address that this relay lets you use.',
  }
}

/** The same where nothing else is in the air: a fault ends the dialogue. */
export function* settleMailAlone(letter: Letter, reply: Reply): Asking<void> {
  const fault = yield* settleMail(letter, reply)
  if (fault) throw new Ended(fault)
}

/** The last reply of a letter, for whom the server took it. */
export function* settleContent(letter: Letter, accepted: readonly string[], reply: Reply): Asking<void> {
  if (kindOf(reply) === 2) yield* settle(letter, accepted, { kind: 'delivered', reply })
  else yield* settleBy(letter, accepted, reply, 'content')
  if (reply.code === 421) throw closing('content', reply)
}

/** When the last reply does not come, the server may or may not have the letter (RFC 1047). */
export const uncertain = (lost: string): Outcome => ({
  kind: 'uncertain',
  why: `The connection ended before the server confirmed the letter: ${lost}`,
})
