import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import { decode } from '../../src/decode/registry.ts'

/** Mails as devices send them, each with the alert that it is. */
const cases: { title: string; mail: string; text: string; severity?: string; from?: string }[] = [
  {
    title: 'a plain one of a UPS, marked as urgent',
    mail: 'From: ups@lan\r\nTo: ops@example.org\r\nSubject: On battery\r\nX-Priority: 1 (Highest)\r\n\r\nUtility power failed.\r\nRuntime: 12 min\r\n',
    text: 'On battery\nUtility power failed.\nRuntime: 12 min',
    severity: 'critical',
    from: 'ups@lan',
  },
  {
    title: 'a camera that writes Latin-1 in quoted-printable, subject in two encoded words',
    mail: 'From: =?iso-8859-1?Q?K=FChlhaus?= <cam@lan>\nSubject: =?iso-8859-1?Q?Bewegung_im?=\n =?iso-8859-1?Q?_K=FChlhaus?=\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nT=FCr 2=\n ge=F6ffnet\n',
    text: 'Bewegung im Kühlhaus\nTür 2 geöffnet',
    from: 'Kühlhaus <cam@lan>',
  },
  {
    title: 'a storage box with HTML beside the text, in base64',
    mail: `From: nas@lan\r\nSubject: Volume 1 degraded\r\nImportance: high\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b=1"\r\n\r\n--b=1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>no</p>\r\n--b=1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from('Disk 3 fällt aus').toString('base64')}\r\n--b=1--\r\n`,
    text: 'Volume 1 degraded\nDisk 3 fällt aus',
    severity: 'critical',
  },
  {
    title: 'one that has HTML alone',
    mail: 'From: plc@lan\r\nSubject: Level\r\nContent-Type: text/html\r\n\r\n<html><head><style>p { color: red }</style></head><body><p>Level &lt; 2&nbsp;m</p><script>alert(1)</script><div>Pump&amp;valve</div></body></html>',
    text: 'Level\nLevel < 2 m\n Pump&valve',
  },
  { title: 'a subject in raw UTF-8 and no body', mail: 'From: x@lan\r\nSubject: Türkontakt offen\r\n\r\n', text: 'Türkontakt offen' },
  {
    title: 'one of low importance',
    mail: 'From: x@lan\r\nSubject: Weekly report\r\nImportance: low\r\n\r\nfine\r\n',
    text: 'Weekly report\nfine',
    severity: 'info',
  },
]

for (const { title, mail, text, severity, from } of cases)
  test(title, () => {
    for (const decoder of ['mail', 'auto']) {
      const found = decode(decoder, Buffer.from(mail), {})
      assert.equal(found.decoder, 'mail')
      assert.ok(found.kind === 'reading')
      assert.equal(found.reading.text, text)
      assert.equal(found.reading.severity, severity)
      if (from !== undefined) assert.equal(found.reading.fields?.from, from)
    }
  })

test('subjects and texts of any characters are read as mailparser reads them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 60 }), fc.string({ maxLength: 200 }), async (subject, body) => {
      const clean = subject.replace(/\s+/g, ' ').trim() || 'x'
      const mail = `From: a@lan\r\nSubject: =?utf-8?B?${Buffer.from(clean).toString('base64')}?=\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`
      const [found, other] = [decode('mail', Buffer.from(mail), {}), await simpleParser(mail)]
      assert.ok(found.kind === 'reading')
      assert.equal(found.reading.fields?.subject, other.subject?.replace(/ {2,}/g, ' '))
    }),
    { numRuns: 100 },
  )
})

test('whatever is called a mail comes to an end, and to no exception', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      decode('mail', Buffer.from(`Subject: x\r\n${text}`), {})
    }),
    { numRuns: 300 },
  )
  for (const piece of ['<style>', '<', '&amp;', '=\r\n', '--b\r\n', 'A: b\r\n', '=?utf-8?B?QQ==?= ', '\r\n '])
    for (const head of ['Content-Type: text/html\r\n\r\n', 'Content-Type: multipart/mixed; boundary=b\r\n\r\n', '']) {
      // Quadratic work on this would take minutes.
      assert.ok(decode('auto', Buffer.from(`From: a@b\r\nSubject: x\r\n${head}${piece.repeat(60_000)}`), {}).kind !== 'ignored')
    }
})
