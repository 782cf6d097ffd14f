import assert from 'node:assert/strict'
import { test } from 'node:test'
import { letter, replay } from './replay.ts'

const offers = `
  S: 220 relay
  C: EHLO ps7.example.org
  S: 250-relay
  S: 250-PIPELINING
  S: 250-CHUNKING
  S: 250 SIZE 1000`
const said = (id: string) => `
  C: MAIL FROM:<ps7@example.org>
  C: RCPT TO:<${id}@example.org>
  C: BDAT 21 LAST
  C: ‹content›`
const known = { chunking: true, pipelining: true, together: false }
const fates = (outcomes: Record<string, { kind: string }>) =>
  Object.fromEntries(Object.entries(outcomes).map(([to, { kind }]) => [to.replace('@example.org', ''), kind]))

test('a chain says every letter before it hears of the first', () => {
  const { outcomes, fault } = replay(
    `${offers}${said('a')}${said('b')}${said('c')}
    S: 250 ok
    S: 250 ok
    S: 250 2.0.0 queued as A
    S: 250 ok
    S: 250 ok
    S: 250 2.0.0 queued as B
    S: 250 ok
    S: 250 ok
    S: 250 2.0.0 queued as C
    C: QUIT
    S: 221 bye`,
    [letter(1, ['a@example.org']), letter(2, ['b@example.org']), letter(3, ['c@example.org'])],
    { known },
  )
  assert.equal(fault, undefined)
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered', '2 b': 'delivered', '3 c': 'delivered' })
})

test('each answer is matched to its command: one is busy, one is gone, one is spam, the others arrive', () => {
  const { outcomes } = replay(
    `${offers}
    S: 250 ok
    S: 451 4.2.1 busy
    S: 250 ok
    S: 250 queued
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 250 ok
    S: 250 queued
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 554 5.7.1 spam
    S: 221 bye`,
    [1, 2, 3].map((id) => letter(id, ['a@example.org', 'b@example.org'])),
    { known },
  )
  assert.deepEqual(fates(outcomes), {
    '1 a': 'deferred',
    '1 b': 'delivered',
    '2 a': 'refused',
    '2 b': 'delivered',
    '3 a': 'refused',
    '3 b': 'refused',
  })
})

test('a letter that nobody may have leaves its transaction open: those behind it are said again after RSET', () => {
  const { outcomes, fault } = replay(
    `${offers}${said('a')}${said('b')}
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 554 5.5.1 no valid recipients
    S: 503 5.5.1 nested MAIL
    S: 503 5.5.1 no MAIL
    S: 503 5.5.1 no RCPT
    C: RSET${said('b')}
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 250 queued
    C: QUIT
    S: 221 bye`,
    [letter(1, ['a@example.org']), letter(2, ['b@example.org'])],
    { known },
  )
  assert.equal(fault, undefined)
  assert.deepEqual(fates(outcomes), { '1 a': 'refused', '2 b': 'delivered' })
})

test('a 503 that no open transaction explains is a fault of our sender, not a circle', () => {
  const { outcomes, fault } = replay(
    `${offers}
    S: 503 5.5.1 log in first
    S: 503 5.5.1 no
    S: 503 5.5.1 no`,
    [letter(1, ['a@example.org'])],
    { known },
  )
  assert.equal(fault?.stage, 'mail')
  assert.deepEqual(outcomes, {})
})

test('a sender that is refused holds what follows, but not what was in the air and arrived', () => {
  const { outcomes, fault } = replay(
    `${offers}
    S: 250 ok
    S: 250 ok
    S: 250 queued
    S: 550 5.7.60 not your address
    S: 503 no MAIL
    S: 503 no RCPT
    S: 250 ok
    S: 250 ok
    S: 250 queued`,
    [1, 2, 3].map((id) => letter(id, ['a@example.org'])),
    { known },
  )
  assert.equal(fault?.stage, 'mail')
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered', '3 a': 'delivered' })
})

