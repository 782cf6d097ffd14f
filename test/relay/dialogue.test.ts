import assert from 'node:assert/strict'
import { test } from 'node:test'
import { letter, replay } from './replay.ts'

const begin = `
  S: 220 relay
  C: EHLO ps7.example.org
  S: 250-relay
  S: 250-PIPELINING
  S: 250 SIZE 1000`

const stepwise = `
  S: 220 relay
  C: EHLO ps7.example.org
  S: 250 relay`

test('with PIPELINING the content of a letter and the envelope of the next leave together', () => {
  const { outcomes, fault } = replay(
    `${begin}
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<ops@example.org>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<ops@example.org>
    C: DATA
    S: 250 2.0.0 queued as A
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    S: 250 2.0.0 queued as B
    C: QUIT
    S: 221 bye`,
    [letter(1), letter(2)],
  )
  assert.equal(fault, undefined)
  assert.deepEqual(
    Object.values(outcomes).map((outcome) => outcome.kind),
    ['delivered', 'delivered'],
  )
})

test('without PIPELINING every command waits for its answer', () => {
  const { outcomes } = replay(
    `${stepwise}
    C: MAIL FROM:<ps7@example.org>
    S: 250 ok
    C: RCPT TO:<ops@example.org>
    S: 250 ok
    C: DATA
    S: 354 go
    C: ‹content›
    S: 250 ok
    C: QUIT
    S: 221 bye`,
    [letter(1)],
  )
  assert.equal(outcomes['1 ops@example.org']?.kind, 'delivered')
})

test('a busy mailbox defers its recipient, one that is gone refuses it, the third has the letter', () => {
  const { outcomes } = replay(
    `${begin}
    S: 250 ok
    S: 451 4.2.1 greylisted
    S: 550 5.1.1 no such user
    S: 250 ok
    S: 354 go
    S: 250 queued
    S: 221 bye`,
    [letter(1, ['a@x.org', 'b@x.org', 'c@x.org'])],
  )
  assert.deepEqual(
    Object.entries(outcomes).map(([to, outcome]) => [to, outcome.kind]),
    [
      ['1 a@x.org', 'deferred'],
      ['1 b@x.org', 'refused'],
      ['1 c@x.org', 'delivered'],
    ],
  )
})

test('a connection that ends after the content leaves the letter uncertain, and the next one untouched', () => {
  const { outcomes, fault } = replay(
    `${begin}
    S: 250 ok
    S: 250 ok
    S: 354 go
    S: ‹gone›`,
    [letter(1), letter(2)],
  )
  assert.deepEqual(
    Object.entries(outcomes).map(([to, outcome]) => [to, outcome.kind]),
    [['1 ops@example.org', 'uncertain']],
  )
  assert.equal(fault?.stage, 'content')
})

test('when nobody is accepted but the server wants content, a lone dot goes out and says nothing about anybody', () => {
  const { outcomes, said } = replay(
    `${begin}
    S: 250 ok
    S: 550 no
    S: 354 go
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<ops@example.org>
    C: DATA
    C: ‹content›
    S: 554 no valid recipients
    C: QUIT
    S: 221 bye`,
    [letter(1)],
  )
  assert.equal(outcomes['1 ops@example.org']?.kind, 'refused')
  assert.equal(said.at(-1), 'QUIT')
})

test('a letter larger than the server takes is refused without asking it', () => {
  const { outcomes, said } = replay(`${begin}\nC: QUIT\nS: 221 bye`, [
    letter(1, ['ops@example.org'], `Subject: x\r\n\r\n${'y'.repeat(2000)}\r\n`),
  ])
  assert.equal(outcomes['1 ops@example.org']?.kind, 'refused')
  assert.ok(!said.some((line) => line.startsWith('MAIL')))
})

