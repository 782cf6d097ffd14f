import { type Asking, Ended, listen, say } from '../dialogue/ask.ts'
import { kindOf } from '../reply.ts'
import { hush, loginFault } from './login-fault.ts'
import { oauthBearer, xoauth2 } from './sasl/bearer.ts'
import { cramMd5 } from './sasl/cram-md5.ts'
import { login as loginMechanism } from './sasl/login.ts'
import { base64, type Mechanism, Unsound } from './sasl/mechanism.ts'
import { plain } from './sasl/plain.ts'
import { scramSha256 } from './sasl/scram.ts'

export { hush, loginFault } from './login-fault.ts'
export type { Mechanism } from './sasl/mechanism.ts'

/**
 * Login: AUTH (RFC 4954), over an encrypted line or to this very machine only. A refused login holds the relay: providers lock out who knocks
 * again.
 */
export type Login =
  | { kind: 'none' }
  /** `only`: the one mechanism to use, as the server names it, where its first choice does not work. */
  | { kind: 'password'; user: string; password: string; only?: string }
  /** An OAuth2 access token that is still good. */
  | { kind: 'token'; user: string; token: string }

/** More challenges than any mechanism here has. */
const challengesLimit = 6

/**
 * What to log in with: the best that the server offers and the login allows; undefined when there is no login. Throws `Ended` when nothing may
 * be said here. `offered`: the parameters of AUTH in the answer to EHLO; `nonce`: printable ASCII without a comma, new for each login.
 */
export function chooseMechanism(login: Login, offered: string, safe: boolean, nonce: string): Mechanism | undefined {
  if (login.kind === 'none') return undefined
  if (!safe)
    throw new Ended({
      stage: 'auth',
      why: 'No password is sent over an unencrypted connection.',
      hint: 'Set security to "tls" (port 465) or "starttls" (port 587).',
      hold: true,
    })
  if (login.kind === 'password' && login.password === '')
    throw new Ended({
      stage: 'auth',
      why: `There is no password for ${login.user}.`,
      hint: 'Put it into secrets.json under the name that auth.password has. Then: outpost queue retry.',
      hold: true,
    })
  const offers = offered.toUpperCase().split(/[ =]+/)
  const only = login.kind === 'password' ? login.only?.toUpperCase() : undefined
  const possible = ways(login, nonce).filter(([name]) => offers.includes(name) && (only === undefined || only === name))
  for (const [, make] of possible) {
    const mechanism = make()
    if (mechanism) return mechanism
  }
  throw possible.length > 0 ? cannotCarry(possible.map(([name]) => name)) : nothingKnown(login, offered, only)
}

const cannotCarry = (names: readonly string[]): Ended =>
  new Ended({
    stage: 'auth',
    hold: true,
    why: `User or password hold characters that ${names.join(' and ')} cannot carry.`,
    hint: 'Choose a password of letters, digits and signs of the keyboard. Then: outpost queue retry.',
  })

const nothingKnown = (login: Login, offered: string, only: string | undefined): Ended =>
  new Ended({
    stage: 'auth',
    why: `The server offers no login that ${only === undefined ? 'is known here' : `is ${only}`} (it offers ${offered || 'none'}).`,
    hint:
      login.kind === 'token'
        ? 'This server takes no access token; use auth of kind password.'
        : 'Look at the port: login is usually offered on 465 and 587 only.',
  })

type Way = [name: string, make: () => Mechanism | undefined]

/**
 * Best first. SCRAM costs two round trips more than PLAIN, and is worth them: the password does not leave, and the server proves that it knows
 * it, so whoever was put between by a certificate under `ca` learns nothing. Inside TLS PLAIN gives no more away than LOGIN, in one round
 * trip and beside other commands. CRAM-MD5 comes last: it makes the server keep the password in clear, for a digest that TLS does not need.
 */
function ways(login: Exclude<Login, { kind: 'none' }>, nonce: string): Way[] {
  const { user } = login
  if (login.kind === 'token')
    return [
      ['OAUTHBEARER', () => oauthBearer(user, login.token)],
      ['XOAUTH2', () => xoauth2(user, login.token)],
    ]
  return [
    ['SCRAM-SHA-256', () => scramSha256(user, login.password, nonce)],
    ['PLAIN', () => plain(user, login.password)],
    ['LOGIN', () => loginMechanism(user, login.password)],
    ['CRAM-MD5', () => cramMd5(user, login.password)],
  ]
}

/** The whole login. Throws `Ended` when it was refused, or when the server is not who it should be. */
export function* logIn(mechanism: Mechanism, user: string, capMs: number): Asking<void> {
  yield* say(mechanism.first, true)
  yield* hearLogin(mechanism, user, capMs)
}

/**
 * The login after `mechanism.first` was said. `grouped`: other commands left together with it (only where it is `alone`), so that nothing is
 * answered here: the server takes the next command for the answer to its challenge, and its next reply is the final one.
 */
export function* hearLogin(mechanism: Mechanism, user: string, capMs: number, grouped = false): Asking<void> {
  const secrets = [...mechanism.secrets]
  for (let challenges = 0; challenges < challengesLimit; challenges++) {
    const heard = yield* listen('auth', capMs)
    if ('lost' in heard) throw new Ended({ stage: 'auth', why: heard.lost })
    const { reply } = heard
    if (reply.code === 334) {
      if (!grouped) secrets.push(yield* react(mechanism, reply.text, capMs))
      continue
    }
    if (kindOf(reply) !== 2) throw loginFault(user, { ...reply, text: hush(reply.text, secrets) }, mechanism)
    const why = mechanism.doubt()
    if (why !== undefined) throw new Ended({ stage: 'auth', why })
    return
  }
  throw new Ended({ stage: 'auth', why: 'The server kept asking during the login.' })
}

/** Answers a challenge, or breaks off with `*` (RFC 4954 section 4) when it is unsound. */
function* react(mechanism: Mechanism, challenge: string, capMs: number): Asking<string> {
  try {
    const answer = mechanism.answer(challenge)
    yield* say(answer, true)
    return answer
  } catch (error) {
    if (!(error instanceof Unsound)) throw error
    yield* say('*')
    yield* listen('auth', capMs)
    throw new Ended({ stage: 'auth', why: error.message })
  }
}

/** What of a login no line may show. */
export function secretsOf(login: Login): string[] {
  if (login.kind === 'none') return []
  const secret = login.kind === 'password' ? login.password : login.token
  return [secret, base64(secret)]
}
