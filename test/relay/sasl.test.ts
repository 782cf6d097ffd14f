import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { oauthBearer, xoauth2 } from '../../src/relay/login/sasl/bearer.ts'
import { cramMd5 } from '../../src/relay/login/sasl/cram-md5.ts'
import { login } from '../../src/relay/login/sasl/login.ts'
import { base64, type Mechanism, Unsound } from '../../src/relay/login/sasl/mechanism.ts'
import { plain } from '../../src/relay/login/sasl/plain.ts'
import { saslPrep } from '../../src/relay/login/sasl/saslprep.ts'
import { scramSha256 } from '../../src/relay/login/sasl/scram.ts'

const decoded = (line: string): string => Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString()

test('PLAIN says the example of RFC 4616', () => {
  assert.equal(plain('tim', 'tanstaaftanstaaf')?.first, 'AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm')
})

test('PLAIN does not carry its own separator', () => {
  assert.equal(plain('tim', 'a\0b'), undefined)
  assert.equal(plain('t\0im', 'ab'), undefined)
})

test('CRAM-MD5 answers the example of RFC 2195', () => {
  const answer = cramMd5('tim', 'tanstaaftanstaaf').answer(base64('<1896.697170952@postoffice.reston.mci.net>'))
  assert.equal(answer, 'dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw')
})

test('CRAM-MD5 answers one challenge, and none that is empty', () => {
  const mechanism = cramMd5('tim', 'x')
  mechanism.answer(base64('<1@a>'))
  assert.throws(() => mechanism.answer(base64('<2@a>')), Unsound)
  assert.throws(() => cramMd5('tim', 'x').answer(''), Unsound)
})

// RFC 7677 section 3.
const nonce = 'rOprNGfwEbeRWgbNEkqO'
const full = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
const serverFirst = `r=${full},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
const scram = (): Mechanism => {
  const mechanism = scramSha256('user', 'pencil', nonce)
  assert.ok(mechanism)
  return mechanism
}

test('SCRAM-SHA-256 is the exchange of RFC 7677 section 3, and believes its server only after the signature', () => {
  const mechanism = scram()
  assert.equal(mechanism.first, `AUTH SCRAM-SHA-256 ${base64(`n,,n=user,r=${nonce}`)}`)
  assert.equal(decoded(mechanism.answer(base64(serverFirst))), `c=biws,r=${full},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`)
  assert.match(mechanism.doubt() ?? '', /did not prove/)
  assert.equal(mechanism.answer(base64('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')), '')
  assert.equal(mechanism.doubt(), undefined)
})

const strangers: [what: string, challenge: string][] = [
  ['another nonce', serverFirst.replace(nonce, 'x'.repeat(nonce.length))],
  ['only our own nonce', serverFirst.replace(full, nonce)],
  ['no nonce', 's=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'],
  ['few iterations', serverFirst.replace('4096', '4095')],
  ['iterations for hours', serverFirst.replace('4096', '4294967295')],
  ['iterations that are no number', serverFirst.replace('4096', '4096x')],
  ['no salt', serverFirst.replace('W22ZaJ0SNY7soEsUEjb6gQ==', '')],
  ['a salt that is no base64', serverFirst.replace('W22ZaJ0SNY7soEsUEjb6gQ==', 'W22*')],
  ['an extension that must be known', `m=x,${serverFirst}`],
  ['nothing', ''],
]
for (const [what, challenge] of strangers)
  test(`SCRAM breaks off at a challenge with ${what}`, () => {
    const mechanism = scram()
    if (challenge === '') mechanism.answer('')
    assert.throws(() => mechanism.answer(base64(challenge)), Unsound)
  })

test('SCRAM breaks off when the signature is of somebody else, and sends nothing after e=', () => {
  const mechanism = scram()
  mechanism.answer(base64(serverFirst))
  assert.throws(() => mechanism.answer(base64('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')), Unsound)
  const refused = scram()
  refused.answer(base64(serverFirst))
  assert.equal(refused.answer(base64('e=invalid-proof')), '')
  assert.ok(refused.doubt(), 'a yes after e= is not believed')
  assert.throws(() => refused.answer(base64('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')), Unsound)
})

test('a comma and an equals sign in the name are written so that they stay in the name', () => {
  assert.match(decoded(scramSha256('a=b,c', 'x', nonce)?.first ?? ''), /^n,,n=a=3Db=2Cc,r=/)
  assert.match(decoded(oauthBearer('a=b,c', 'x').first), /^n,a=a=3Db=2Cc,/)
})

test('OAUTHBEARER says header and token, and answers the error with one ^A', () => {
  const mechanism = oauthBearer('user@example.com', 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==')
  assert.equal(decoded(mechanism.first), 'n,a=user@example.com,\u0001auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u0001\u0001')
  assert.equal(mechanism.answer(base64('{"status":"invalid_token"}')), 'AQ==')
  assert.throws(() => mechanism.answer(base64('{"status":"invalid_token"}')), Unsound)
})

test('XOAUTH2 says name and token, and answers the error with an empty line', () => {
  const mechanism = xoauth2('someuser@example.com', 'ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg')
  assert.equal(
    mechanism.first,
    'AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==',
  )
  assert.equal(mechanism.answer(base64('{"status":"401"}')), '')
})

test('a token that would make the command longer than RFC 5321 allows waits for an empty challenge', () => {
  const mechanism = xoauth2('someuser@example.com', 'y'.repeat(1500))
  assert.equal(mechanism.first, 'AUTH XOAUTH2')
  assert.equal(mechanism.alone, false)
  assert.match(decoded(mechanism.answer('')), /^user=someuser@example\.com\u0001auth=Bearer y{1500}\u0001\u0001$/)
  assert.equal(xoauth2('someuser@example.com', 'y'.repeat(300)).alone, true)
})

test('LOGIN answers by what is asked, and not twice with the password', () => {
  const mechanism = login('tim', 'secret')
  assert.equal(mechanism.first, 'AUTH LOGIN dGlt')
  assert.equal(decoded(mechanism.answer(base64('Username:'))), 'tim')
  assert.equal(decoded(mechanism.answer(base64('Password:'))), 'secret')
  assert.throws(() => mechanism.answer(base64('Password:')), Unsound)
})

// RFC 4013 section 3, and the tables of RFC 3454 that it names.
const prepared: [text: string, made: string | undefined][] = [
  ['I\u00adX', 'IX'],
  ['user', 'user'],
  ['USER', 'USER'],
  ['\u00aa', 'a'],
  ['\u2168', 'IX'],
  ['\u0007', undefined],
  ['\u0627\u0031', undefined],
  ['\u0627\u0031\u0628', '\u0627\u0031\u0628'],
  ['\u0627a\u0628', undefined],
  ['a\u00a0b', 'a b'],
  ['Ko\u0308ln', 'K\u00f6ln'],
  ['a\u200bb', undefined],
  ['\ue000', undefined],
  ['\ud800', undefined],
  ['\ufffe', undefined],
  ['a\u202eb', undefined],
  ['\u{1f600}', '\u{1f600}'],
]
for (const [text, made] of prepared)
  test(`SASLprep makes ${made === undefined ? 'nothing' : JSON.stringify(made)} of ${JSON.stringify(text)}`, () =>
    assert.equal(saslPrep(text), made))

test('what SASLprep made stays as it is when it is prepared again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = saslPrep(text)
      if (once !== undefined) assert.equal(saslPrep(once), once)
    }),
    { numRuns: 2000 },
  )
})
