import { type Asking, Ended, hear, say } from './ask.ts'
import type { Reply } from './outcome.ts'
import { kindOf, quoted } from './reply.ts'

export type Login = { kind: 'none' } | { kind: 'password'; user: string; password: string }

/**
 * AUTH (RFC 4954) by PLAIN or LOGIN, with the initial response, over an encrypted line or to this very machine only. A refused password holds
 * the relay: providers lock out who knocks again.
 */
export function* logIn(login: Login, offered: string, safe: boolean, capMs: number): Asking<void> {
  if (login.kind === 'none') return
  if (!safe)
    throw new Ended({
      stage: 'auth',
      why: 'No password is sent over an unencrypted connection.',
      hint: 'Set security to "tls" (port 465) or "starttls" (port 587).',
      hold: true,
    })
  const mechanisms = offered.toUpperCase().split(/[ =]+/)
  if (mechanisms.includes('PLAIN')) yield* say(plainLine(login), true)
  else if (mechanisms.includes('LOGIN')) yield* say(`AUTH LOGIN ${base64(login.user)}`, true)
  else
    throw new Ended({
      stage: 'auth',
      why: `The server offers no login that is known here (it offers ${offered || 'none'}).`,
      hint: 'Look at the port: login is usually offered on 465 and 587 only.',
    })
  for (let steps = 0; steps < 4; steps++) {
    const reply = yield* hear('auth', capMs)
    if (kindOf(reply) === 2) return
    if (reply.code === 334) {
      // LOGIN asks for the name again where it does not know initial responses.
      const wantsName = /^user/i.test(Buffer.from(reply.text, 'base64').toString())
      yield* say(base64(wantsName ? login.user : login.password), true)
      continue
    }
    throw loginFault(login, reply)
  }
  throw new Ended({ stage: 'auth', why: 'The server kept asking during the login.' })
}

/** A final reply that was not yes: 5yz holds the relay, 4yz is tried again (RFC 4954 section 6). */
export function loginFault(login: Login, reply: Reply): Ended {
  const hold = kindOf(reply) === 5
  return new Ended({
    stage: 'auth',
    reply,
    hold,
    why: `The server refused the login of ${login.kind === 'none' ? 'nobody' : login.user}: ${quoted(reply)}`,
    ...(hold ? { hint: 'Check user and password; some providers want an app password. Then: outpost queue retry.' } : {}),
  })
}

/** The AUTH line of a login that is this line and its reply, and may leave together with letters; undefined when there is none. */
export const aloneLogin = (login: Login, offered: string, safe: boolean): string | undefined =>
  login.kind === 'password' && safe && offered.toUpperCase().split(/[ =]+/).includes('PLAIN') ? plainLine(login) : undefined

const plainLine = (login: { user: string; password: string }): string => `AUTH PLAIN ${base64(`\0${login.user}\0${login.password}`)}`

const base64 = (text: string): string => Buffer.from(text).toString('base64')
