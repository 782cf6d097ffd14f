import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Enclosed } from '../../src/alert/alert.ts'
import { headBytes, headFor, type PassingFacts, passOn, withReturnPath } from '../../src/mail/pass-on.ts'
import { instant } from '../../src/ports/clock.ts'

const enclosed: Enclosed = { file: '', bytes: 0, crc: 0, from: 'nas@lan', by: '192.0.2.9', with: 'ESMTPS' }
const about: PassingFacts = {
  id: 12,
  deviceId: '00000000000000aa',
  site: { name: 'Pump station 7', domain: 'ps7.example.org', timeZone: 'UTC' },
  software: 'Outpost 0.1.0',
  from: { name: 'PS 7', address: 'ps7@example.org' },
  when: { at: instant(Date.UTC(2026, 10, 29, 5, 0)), certainty: 'exact' },
  sender: 'keep',
}
const passed = (mail: string, more: Partial<PassingFacts> = {}) => {
  const content = Buffer.from(mail, 'latin1')
  const facts = { ...about, ...more }
  const letter = passOn(content, headFor(enclosed, content, facts), facts, ['ops@example.org'])
  return { letter, text: Buffer.from(letter.content).toString('latin1') }
}
const received =
  'Received: from [192.0.2.9] by ps7.example.org (Outpost 0.1.0) with ESMTPS id\r\n o12.00000000000000aa; Sun, 29 Nov 2026 05:00:00 +0000\r\n'

test('a whole mail stays octet for octet behind one Received line', () => {
  const mail =
    'From: NAS <nas@lan>\r\nTo: ops@example.org\r\nSubject: a\r\n folded\r\nDate: Sun, 29 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@nas>\r\n\r\n.\r\nBody\r\n'
  const { letter, text } = passed(mail)
  assert.equal(text, received + mail)
  assert.equal(letter.from, 'ps7@example.org', 'reports come to the box')
  assert.equal(letter.messageId, '<1@nas>')
  assert.equal(letter.envelopeId, 'o12.00000000000000aa')
  assert.equal(letter.eightBit, undefined)
})

test('what a mail must have and lacks is put in front (RFC 6409 section 8)', () => {
  const { letter, text } = passed('Subject: Volume degraded\r\n\r\nB\xfcro')
  assert.equal(
    text,
    `${received}Date: Sun, 29 Nov 2026 05:00:00 +0000\r\nMessage-ID: <o12.00000000000000aa@ps7.example.org>\r\nFrom: PS 7 <ps7@example.org>\r\nSubject: Volume degraded\r\n\r\nB\xfcro\r\n`,
  )
  assert.equal(letter.messageId, '<o12.00000000000000aa@ps7.example.org>')
  assert.equal(letter.eightBit, true)
  const bare = passed('Disk 2 failed\r\nReplace it\r\n')
  assert.match(bare.text, /\r\nFrom: [^\r\n]*\r\n\r\nDisk 2 failed\r\nReplace it\r\n$/, 'a mail without any header is a body')
})

test('with the sender of the box, answers go to whoever wrote the mail, and no broken signature is left', () => {
  const mail =
    'DKIM-Signature: v=1;\r\n b=abc\r\nFrom: "Smith, J." <js@lan>\r\nSender: daemon@lan\r\nDate: x\r\nMessage-ID: <1@nas>\r\n\r\nx\r\n'
  const { text } = passed(mail, { sender: 'own' })
  assert.equal(
    text,
    `${received}From: Pump station 7 <ps7@example.org>\r\nReply-To: "Smith, J." <js@lan>\r\nX-Original-Sender: daemon@lan\r\nDate: x\r\nMessage-ID: <1@nas>\r\n\r\nx\r\n`,
  )
  const answered = passed(`Reply-To: admin@lan\r\n${mail}`, { sender: 'own' }).text
  assert.match(answered, /\r\nReply-To: admin@lan\r\nX-Original-From: "Smith, J." <js@lan>\r\n/)
})

test('final delivery names the envelope sender, and an older Return-Path does not leave', () => {
  assert.doesNotMatch(passed('Return-Path: <old@lan>\r\nFrom: a@lan\r\n\r\nx\r\n').text, /Return-Path/)
  const kept = Buffer.from(withReturnPath(Buffer.from('From: a@lan\r\n\r\nx\r\n'), 'nas@lan>\r\nX: y')).toString()
  assert.match(kept, /^Return-Path: <nas@lan ?X: y>\r\nFrom: a@lan\r\n/, 'no line comes in by an address')
})

test('an IPv6 client is named as RFC 5321 section 4.1.3 has it', () => {
  const head = Buffer.from(headFor({ ...enclosed, by: '2001:db8::9' }, Buffer.from('From: a@lan\r\n\r\n'), about)).toString()
  assert.match(head, /^Received: from \[IPv6:2001:db8::9\] by /)
})

test('whatever the octets are, the body is never changed and every line of the new header is a field', () => {
  fc.assert(
    fc.property(
      fc
        .uint8Array({ maxLength: 400 })
        .map((octets) => Buffer.from(octets.map((octet) => [65, 58, 32, 13, 10, 10, 9, 200][octet % 8] ?? 65))),
      fc.constantFrom('keep' as const, 'own' as const),
      (raw, sender) => {
        // The source refuses bare CR and LF before.
        const content = Buffer.from(raw.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1')
        const facts = { ...about, sender }
        const head = headFor(enclosed, content, facts)
        assert.ok(Buffer.from(head).toString('latin1').endsWith('\r\n\r\n'))
        for (const line of Buffer.from(head).toString('latin1').slice(0, -4).split('\r\n')) assert.match(line, /^([!-9;-~]+[ \t]*:|[ \t])/)
        const { content: whole } = passOn(content, head, facts, [])
        const end = headBytes(content)
        const body = content.subarray(end).toString('latin1').replace(/^\r\n/, '')
        const got = Buffer.from(whole).toString('latin1').slice(head.length)
        assert.ok(got === body || got === `${body}\r\n`, JSON.stringify([body, got]))
      },
    ),
    { numRuns: 2000 },
  )
})
