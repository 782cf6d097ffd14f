import type { Letter } from '../../mail/letter.ts'
import { kindOf } from '../reply.ts'
import { type Asking, broken, hear, listen, say, sayContent } from './ask.ts'
import { dataContent } from './content.ts'
import { mailLine, rcptLine, settle, settleBy, settleContent, settleMailAlone, uncertain } from './envelope.ts'
import type { Session } from './session.ts'

/** Steps: letters to a server that offers nothing, one command at a time (RFC 5321 section 3.3). */
export function* steps(session: Session): Asking<void> {
  const { hello } = session
  for (let letter = yield* session.next(); letter; letter = yield* session.next()) {
    const accepted = yield* envelope(letter, session)
    if (!accepted) {
      yield* say('RSET')
      yield* hear('mail', hello.capMs)
      continue
    }
    yield* content(letter, accepted, hello.capMs)
  }
}

/** Who was accepted; undefined when no content may follow. */
function* envelope(letter: Letter, { offers, hello }: Session): Asking<string[] | undefined> {
  yield* say(mailLine(letter, offers, true))
  const mail = yield* hear('mail', hello.capMs)
  if (kindOf(mail) !== 2) {
    yield* settleMailAlone(letter, mail)
    return undefined
  }
  const accepted: string[] = []
  for (const to of letter.to) {
    yield* say(rcptLine(letter, to, offers))
    const reply = yield* hear('rcpt', hello.capMs)
    if (kindOf(reply) === 2) accepted.push(to)
    else yield* settleBy(letter, [to], reply, 'rcpt')
  }
  if (accepted.length === 0) return undefined
  yield* say('DATA')
  const data = yield* hear('data', hello.capMs)
  if (data.code === 354) return accepted
  yield* settleBy(letter, accepted, data, 'data')
  return undefined
}

/** The content by DATA, and its reply. */
export function* content(letter: Letter, accepted: readonly string[], capMs: number): Asking<void> {
  const end = yield* sayContent(dataContent(letter.content))
  yield* hearContent(letter, accepted, end, capMs)
}

/** `end`: octets said with the last one of the content. A letter of which some never left is as it was. */
export function* hearContent(letter: Letter, accepted: readonly string[], end: number, capMs: number): Asking<void> {
  const heard = yield* listen('content', capMs)
  if ('lost' in heard) {
    if (end <= heard.handed) yield* settle(letter, accepted, uncertain(heard.lost))
    throw broken('content', heard)
  }
  yield* settleContent(letter, accepted, heard.reply)
}
