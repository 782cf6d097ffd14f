import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DkimKey, dkimRecord, publishedKey, relaxedBody, relaxedField, signed } from '../../src/mail/dkim.ts'
import { keepDkimKey, readDkimKey } from '../../src/mail/dkim-key.ts'
import { message } from '../../src/mail/message.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { dkimpy } from '../peers/dkim.ts'
import { DnsServer } from '../peers/dns.ts'
import { missing } from '../peers/process.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { rsaKey } from '../sim/world/rsa-key.ts'

const key: DkimKey = { selector: 'outpost', domain: 'example.org', privateKey: createPrivateKey(rsaKey) }
const text = (octets: Uint8Array) => Buffer.from(octets).toString('latin1')
const octets = (words: string) => Buffer.from(words.replace(/\r?\n/g, '\r\n'), 'latin1')
const skip = missing('dkimverify')

test('the canonical forms are those of the example in RFC 6376 section 3.4.5', () => {
  assert.equal(relaxedField('A: X'), 'a:X')
  assert.equal(relaxedField('B : Y\t\r\n\tZ  '), 'b:Y Z')
  const relaxed = (body: string) => text(relaxedBody(octets(body)))
  assert.equal(relaxed(' C \r\nD \t E\r\n\r\n\r\n'), ' C\r\nD E\r\n')
  assert.equal(relaxed(''), '')
  assert.equal(relaxed('\r\n\r\n'), '')
  assert.equal(relaxed('\r\n\r\na \t'), '\r\n\r\na\r\n')
  assert.equal(relaxed(' \t '), '')
})

const letter = message(
  ['Received: by ps7.example.org (Outpost 0) via MQTT; Tue, 24 Nov 2026 03:12:00 +0000'],
  [
    ['From', [{ name: 'Pumpstation Müritz', address: 'ps7@example.org' }]],
    ['To', Array.from({ length: 12 }, (_, index) => ({ name: `Person number ${index}`, address: `person${index}@example.org` }))],
    ['Subject', 'Pump 3 überhitzt, und das ist ein langer Betreff, der gefaltet werden muss, weil er so lang ist'],
    ['Date', 'Tue, 24 Nov 2026 03:12:00 +0000'],
    ['Message-ID', '<o7.aa@ps7.example.org>'],
    ['Auto-Submitted', 'auto-generated'],
  ],
  'Pump 3 überhitzt\n\n.a line with a dot   and spaces  \n\n\n',
)

test('a signature stands in front, in lines that every server takes, and the message behind it is as it was', () => {
  const whole = text(signed(letter, key))
  assert.ok(whole.endsWith(text(letter)))
  const field = whole.slice(0, whole.length - letter.length)
  assert.match(field, /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=example\.org;\r\n s=outpost;\r\n/)
  assert.ok(field.endsWith('\r\n'))
  for (const line of field.slice(0, -2).split('\r\n')) assert.ok(line.length <= 78, line)
  // A second From, To or Subject that somebody adds would be shown instead of ours.
  const names = /h=([^;]*);/.exec(field.replace(/\r\n /g, ''))?.[1]?.split(':') ?? []
  for (const name of ['from', 'to', 'subject', 'date', 'content-type']) assert.equal(names.filter((one) => one === name).length, 2, name)
  assert.ok(!names.includes('received'))
  assert.doesNotMatch(field, /\b[tx]=/)
})

test('the same letter has the same signature', () => assert.deepEqual(signed(letter, key), signed(letter, key)))

test('the record is made of strings that a zone file and a TXT record take', () => {
  const { name, value, zoneLine } = dkimRecord(key)
  assert.equal(name, 'outpost._domainkey.example.org')
  assert.match(value, /^v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+=*$/)
  const strings = [...zoneLine.matchAll(/"([^"]*)"/g)].map((found) => found[1] ?? '')
  assert.equal(strings.join(''), value)
  assert.ok(strings.length === 2 && strings.every((one) => one.length <= 255))
  assert.equal(publishedKey(value), publishedKey(`p=${(publishedKey(value) ?? '').replace(/(.{60})/g, '$1 ')}; k=rsa; v=DKIM1 ;`))
  assert.equal(publishedKey('v=DKIM1; p='), '')
  assert.equal(publishedKey('v=spf1 -all'), undefined)
  assert.equal(publishedKey('hello'), undefined)
})

const strings = (value: string) => value.match(/.{1,255}/g) ?? []

