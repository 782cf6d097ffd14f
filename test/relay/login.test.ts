import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Ended } from '../../src/relay/dialogue/ask.ts'
import { chooseMechanism, type Login, logIn, secretsOf } from '../../src/relay/login/login.ts'
import type { Fault, Reply } from '../../src/relay/outcome.ts'
import { letter, replay } from './replay.ts'

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const password: Login = { kind: 'password', user: 'ps7@example.org', password: 'hunter22' }
const token: Login = { kind: 'token', user: 'ps7@example.org', token: 'ya29.access' }
const offering = (auth: string) => `S: 220 relay\nS: 250-relay\nS: 250 AUTH ${auth}`
const story = (auth: string, rest: string, login: Login = password, nonce = 'nonce') =>
  replay(`${offering(auth)}\n${rest}`, [letter(1)], { login, loopback: true, nonce })

const choices: [login: Login, offered: string, chosen: string][] = [
  [password, 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256', 'SCRAM-SHA-256'],
  [password, 'CRAM-MD5 LOGIN PLAIN XOAUTH2', 'PLAIN'],
  [password, 'CRAM-MD5 LOGIN', 'LOGIN'],
  [password, 'DIGEST-MD5 CRAM-MD5', 'CRAM-MD5'],
  [password, 'scram-sha-1 scram-sha-256-plus plain', 'PLAIN'],
  [{ ...password, only: 'plain' }, 'PLAIN SCRAM-SHA-256', 'PLAIN'],
  [{ ...password, password: 'a\u0007b' }, 'PLAIN SCRAM-SHA-256', 'PLAIN'],
  [{ ...password, password: 'a\0b' }, 'PLAIN LOGIN', 'LOGIN'],
  [token, 'PLAIN XOAUTH2 OAUTHBEARER', 'OAUTHBEARER'],
  [token, 'LOGIN XOAUTH2', 'XOAUTH2'],
]
for (const [login, offered, chosen] of choices)
  test(`of ${offered} a ${login.kind}${login.kind === 'password' ? ` ${JSON.stringify(login.password)}` : ''} takes ${chosen}`, () =>
    assert.equal(chooseMechanism(login, offered, true, 'nonce')?.name, chosen))

const noChoice: [login: Login, offered: string, safe: boolean, says: RegExp, hold: boolean][] = [
  [password, 'PLAIN', false, /unencrypted/, true],
  [token, 'XOAUTH2', false, /unencrypted/, true],
  [{ ...password, password: '' }, 'PLAIN', true, /no password for ps7@example\.org/, true],
  [password, 'XOAUTH2 OAUTHBEARER', true, /offers XOAUTH2 OAUTHBEARER/, false],
  [password, '', true, /offers none/, false],
  [token, 'PLAIN', true, /no login that is known/, false],
  [{ ...password, only: 'cram-md5' }, 'PLAIN', true, /is CRAM-MD5/, false],
  [{ ...password, password: 'a\0b' }, 'PLAIN', true, /PLAIN cannot carry/, true],
]
for (const [login, offered, safe, says, hold] of noChoice)
  test(`${login.kind} on "${offered}"${safe ? '' : ' in clear'}: nothing is said, and why is told (${says.source})`, () =>
    assert.throws(
      () => chooseMechanism(login, offered, safe, 'nonce'),
      (error) => error instanceof Ended && says.test(error.fault.why) && (error.fault.hold ?? false) === hold,
    ))

test('no login is no mechanism', () => assert.equal(chooseMechanism({ kind: 'none' }, 'PLAIN', false, 'nonce'), undefined))

test('SCRAM-SHA-256 in a session: three answers, and mail only after the server has proven itself', () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO'
  const full = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
  const opening = `C: EHLO ps7.example.org
    C: AUTH SCRAM-SHA-256 ${b64(`n,,n=user,r=${nonce}`)}
    S: 334 ${b64(`r=${full},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)}
    C: ${b64(`c=biws,r=${full},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`)}`
  const pencil: Login = { kind: 'password', user: 'user', password: 'pencil' }
  const proven = story(
    'PLAIN SCRAM-SHA-256',
    `${opening}
    S: 334 ${b64('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')}
    C:${' '}
    S: 235 2.7.0 welcome
    C: MAIL FROM:<ps7@example.org>`,
    pencil,
    nonce,
  )
  assert.equal(proven.fault?.stage, 'mail', 'the story ends there')
  const unproven = story('PLAIN SCRAM-SHA-256', `${opening}\nS: 235 2.7.0 welcome\nS: 250 ok`, pencil, nonce)
  assert.match(unproven.fault?.why ?? '', /did not prove/)
  assert.ok(!unproven.said.some((line) => line.startsWith('MAIL')))
  const forged = story(
    'PLAIN SCRAM-SHA-256',
    `${opening}\nS: 334 ${b64(`v=${b64('x'.repeat(32))}`)}\nC: *\nS: 501 cancelled\nS: 250 ok`,
    pencil,
    nonce,
  )
  assert.match(forged.fault?.why ?? '', /could not prove/)
  assert.ok(!forged.said.some((line) => line.startsWith('MAIL')))
})

test('CRAM-MD5 in a session', () => {
  const { said, fault } = story('CRAM-MD5', `C: EHLO ps7.example.org\nC: AUTH CRAM-MD5\nS: 334 ${b64('<1@a>')}\nS: 235 ok\nS: ‹gone›`)
  const digest = createHmac('md5', 'hunter22').update('<1@a>').digest('hex')
  assert.equal(Buffer.from(said[2] ?? '', 'base64').toString(), `ps7@example.org ${digest}`)
  assert.equal(fault?.stage, 'mail')
})

test('LOGIN on a server that knows no initial response gives the name again when it is asked for it', () => {
  const { said, fault } = story('LOGIN', `S: 334 ${b64('Username:')}\nS: 334 ${b64('Password:')}\nS: 235 ok\nS: ‹gone›`)
  assert.deepEqual(said.slice(1, 4), [`AUTH LOGIN ${b64('ps7@example.org')}`, b64('ps7@example.org'), b64('hunter22')])
  assert.equal(fault?.stage, 'mail')
})

test('PLAIN on a server that knows no initial response says it when it is asked', () => {
  const { said, fault } = story('PLAIN', 'S: 334\nS: 235 ok\nS: ‹gone›')
  assert.equal(said[2], b64('\0ps7@example.org\0hunter22'))
  assert.equal(fault?.stage, 'mail')
})

const dialects: [name: string, answer: string][] = [
  ['OAUTHBEARER', 'AQ=='],
  ['XOAUTH2', ''],
]
for (const [name, answer] of dialects)
  test(`a token that ${name} does not want is told from a password: the challenge is answered, the fault says token`, () => {
    const first = chooseMechanism(token, name, true, 'nonce')?.first
    const { fault } = story(
      name,
      `C: EHLO ps7.example.org
      C: ${first}
      S: 334 ${b64('{"status":"invalid_token"}')}
      C: ${answer}
      S: 535 5.7.8 no`,
      token,
    )
    assert.equal(fault?.token, true)
    assert.equal(fault?.hold, true)
  })

test('a long token is said in two steps, as RFC 4954 wants', () => {
  const long: Login = { ...token, token: 'y'.repeat(2000) }
  const { said, fault } = story('XOAUTH2', 'S: 334\nS: 235 ok\nS: ‹gone›', long)
  assert.equal(said[1], 'AUTH XOAUTH2')
  assert.match(Buffer.from(said[2] ?? '', 'base64').toString(), /^user=ps7@example\.org\u0001auth=Bearer y{2000}/)
  assert.equal(fault?.stage, 'mail')
})

test('a server that never stops asking is left', () => {
  const { fault, said } = story('LOGIN', `S: 334 ${b64('Username:')}\n`.repeat(20))
  assert.equal(fault?.stage, 'auth')
  assert.ok(said.length < 12)
})

const replies: [reply: string, hold: boolean, cure: RegExp][] = [
  ['535 5.7.8 authentication failed', true, /Check user and password/],
  ['535 5.7.8 Username and Password not accepted. Application-specific password required', true, /app password/],
  ['534 5.7.9 mechanism too weak', true, /auth\.mechanism/],
  ['534-5.7.14 Please log in via your web browser\nS: 534 5.7.14 and then try again', true, /browser/],
  ['538 5.7.11 encryption required', true, /"tls"/],
  ['530 5.7.0 Must issue a STARTTLS command first', true, /"starttls"/],
  ['504 5.5.4 unrecognised authentication type', true, /auth\.mechanism/],
  ['535 5.7.139 Authentication unsuccessful, basic authentication is disabled', true, /oauth2/],
  ['550 5.7.30 Basic authentication is not supported for Client Submission', true, /oauth2/],
  ['535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant', true, /administrator/],
  ['501 5.5.2 cannot decode', true, /Check user and password/],
  ['454 4.7.0 temporary authentication failure', false, /^$/],
  ['432 4.7.12 a password transition is needed', false, /^$/],
  ['421 4.7.0 too many logins', false, /^$/],
]
for (const [reply, hold, cure] of replies)
  test(`${reply.slice(0, 60)}: ${hold ? 'the relay is held' : 'tried again later'}`, () => {
    const { fault } = story('PLAIN', `S: ${reply}`)
    assert.equal(fault?.stage, 'auth')
    assert.equal(fault?.hold ?? false, hold)
    assert.match(fault?.hint ?? '', cure)
    assert.equal(fault?.token, undefined)
  })

test('a refused SCRAM names the way out for accounts that cannot do it', () => {
  assert.match(story('SCRAM-SHA-256 PLAIN', 'S: 535 5.7.8 no').fault?.hint ?? '', /"mechanism": "plain"/)
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.string({ unit: 'binary-ascii', minLength: 1 }),
  fc.array(fc.nat(0xffff), { minLength: 1 }).map((units) => String.fromCharCode(...units)),
)
const nasty = fc.string({ unit: fc.constantFrom('\r', '\n', '\0', '.', ' ', '=', ',', 'é', 'x'), minLength: 1 })
const names = ['SCRAM-SHA-256', 'PLAIN', 'LOGIN', 'CRAM-MD5', 'OAUTHBEARER', 'XOAUTH2'] as const

test('whatever the password is, nothing but base64 leaves, and no fault repeats it', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, nasty), fc.constantFrom(...names), fc.boolean(), (secret, name, kindly) => {
      const login = /OAUTH/.test(name)
        ? ({ kind: 'token', user: 'ps7', token: secret } as const)
        : ({ kind: 'password', user: 'ps7', password: secret } as const)
      const { said, fault } = session(login, name, kindly)
      for (const line of said) assert.match(line, /^(?:AUTH [A-Z0-9-]+(?: [A-Za-z0-9+/]+={0,2})?|[A-Za-z0-9+/]*={0,2}|\*)\r\n$/)
      if (secret.length >= 8) assert.ok(!JSON.stringify(fault ?? {}).includes(JSON.stringify(secret).slice(1, -1)))
      if (secret.length >= 8) assert.ok(!JSON.stringify(fault ?? {}).includes(b64(secret)))
    }),
    { numRuns: 3000 },
  )
})

/** The lines of one login against a server that plays each mechanism, and in the end says yes, or no with a quotation of all that it heard. */
function session(login: Exclude<Login, { kind: 'none' }>, name: string, kindly: boolean): { said: string[]; fault: Fault | undefined } {
  const said: string[] = []
  try {
    const mechanism = chooseMechanism(login, name, true, 'nonce')
    assert.ok(mechanism)
    const talk = logIn(mechanism, login.user, 60_000)
    let step = talk.next()
    while (!step.done) {
      if (step.value.kind === 'say') said.push(step.value.text)
      step = talk.next(step.value.kind === 'hear' ? { reply: answerOf(login, name, kindly, said) } : { done: true })
    }
    return { said, fault: undefined }
  } catch (error) {
    if (error instanceof Ended) return { said, fault: error.fault }
    throw error
  }
}

function answerOf(login: Login, name: string, kindly: boolean, said: string[]): Reply {
  const lines = said.map((line) => line.trimEnd())
  if (lines.length === 1) {
    const nonce = /r=(.*)$/.exec(Buffer.from(lines[0]?.split(' ')[2] ?? '', 'base64').toString())?.[1]
    if (name === 'SCRAM-SHA-256') return { code: 334, text: b64(`r=${nonce}more,s=${b64('salt')},i=4096`) }
    if (name === 'CRAM-MD5') return { code: 334, text: b64('<1@a>') }
    if (name === 'LOGIN') return { code: 334, text: b64('Password:') }
    if (!kindly && login.kind === 'token') return { code: 334, text: b64('{"status":"401"}') }
  }
  return kindly ? { code: 235, text: 'ok' } : { code: 535, text: `not "${lines.join('" nor "')}" for ${secretsOf(login)[0]}` }
}
