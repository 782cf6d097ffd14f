import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { answerCode, letterOf } from '../../src/gateway/answer-code.ts'
import { answerIn } from '../../src/mail/answer.ts'

const key = Buffer.alloc(32, 7)
const mail = (body: string, more = '', subject = `Re: Pump 3 hot [#${answerCode(key, 12)}]`) =>
  Buffer.from(`From: Kim Doe <Ops@Example.org>\r\nMessage-ID: <a1@example.org>\r\nSubject: ${subject}\r\n${more}\r\n${body}`).toString(
    'latin1',
  )

test('an answer says what it wants in its first line that is not quoted', () => {
  const wishes: [string, object | undefined][] = [
    ['ACK\r\n\r\nOn 25 Nov the box wrote:\r\n> Pump 3 hot', { kind: 'acknowledge' }],
    ['> Pump 3 hot\r\n\r\nok.\r\n', { kind: 'acknowledge' }],
    ['Silence 30 min', { kind: 'silence', span: '30m' }],
    ['SILENCE', { kind: 'silence', span: '2h' }],
    ['stumm für 4h', { kind: 'silence', span: '4h' }],
    ['Status?', { kind: 'status' }],
    ['I will look at it tomorrow. ACK', undefined],
    ['> ACK', undefined],
    ['', undefined],
  ]
  for (const [body, wish] of wishes) assert.deepEqual(answerIn(mail(body))?.wish, wish, body)
  assert.equal(answerIn(mail('ACK'))?.from, 'ops@example.org')
})

test('what nobody meant is no answer: vacation notes, lists, and mails without a code (RFC 3834)', () => {
  for (const more of [
    'Auto-Submitted: auto-replied\r\n',
    'Precedence: bulk\r\n',
    'X-Autoreply: yes\r\n',
    'List-Id: <x.example>\r\n',
    'Return-Path: <>\r\n',
    'X-Auto-Response-Suppress: All\r\n',
  ])
    assert.equal(answerIn(mail('ACK', more)), undefined, more)
  assert.equal(answerIn(mail('ACK', '', 'Re: Pump 3 hot')), undefined)
  assert.ok(answerIn(mail('ACK', 'Auto-Submitted: no\r\n')))
})

test('a code names one letter of this box, and no other is taken for it', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.string(), (id, other, noise) => {
      assert.equal(letterOf(key, answerCode(key, id)), id)
      if (other !== id) assert.equal(letterOf(key, answerCode(key, id).replace(`o${id}-`, `o${other}-`)), undefined)
      assert.equal(letterOf(Buffer.alloc(32, 8), answerCode(key, id)), undefined)
      assert.equal(letterOf(key, noise), undefined)
    }),
  )
  const found = answerIn(mail('ACK', '', `AW: =?utf-8?Q?Pumpe_3_hei=C3=9F_[#${answerCode(key, 12)}]?=`))
  assert.equal(letterOf(key, found?.code ?? ''), 12)
})