test('dkimpy verifies what was signed, and nothing that was changed afterwards', { skip, timeout: 60_000 }, async () => {
  const server = await DnsServer.start({ 'outpost._domainkey.example.org': { txt: [strings(dkimRecord(key).value)] } })
  try {
    const good = signed(letter, key)
    const changed = (from: string | RegExp, to: string) => {
      const now = text(good).replace(from, to)
      assert.notEqual(now, text(good), `${from} is there to be changed`)
      return Buffer.from(now, 'latin1')
    }
    const kept = [
      good,
      // What a server on the way may do: a trace in front, white space at the ends of lines, other folding.
      octets(`Received: from somewhere by elsewhere\n${text(good)}`),
      changed('\r\nFrom:', ' \r\nFrom: '),
      changed(/$/, '\r\n\r\n'),
      ...['', '\n', 'a', 'a\n\n\n', '\n\nb\n', ' \t \n', 'tab\t\ttab \n'].map((body) =>
        signed(octets(`From: <a@example.org>\nX: y\n\n${body}`), key),
      ),
      signed(octets('From: <a@example.org>\n'), key),
      signed(octets('FROM: <a@example.org>\nSubject: one\nSubject: two\nTo:\n \t<b@example.org>,\n\t<c@example.org>\n\nx\n'), key),
    ]
    const broken = [
      changed('ps7@example.org', 'boss@example.org'),
      changed('Subject: ', 'Subject: Re: '),
      changed('=C3=BCberhitzt', 'kalt'),
      changed('\r\nFrom:', '\r\nFrom: <boss@example.org>\r\nFrom:'),
      changed('\r\nFrom:', '\r\nSubject: Pay at once\r\nFrom:'),
      changed('\r\nFrom:', '\r\nReply-To: <evil@example.com>\r\nFrom:'),
      changed(/$/, 'one more line\r\n'),
      changed('s=outpost', 's=other'),
    ]
    const verdicts = await dkimpy(server.port, [...kept, ...broken])
    assert.deepEqual(
      verdicts.slice(0, kept.length),
      kept.map(() => true),
    )
    for (const [index, verdict] of verdicts.slice(kept.length).entries()) assert.notEqual(verdict, true, text(broken[index] ?? letter))
  } finally {
    await server.stop()
  }
})

test('dkimpy verifies letters of every kind', { skip, timeout: 60_000 }, async () => {
  const server = await DnsServer.start({ 'outpost._domainkey.example.org': { txt: [strings(dkimRecord(key).value)] } })
  try {
    const words = fc.string({ unit: 'binary', maxLength: 300 })
    const letters = fc.sample(fc.tuple(words, words, words), { numRuns: 200, seed: 26_11_24 }).map(([subject, name, body]) =>
      signed(
        message(
          [],
          [
            ['From', [{ name, address: 'ps7@example.org' }]],
            ['To', [{ name: '', address: 'ops@example.org' }]],
            ['Subject', subject],
          ],
          body,
        ),
        key,
      ),
    )
    for (const [index, verdict] of (await dkimpy(server.port, letters)).entries())
      assert.equal(verdict, true, text(letters[index] ?? letter))
  } finally {
    await server.stop()
  }
})

test('the key is made once, kept from others, and another selector is another key', async () => {
  const disk = new SimDisk()
  await disk.makeDir('data')
  assert.equal(await readDkimKey(disk, 'data', 'outpost'), undefined)
  const random = new NodeRandom()
  const made = await keepDkimKey(disk, random, 'data', 'outpost')
  assert.equal(made.asymmetricKeyDetails?.modulusLength, 2048)
  assert.ok(made.equals(await keepDkimKey(disk, random, 'data', 'outpost')))
  // The name and the octets were synced: after a power cut the key that was published is still there.
  const after = disk.powerCut(new SimRandom(1))
  assert.ok((await readDkimKey(after, 'data', 'outpost'))?.equals(made))
  assert.ok(!(await keepDkimKey(after, random, 'data', 'next')).equals(made))
})

test('a file that holds no key is told, and not overwritten', async () => {
  const disk = new SimDisk()
  await disk.makeDir('data/dkim')
  for (const no of ['', 'nonsense', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n']) {
    await disk.write('data/dkim/outpost.pem', Buffer.from(no))
    await assert.rejects(keepDkimKey(disk, new SimRandom(1), 'data', 'outpost'), /holds no RSA private key/)
    assert.equal(Buffer.from(await disk.read('data/dkim/outpost.pem')).toString(), no)
  }
})