test('a line that breaks leaves uncertain who was in the air, settles who was turned away, and nothing behind', () => {
  const { outcomes, fault } = replay(
    `${offers}
    S: 250 ok
    S: 250 ok
    S: 250 queued
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    S: ‹gone›`,
    [letter(1, ['a@example.org']), letter(2, ['a@example.org', 'b@example.org']), letter(3, ['a@example.org'])],
    { known: { ...known, windowLetters: 2 } },
  )
  assert.equal(fault?.stage, 'content')
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered', '2 a': 'refused', '2 b': 'uncertain', '3 a': 'uncertain' })
})

test('421 in a chain leaves the letters behind it as they were', () => {
  const { outcomes, fault } = replay(
    `${offers}
    S: 250 ok
    S: 250 ok
    S: 421 4.3.2 going down`,
    [1, 2].map((id) => letter(id, ['a@example.org'])),
    { known },
  )
  assert.equal(fault?.stage, 'content')
  assert.deepEqual(fates(outcomes), { '1 a': 'deferred' })
})

test('the window bounds the letters in the air', () => {
  const { said: lines } = replay(
    `${offers}
    S: ‹gone›`,
    [1, 2, 3, 4, 5].map((id) => letter(id, ['a@example.org'])),
    { known: { ...known, windowLetters: 3 } },
  )
  assert.equal(lines.filter((line) => line.startsWith('MAIL')).length, 3)
})

test('a relay that is not known gets one octet before the rest of the content', () => {
  const { outcomes, learned } = replay(
    `${offers}
    C: MAIL FROM:<ps7@example.org>
    C: RCPT TO:<a@example.org>
    C: BDAT 1
    C: ‹content›
    S: 250 ok
    S: 250 ok
    S: 250 1 octet
    C: BDAT 20 LAST
    C: ‹content›
    S: 250 queued
    C: MAIL FROM:<ps7@example.org>
    C: RCPT TO:<b@example.org>
    C: BDAT 21 LAST
    C: ‹content›
    S: 250 ok
    S: 250 ok
    S: 250 queued
    S: 221 bye`,
    [letter(1, ['a@example.org']), letter(2, ['b@example.org'])],
  )
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered', '2 b': 'delivered' })
  assert.deepEqual(learned, { pipelining: true, chunking: true })
})

test('one that offers CHUNKING and does not know BDAT never sees content as commands, and gets DATA at once', () => {
  const {
    outcomes,
    learned,
    said: lines,
  } = replay(
    `${offers}
    C: MAIL FROM:<ps7@example.org>
    C: RCPT TO:<a@example.org>
    C: BDAT 1
    C: ‹content›
    S: 250 ok
    S: 250 ok
    S: 502 5.5.2 what
    C: RSET
    S: 500 SRSET is no command
    C: RSET
    S: 250 ok
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<a@example.org>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    S: 250 queued
    C: QUIT
    S: 221 bye`,
    [letter(1, ['a@example.org'])],
  )
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered' })
  assert.equal(learned.chunking, false)
  assert.equal(lines.filter((line) => line === '‹content›').length, 2, 'one octet, and the letter by DATA')
})

test('one that forgets BDAT later gets the same letters by DATA', () => {
  const { outcomes, learned } = replay(
    `${offers}${said('a')}${said('b')}
    S: 250 ok
    S: 250 ok
    S: 500 what
    S: 503 nested
    S: 503 no
    S: 500 what
    C: RSET
    S: 250 ok
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<a@example.org>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    C: MAIL FROM:<ps7@example.org> SIZE=21
    C: RCPT TO:<b@example.org>
    C: DATA
    S: 250 queued
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    S: 250 queued
    S: 221 bye`,
    [letter(1, ['a@example.org']), letter(2, ['b@example.org'])],
    { known },
  )
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered', '2 b': 'delivered' })
  assert.equal(learned.chunking, false)
})

const login = { kind: 'password', user: 'ps7', password: 'hunter22' } as const
const secured = { login, loopback: true }
const withLogin = `${offers.replace('S: 250 SIZE', 'S: 250-AUTH PLAIN\n  S: 250 SIZE')}`
const authLine = `AUTH PLAIN ${Buffer.from('\0ps7\0hunter22').toString('base64')}`

