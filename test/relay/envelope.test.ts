import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelopeId } from '../../src/relay/dialogue/envelope.ts'
import { letter, replay, type Story } from './replay.ts'

/** What the rarer answers mean for each recipient, by each way of sending. */
const fates = ({ outcomes }: Story) =>
  Object.fromEntries(Object.entries(outcomes).map(([to, { kind }]) => [to.replace('@x.org', ''), kind]))
const offers = (...lines: string[]) => ['S: 220 relay', 'S: 250-relay', ...lines.map((one) => `S: 250-${one}`), 'S: 250 HELP'].join('\n')
const grouped = offers('PIPELINING')
const chained = offers('PIPELINING', 'CHUNKING')
const two = ['a@x.org', 'b@x.org']

test('groups: content that is not wanted after all waits or is refused as the answer to DATA says, and the next letter goes on after RSET', () => {
  for (const [reply, fate] of [
    ['451 later', 'deferred'],
    ['554 never', 'refused'],
  ]) {
    const story = replay(
      `${grouped}
      S: 250 ok
      S: 550 no
      S: 250 ok
      S: ${reply}
      C: EHLO ps7.example.org
      C: MAIL FROM:<ps7@example.org>
      C: RCPT TO:<a@x.org>
      C: RCPT TO:<b@x.org>
      C: DATA
      C: RSET
      S: 250 reset
      C: MAIL FROM:<ps7@example.org>
      C: RCPT TO:<ops@example.org>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: ‹content›
      S: 250 ok
      S: 221 bye`,
      [letter(1, two), letter(2)],
    )
    assert.equal(story.fault, undefined)
    assert.deepEqual(fates(story), { '1 a': 'refused', '1 b': fate, '2 ops@example.org': 'delivered' })
  }
})

test('groups: a line that breaks is a fault of what was waited for, and only behind the content is a letter uncertain', () => {
  for (const [heard, stage, fate] of [
    ['', 'mail', undefined],
    ['250 ok', 'rcpt', undefined],
    ['250 ok, 250 ok', 'data', undefined],
    ['250 ok, 250 ok, 354 go', 'content', 'uncertain'],
  ] as const) {
    const answers = heard
      .split(', ')
      .filter(Boolean)
      .map((one) => `S: ${one}`)
    const story = replay([grouped, ...answers, 'S: ‹gone›'].join('\n'), [letter(1)])
    assert.deepEqual([story.fault?.stage, story.outcomes['1 ops@example.org']?.kind], [stage, fate])
  }
})

test('groups: a letter whose MAIL is put off is put off for all, also where the server wants content all the same', () => {
  for (const data of ['503 no', '354 go']) {
    const story = replay(
      `${grouped}
      S: 452 not now
      S: 503 no MAIL
      S: 503 no MAIL
      S: ${data}
      S: 250 well
      S: 250 ok
      S: 250 ok
      S: 354 go
      S: 250 ok
      S: 221 bye`,
      [letter(1, two), letter(2)],
    )
    assert.deepEqual(fates(story), { '1 a': 'deferred', '1 b': 'deferred', '2 ops@example.org': 'delivered' })
    assert.equal(story.said.includes('RSET'), data !== '354 go')
  }
})

test('a sender that is refused ends the dialogue, and says whether a login is wanted', () => {
  for (const way of [grouped, chained, offers()]) {
    const login = replay(`${way}\nS: 530 5.7.0 log in first\nS: 503 no\nS: 503 no\nS: 503 no`, [letter(1)])
    assert.deepEqual([login.fault?.stage, login.fault?.hold, fates(login)], ['mail', true, {}])
    assert.match(login.fault?.hint ?? '', /set auth of this relay/)
    const sender = replay(`${way}\nS: 550 5.7.1 not yours\nS: 503 no\nS: 503 no\nS: 503 no`, [letter(1)])
    assert.deepEqual([sender.fault?.stage, sender.fault?.hold], ['mail', false])
    assert.match(sender.fault?.hint ?? '', /Look at mail.from/)
  }
})

test('first contact with a chain: who is turned away is settled, and content that is put off waits', () => {
  const story = replay(
    `${chained}
    S: 250 ok
    S: 550 no such user
    S: 250 ok
    S: 452 full
    C: EHLO ps7.example.org
    C: MAIL FROM:<ps7@example.org>
    C: RCPT TO:<a@x.org>
    C: RCPT TO:<b@x.org>
    C: BDAT 1
    C: ‹content›
    C: RSET
    S: 250 reset
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 221 bye`,
    [letter(1, two), letter(2)],
  )
  assert.deepEqual(fates(story), { '1 a': 'refused', '1 b': 'deferred', '2 ops@example.org': 'delivered' })
  assert.equal(story.learned.chunking, true)
})

test('first contact with a chain: of several people one is turned away, and the others have the letter', () => {
  const story = replay(
    `${chained}
    S: 250 ok
    S: 450 busy
    S: 250 ok
    S: 250 one octet
    S: 250 queued
    S: 221 bye`,
    [letter(1, two)],
  )
  assert.deepEqual(fates(story), { '1 a': 'deferred', '1 b': 'delivered' })
})

