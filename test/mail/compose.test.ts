import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alert/alert.ts'
import { timeSentence, whenHappened } from '../../src/alert/when.ts'
import { compose, type LetterFacts } from '../../src/mail/compose.ts'
import { composeNotice } from '../../src/mail/notice.ts'
import { decodeWords } from '../../src/mail/words.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'

const at = instant(Date.UTC(2026, 10, 24, 3, 12))
const facts: LetterFacts = {
  id: 7,
  deviceId: 'aa',
  site: { name: 'Pump station 7', domain: 'ps7.example.org', timeZone: 'Europe/Berlin', language: 'en' },
  from: { name: 'Pump station 7', address: 'ps7@example.org' },
  to: [{ name: 'Ops', address: 'ops@example.org' }],
  envelopeTo: ['ops@example.org'],
  when: { at, certainty: 'exact' },
  composedAt: at,
  via: 'MQTT',
  software: 'Outpost 0',
}
const stamp = { wall: at, mono: monotonic(1), boot: 'b', synchronised: 'yes' } as const
const alert: Alert = { source: 'plc', number: 3, state: 'raised', severity: 'critical', text: 'Pump 3 überhitzt', to: ['ops'], stamp }

/** A strict reader of RFC 5322 headers. */
const headers = (content: Uint8Array): [string, string][] => {
  const head = Buffer.from(content).toString('latin1').split('\r\n\r\n')[0] ?? ''
  return head
    .replace(/\r\n[ \t]/g, ' ')
    .split('\r\n')
    .map((line) => {
      const found = /^([!-9;-~]+): (.*)$/.exec(line)
      assert.ok(found, `a header line: ${JSON.stringify(line)}`)
      return [found[1] ?? '', found[2] ?? '']
    })
}

test('a letter says who, when and what, in the words of the standards', () => {
  const head = new Map(headers(compose(alert, facts).content))
  assert.equal(head.get('Date'), 'Tue, 24 Nov 2026 04:12:00 +0100')
  assert.equal(head.get('Message-ID'), '<o7.aa@ps7.example.org>')
  assert.equal(head.get('Auto-Submitted'), 'auto-generated')
  assert.equal(head.get('Importance'), 'high')
  assert.equal(decodeWords(head.get('Subject') ?? ''), 'Pump station 7: CRITICAL: Pump 3 überhitzt')
  assert.match(head.get('Received') ?? '', /^by ps7\.example\.org \(Outpost 0\) via MQTT id 7\.aa; Tue, 24 Nov 2026 04:12:00 \+0100$/)
})

test('nothing that a sensor says becomes a header, an address or a broken line', () => {
  const nasty = fc.string({
    unit: fc.constantFrom('\r', '\n', '\0', '\u2028', 'ä', '😀', ':', '<', '>', '@', ',', '=', '?', ' ', 'a', '.', '"', '\u202e'),
    maxLength: 300,
  })
  const namesOf = (content: Uint8Array) => headers(content).flatMap(([name]) => (name === 'Content-Transfer-Encoding' ? [] : [name]))
  const names = namesOf(compose({ ...alert, key: 'k' }, facts).content)
  fc.assert(
    fc.property(nasty, nasty, nasty, nasty, (text, key, topic, unit) => {
      const letter = compose(
        { ...alert, text, key: `k${key}`, topic, unit, value: 1, subject: `s${text}`, fields: { [key]: topic } },
        facts,
      )
      const whole = Buffer.from(letter.content).toString('latin1')
      assert.deepEqual(namesOf(letter.content), names)
      assert.doesNotMatch(whole, /\r(?!\n)|(?<!\r)\n|[^\x01-\x7f]/)
      assert.ok(whole.endsWith('\r\n'))
      for (const line of whole.split('\r\n')) assert.ok(line.length <= 998)
      for (const [word] of whole.matchAll(/=\?[^?\s]+\?[QB]\?[^?\s]*\?=/gi)) assert.ok(word.length <= 75)
      assert.deepEqual(letter.to, ['ops@example.org'])
    }),
    { numRuns: 500 },
  )
})

test('the same alert is the same octets, whenever it is composed', () => {
  assert.deepEqual(compose(alert, facts).content, compose(alert, { ...facts, composedAt: instant(at + 5000) }).content)
})

test('a clear answers the letter of its raise', () => {
  const head = new Map(headers(compose({ ...alert, state: 'cleared' }, { ...facts, thread: { root: '<o3.aa@ps7.example.org>' } }).content))
  assert.equal(head.get('In-Reply-To'), '<o3.aa@ps7.example.org>')
  assert.equal(head.get('References'), '<o3.aa@ps7.example.org>')
})

test('a notice names the reason and the letter, and has no sender to answer', () => {
  const original = compose(alert, facts).content
  const about = {
    id: 7,
    deviceId: 'aa',
    site: facts.site,
    software: 'x',
    to: 'operator@ps7.example.org',
    recipients: ['ops@example.org'],
    why: '550 no such user',
    when: facts.when,
  }
  const notice = composeNotice('refused', { ...about, original })
  assert.equal(notice.from, '')
  assert.equal(decodeWords(new Map(headers(notice.content)).get('Subject') ?? ''), 'Refused: Pump station 7: CRITICAL: Pump 3 überhitzt')
  assert.match(Buffer.from(notice.content).toString(), /550 no such user/)
})

test('a clock that was set later corrects the time; one that never was only bounds it', () => {
  const builtAt = instant(Date.UTC(2026, 0, 1))
  const wrong = { wall: instant(Date.UTC(2000, 0, 1)), mono: monotonic(60_000), boot: 'b1', synchronised: 'no' as const }
  const now = { wall: at, mono: monotonic(120_000), boot: 'b1', synchronised: 'yes' as const }
  assert.deepEqual(whenHappened(wrong, now, { builtAt }), { at: at - 60_000, certainty: 'corrected' })
  const later = whenHappened(wrong, { ...now, boot: 'b2' }, { builtAt })
  assert.equal(later.certainty, 'bounded')
  assert.match(timeSentence(later, 'UTC', 'en'), /^between 2026-01-01 .* and 2026-11-24 .*not set$/)
  const unset = whenHappened(wrong, { ...wrong, mono: monotonic(90_000) }, { builtAt })
  assert.equal(unset.certainty, 'unknown')
  assert.ok(unset.at >= builtAt)
})