const upTo: Record<string, string> = {
  greeting: '',
  ehlo: 'S: 220 relay',
  mail: stepwise,
  rcpt: `${stepwise}\nS: 250 ok`,
  data: `${stepwise}\nS: 250 ok\nS: 250 ok`,
  content: `${stepwise}\nS: 250 ok\nS: 250 ok\nS: 354 go`,
}
const fates: [stage: string, reply: string, outcome: string | undefined, fault: string | undefined][] = [
  ['greeting', '554 no', undefined, 'greeting'],
  ['greeting', '421 busy', undefined, 'greeting'],
  ['greeting', '‹gone›', undefined, 'greeting'],
  ['ehlo', '421 later', undefined, 'ehlo'],
  ['ehlo', '‹gone›', undefined, 'ehlo'],
  ['mail', '451 later', 'deferred', undefined],
  ['mail', '550 5.7.1 not your address', undefined, 'mail'],
  ['mail', '552 5.3.4 too big', 'refused', undefined],
  ['mail', '421 closing', undefined, 'mail'],
  ['mail', '‹gone›', undefined, 'mail'],
  ['rcpt', '452 too many', 'deferred', undefined],
  ['rcpt', '550 no', 'refused', undefined],
  ['rcpt', '‹gone›', undefined, 'rcpt'],
  ['data', '451 later', 'deferred', undefined],
  ['data', '554 no', 'refused', undefined],
  ['data', '‹gone›', undefined, 'data'],
  ['content', '452 full', 'deferred', undefined],
  ['content', '554 5.7.1 spam', 'refused', undefined],
  ['content', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'deferred', undefined],
  ['data', '550 5.1.8 the domain of the sender is not there', 'deferred', undefined],
  ['content', '‹gone›', 'uncertain', 'content'],
]
for (const [stage, reply, outcome, fault] of fates) {
  test(`${reply} at ${stage}: the letter is ${outcome ?? 'left as it was'}${fault ? ', the relay rests' : ''}`, () => {
    const story = replay(`${upTo[stage]}\nS: ${reply}\nS: 250 ok\nS: 221 bye`, [letter(1)])
    assert.equal(story.outcomes['1 ops@example.org']?.kind, outcome)
    assert.equal(story.fault?.stage, fault)
  })
}

const login = { kind: 'password', user: 'ps7', password: 'hunter22' } as const

test('a refused password holds the relay; a login that is not possible now does not', () => {
  const offer = 'S: 220 relay\nS: 250-relay\nS: 250 AUTH PLAIN LOGIN'
  const refused = replay(`${offer}\nS: 535 5.7.8 no`, [letter(1)], { login, loopback: true }).fault
  assert.equal(refused?.hold, true)
  assert.equal(refused?.why, 'The server refused the login of ps7 by PLAIN: 535 5.7.8 no')
  assert.equal(replay(`${offer}\nS: 454 4.7.0 later`, [letter(1)], { login, loopback: true }).fault?.hold, false)
})

test('LOGIN is spoken where PLAIN is not offered', () => {
  const { said, fault } = replay('S: 220 relay\nS: 250-relay\nS: 250 AUTH LOGIN\nS: 334 UGFzc3dvcmQ6\nS: 235 ok\nS: 221 bye', [], {
    login,
    loopback: true,
  })
  assert.equal(fault, undefined)
  assert.deepEqual(said.slice(1, 3), [`AUTH LOGIN ${Buffer.from('ps7').toString('base64')}`, Buffer.from('hunter22').toString('base64')])
})

const tampered: [what: string, story: string][] = [
  ['is not offered', 'S: 220 relay\nS: 250-relay\nS: 250 AUTH PLAIN'],
  ['is refused with 454', 'S: 220 relay\nS: 250-relay\nS: 250 STARTTLS\nS: 454 no'],
  ['is answered with garbage', 'S: 220 relay\nS: 250-relay\nS: 250 STARTTLS\nS: hello there'],
  ['is followed by octets in clear', 'S: 220 relay\nS: 250-relay\nS: 250 STARTTLS\nS: 220 go'],
]
for (const [what, story] of tampered) {
  test(`when STARTTLS ${what}, neither password nor sender leaves`, () => {
    const { said, fault, outcomes } = replay(story, [letter(1)], { security: 'starttls', login })
    assert.equal(fault?.stage, 'starttls')
    assert.deepEqual(
      said.filter((line) => /^(AUTH|MAIL)/.test(line)),
      [],
    )
    assert.deepEqual(outcomes, {})
  })
}

test('after STARTTLS the offers of before count no more', () => {
  const { said } = replay(
    'S: 220 relay\nS: 250-relay\nS: 250-SIZE 1000\nS: 250-PIPELINING\nS: 250 STARTTLS\nS: 220 go\nS: ‹tls›\nS: 250 relay\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 ok\nS: 221 bye',
    [letter(1)],
    { security: 'starttls' },
  )
  assert.equal(said[3], 'MAIL FROM:<ps7@example.org>', 'no SIZE and no group')
})

test('password in clear (CWE-319): none is sent to another machine', () => {
  const { said, fault } = replay('S: 220 relay\nS: 250-relay\nS: 250 AUTH PLAIN', [letter(1)], { login })
  assert.equal(fault?.stage, 'auth')
  assert.ok(!said.some((line) => line.startsWith('AUTH')))
})