test('where the relay is known to take it, the login and the first letters leave together', () => {
  const { outcomes, learned, fault } = replay(
    `${withLogin}
    C: ${authLine}${said('a')}
    S: 235 2.7.0 welcome
    S: 250 ok
    S: 250 ok
    S: 250 queued
    S: 221 bye`,
    [letter(1, ['a@example.org'])],
    { ...secured, known: { chunking: true, pipelining: true } },
  )
  assert.equal(fault, undefined)
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered' })
  assert.deepEqual(learned, { together: true })
})

test('on first contact the login goes ahead', () => {
  const { said: lines } = replay(`${withLogin}\nC: ${authLine}\nS: 235 ok\nS: ‹gone›`, [letter(1, ['a@example.org'])], secured)
  assert.equal(lines[1], authLine)
})

test('a relay that wants the login alone is told so from now on, tried again at once, and not taken for a wrong password', () => {
  for (const reply of ['503 5.5.1 improper pipelining', '334 ']) {
    const { outcomes, learned, fault } = replay(
      `${withLogin}
      S: ${reply}
      S: 530 log in
      S: 503 no
      S: 503 no`,
      [letter(1, ['a@example.org'])],
      { ...secured, known: { chunking: true, pipelining: true } },
    )
    assert.equal(fault?.again, true)
    assert.notEqual(fault?.hold, true)
    assert.equal(learned.together, false)
    assert.deepEqual(outcomes, {})
  }
})

test('a wrong password that was said together with letters holds the relay, and the letters are as they were', () => {
  const { outcomes, fault } = replay(
    `${withLogin}
    S: 535 5.7.8 no
    S: 530 log in
    S: 503 no
    S: 503 no`,
    [letter(1, ['a@example.org'])],
    { ...secured, known: { chunking: true, pipelining: true } },
  )
  assert.equal(fault?.hold, true)
  assert.deepEqual(outcomes, {})
})

test('groups take the login along, too', () => {
  const { outcomes, fault } = replay(
    `S: 220 relay
    S: 250-relay
    S: 250-PIPELINING
    S: 250 AUTH PLAIN
    C: EHLO ps7.example.org
    C: ${authLine}
    C: MAIL FROM:<ps7@example.org>
    C: RCPT TO:<a@example.org>
    C: DATA
    S: 235 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ‹content›
    S: 250 queued
    S: 221 bye`,
    [letter(1, ['a@example.org'])],
    { ...secured, known: { pipelining: true } },
  )
  assert.equal(fault, undefined)
  assert.deepEqual(fates(outcomes), { '1 a': 'delivered' })
})

test('a server that answers the first of a group and then no more gets one command at a time from now on', () => {
  const { learned, fault } = replay('S: 220 relay\nS: 250-relay\nS: 250 PIPELINING\nS: 250 ok\nS: ‹gone›', [letter(1)])
  assert.equal(fault?.stage, 'rcpt')
  assert.equal(learned.pipelining, false)
  const { said: lines } = replay(
    'S: 220 relay\nS: 250-relay\nS: 250 PIPELINING\nC: EHLO ps7.example.org\nC: MAIL FROM:<ps7@example.org>\nS: 250 ok',
    [letter(1)],
    {
      known: { pipelining: false },
    },
  )
  assert.equal(lines.at(-1), 'RCPT TO:<ops@example.org>')
})

test('where reports are offered, an urgent letter names itself in its envelope and asks for news of a delay; others spare the octets', () => {
  const dsn = offers.replace('250 SIZE', '250-DSN\n  S: 250 SIZE')
  const { said: lines } = replay(`${dsn}\nS: ‹gone›`, [{ ...letter(7), messageId: '<o7.00aa@site.example>', urgent: true }], { known })
  assert.deepEqual(lines.slice(1, 3), [
    'MAIL FROM:<ps7@example.org> RET=HDRS ENVID=o7.00aa',
    'RCPT TO:<ops@example.org> NOTIFY=FAILURE,DELAY',
  ])
  const usual = replay(`${dsn}\nS: ‹gone›`, [letter(8)], { known })
  assert.deepEqual(usual.said.slice(1, 3), ['MAIL FROM:<ps7@example.org>', 'RCPT TO:<ops@example.org>'])
})
