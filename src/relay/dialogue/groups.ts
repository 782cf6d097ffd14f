import type { Letter } from '../../mail/letter.ts'
import type { Reply } from '../outcome.ts'
import { kindOf } from '../reply.ts'
import { type Asking, Ended, hear, say, sayContent } from './ask.ts'
import { dataContent } from './content.ts'
import { sayEnvelope, settleBy, settleMailAlone } from './envelope.ts'
import type { Session } from './session.ts'
import { hearContent } from './steps.ts'

/**
 * Groups: letters by DATA to a server that pipelines (RFC 2920). The envelope and DATA of a letter leave in one group, and the content of a
 * letter together with the envelope of the next: one round trip a letter.
 */
export function* groups(session: Session): Asking<void> {
  const { hello } = session
  let letter = yield* session.next()
  if (letter) yield* session.sayLogin()
  /** The envelope of `letter` was said together with the content before it. */
  let said = false
  while (letter) {
    const current: Letter = letter
    if (!said) yield* sayGroup(current, session)
    yield* session.hearLogin()
    const accepted = yield* hearGroup(current, session)
    said = false
    if (!accepted) {
      yield* say('RSET')
      yield* hear('mail', hello.capMs)
      letter = yield* session.next()
      continue
    }
    if (accepted.length === 0) {
      // Everybody was refused, but the server wants content: a lone dot, and nothing is delivered (RFC 2920 section 3.1).
      yield* sayContent(dataContent(new Uint8Array()))
      yield* hear('content', hello.capMs)
      letter = yield* session.next()
      continue
    }
    const end = yield* sayContent(dataContent(current.content))
    letter = yield* session.next()
    if (letter) {
      yield* sayGroup(letter, session)
      said = true
    }
    yield* hearContent(current, accepted, end, hello.capMs)
  }
}

function* sayGroup(letter: Letter, { offers }: Session): Asking<void> {
  yield* sayEnvelope(letter, offers, true)
  yield* say('DATA')
}

/** Every reply of a group. Who was accepted; undefined when no content may follow. */
function* hearGroup(letter: Letter, session: Session): Asking<string[] | undefined> {
  const { capMs } = session.hello
  const mail = yield* hear('mail', capMs)
  const replies: [string, Reply][] = []
  let data: Reply
  try {
    for (const to of letter.to) replies.push([to, yield* hear('rcpt', capMs)])
    data = yield* hear('data', capMs)
  } catch (error) {
    // It answered the first of a group and then no more: some servers throw away what came with it.
    if (error instanceof Ended && session.known.pipelining === undefined) yield* session.learn('pipelining', false)
    throw error
  }
  if (session.known.pipelining === undefined) yield* session.learn('pipelining', true)
  if (kindOf(mail) !== 2) {
    yield* settleMailAlone(letter, mail)
    return data.code === 354 ? [] : undefined
  }
  const accepted: string[] = []
  for (const [to, reply] of replies)
    if (kindOf(reply) === 2) accepted.push(to)
    else yield* settleBy(letter, [to], reply, 'rcpt')
  if (data.code === 354) return accepted
  yield* settleBy(letter, accepted, data, 'data')
  return undefined
}