test('first contact with a chain: nobody is taken, and nobody is told of DATA', () => {
  const story = replay(`${chained}\nS: 250 ok\nS: 550 no\nS: 451 later\nS: 503 no\nS: 250 reset\nS: 221 bye`, [letter(1, two)])
  assert.deepEqual(fates(story), { '1 a': 'refused', '1 b': 'deferred' })
  assert.equal(story.learned.chunking, undefined, 'that was no answer to BDAT')
})

test('first contact: a line that breaks behind the first answer of a group says that the server does not pipeline', () => {
  const story = replay(`${chained}\nS: 250 ok\nS: ‹gone›`, [letter(1)])
  assert.equal(story.learned.pipelining, false)
  assert.deepEqual(fates(story), {})
  const known = replay(`${chained}\nS: 250 ok\nS: ‹gone›`, [letter(1)], { known: { pipelining: true } })
  assert.equal(known.learned.pipelining, undefined, 'what worked before is a line that broke')
})

test('a line that breaks while the login is under way says that it wants to be alone, where that is not known', () => {
  const login = { kind: 'password', user: 'ps7', password: 'hunter22' } as const
  const story = (together?: boolean) =>
    replay(`${offers('PIPELINING', 'CHUNKING', 'AUTH PLAIN')}\nS: ‹gone›`, [letter(1)], {
      login,
      loopback: true,
      known: { pipelining: true, chunking: true, ...(together === undefined ? {} : { together }) },
    })
  assert.deepEqual([story().learned.together, story().fault?.stage], [false, 'auth'])
  assert.equal(story(true).learned.together, undefined)
})

test('a line that breaks leaves as it was a letter whose sender had been refused', () => {
  const known = { chunking: true, pipelining: true }
  const story = replay(`${chained}\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 550 not yours\nS: ‹gone›`, [letter(1), letter(2), letter(3)], {
    known,
  })
  assert.deepEqual(fates(story), { '1 ops@example.org': 'delivered', '3 ops@example.org': 'uncertain' })
})

test('a server that refuses EHLO and HELO gets no letter; one that knows HELO only gets it step by step', () => {
  const refused = replay('S: 220 relay\nS: 502 what\nS: 502 what', [letter(1)])
  assert.deepEqual([refused.fault?.stage, refused.said], ['ehlo', ['EHLO ps7.example.org', 'HELO ps7.example.org']])
  const busy = replay('S: 220 relay\nS: 450 not now', [letter(1)])
  assert.deepEqual([busy.fault?.stage, busy.said], ['ehlo', ['EHLO ps7.example.org']])
  const old = replay('S: 220 relay\nS: 502 what\nS: 250 relay\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 ok\nS: 221 bye', [letter(1)])
  assert.deepEqual(fates(old), { '1 ops@example.org': 'delivered' })
})

test('octets above 127 are named in the envelope, and refused where the server does not take them', () => {
  const mail = { ...letter(1), eightBit: true as const }
  const taken = replay(`${offers('8BITMIME')}\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 ok\nS: 221 bye`, [mail])
  assert.equal(taken.said[1], 'MAIL FROM:<ps7@example.org> BODY=8BITMIME')
  const refused = replay(`${offers()}\nS: 221 bye`, [mail])
  assert.deepEqual(fates(refused), { '1 ops@example.org': 'refused' })
  assert.match((refused.outcomes['1 ops@example.org'] as { why: string }).why, /8BITMIME/)
})

test('offers are read whatever their case, and a size of nothing is no limit', () => {
  const story = replay(`${offers('size 0', 'pipelining')}\nS: ‹gone›`, [letter(1)])
  assert.deepEqual(story.said.slice(1), ['MAIL FROM:<ps7@example.org>', 'RCPT TO:<ops@example.org>', 'DATA'])
  assert.equal(replay(`${offers('SIZEABLE 5')}\nS: ‹gone›`, [letter(1)]).said[1], 'MAIL FROM:<ps7@example.org>')
})

test('a letter is named in reports by the left side of its Message-ID, or by its number where that is none', () => {
  assert.equal(envelopeId({ ...letter(7), messageId: '<o7.00aa@site.example>' }), 'o7.00aa')
  assert.equal(envelopeId({ ...letter(7), messageId: 'odd' }), 'o7')
  assert.equal(envelopeId({ ...letter(7), envelopeId: 'theirs' }), 'theirs')
})

test('a line that breaks during a login that goes ahead is a fault of the login', () => {
  const login = { kind: 'password', user: 'ps7', password: 'hunter22' } as const
  const story = replay(`${offers('AUTH PLAIN')}\nS: ‹gone›`, [letter(1)], { login, loopback: true })
  assert.deepEqual([story.fault?.stage, story.fault?.hold, fates(story)], ['auth', undefined, {}])
})
