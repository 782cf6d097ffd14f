import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alert/alert.ts'
import { decodeWords } from '../../src/alert/encoded-words.ts'
import type { Stamp } from '../../src/alert/stamp.ts'
import { howLong, isSettled, timeSentence, whenHappened } from '../../src/alert/when.ts'
import { SourceMemory } from '../../src/decode/memory.ts'
import { decode } from '../../src/decode/registry.ts'
import { compose, type LetterFacts } from '../../src/mail/compose.ts'
import { composeNotice } from '../../src/mail/notice.ts'
import { encodeWords, fold } from '../../src/mail/words.ts'
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
  assert.match(head.get('Received') ?? '', /^by ps7\.example\.org \(Outpost 0\) via MQTT; Tue, 24 Nov 2026 04:12:00 \+0100$/)
})

test('two boxes of a group that were given the same message name its letter alike, and nothing else is named so', () => {
  const heard: Alert = { ...alert, state: 'event', topic: 'alerts/door', id: 'd-17', at: '2026-11-24T03:12:00Z' }
  const other = { id: 4711, deviceId: 'bb', site: { ...facts.site, domain: 'ps8.example.org' }, group: 'pumps' }
  const letter = (more: Partial<Alert> = {}, about: Partial<LetterFacts> = {}) =>
    new Map(headers(compose({ ...heard, ...more }, { ...facts, group: 'pumps', ...about }).content))
  const name = letter().get('Message-ID') ?? ''
  assert.match(name, /^<g[0-9a-f]{32}@example\.org>$/)
  assert.equal(letter({ number: 9, source: 'mqtt' }, other).get('Message-ID'), name)
  assert.match(letter().get('Received') ?? '', /via MQTT id o7\.aa; /, 'a report of a server further on still finds our letter')
  for (const more of [{ id: 'd-18' }, { at: '2026-11-24T03:13:00Z' }, { topic: 'alerts/gate' }])
    assert.notEqual(letter(more).get('Message-ID'), name)
  const own = '<o7.aa@ps7.example.org>'
  assert.equal(new Map(headers(compose(heard, facts).content)).get('Message-ID'), own, 'no group')
  const { id: _, ...nameless } = heard
  const { at: __, ...timeless } = heard
  for (const one of [nameless, timeless, { ...heard, state: 'raised' as const }, { ...heard, parent: 3 }, { ...heard, covers: [3] }])
    assert.equal(new Map(headers(compose(one, { ...facts, group: 'pumps' }).content)).get('Message-ID'), own)
})

test('header injection (CWE-93): nothing that a sensor says becomes a header, an address or a broken line', () => {
  const nasty = fc.string({
    unit: fc.constantFrom('\r', '\n', '\0', '\u2028', 'ä', '😀', ':', '<', '>', '@', ',', '=', '?', ' ', 'a', '.', '"', '\u202e'),
    maxLength: 300,
  })
  // These two say what the text is, and stand there only when it is more than ASCII.
  const namesOf = (content: Uint8Array) =>
    headers(content).flatMap(([name]) => (['Content-Type', 'Content-Transfer-Encoding'].includes(name) ? [] : [name]))
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

test('files and addresses (CWE-73, CWE-918): what names a file or a URL is text, wherever it stands, and nothing is fetched or read', () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-compose-`)
  try {
    writeFileSync(`${dir}/secret`, 'canary-of-a-file')
    for (const where of [`${dir}/secret`, `file://${dir}/secret`, `http://127.0.0.1:1/x`]) {
      // What nodemailer would take for a file: attachments {path} and text {path} (its GHSAs, and its default).
      for (const treacherous of [{ path: where }, { href: where }]) {
        const json = JSON.stringify({
          text: treacherous,
          key: treacherous,
          html: treacherous,
          attachments: [treacherous],
          raw: treacherous,
        })
        const found = decode('json', Buffer.from(json), { memory: new SourceMemory() })
        assert.ok(found.kind === 'reading')
        const one: Alert = { ...alert, ...found.reading, state: 'event', severity: 'warning' }
        const look = { html: true, plot: 'none', json: true, maxBytes: 100_000 } as const
        const octets = Buffer.from(compose(one, { ...facts, look }).content).toString()
        const text = octets.replace(/=\r\n/g, '')
        assert.ok(!text.includes('canary') && !text.includes(Buffer.from('canary-of').toString('base64')))
        assert.ok(text.includes('secret') || text.includes('127.0.0.1'), 'it is told as words')
      }
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
  const message = readFileSync(new URL('../../src/mail/message.ts', import.meta.url), 'utf8')
  assert.match(message, /const noAccess = \{ disableFileAccess: true, disableUrlAccess: true \}/)
  assert.deepEqual([...new Set(message.match(/new MimeNode\([^)]*\)/g))], ['new MimeNode(false, noAccess)'])
})

test('every field of the header stands there once, however many are told', () => {
  const many = { ...facts, to: [...facts.to, { name: 'Night, shift', address: 'night@example.org' }, { address: 'c@example.org' }] }
  const fields = headers(compose(alert, { ...many, thread: { root: '<o3.aa@ps7.example.org>' } }).content)
  assert.equal(new Set(fields.map(([name]) => name)).size, fields.length)
  assert.equal(new Map(fields).get('To'), 'Ops <ops@example.org>, "Night, shift" <night@example.org>, c@example.org')
})

const usual: [what: string, alert: Partial<Alert>, facts: Partial<LetterFacts>][] = [
  [
    'a line from a PLC',
    { text: 'PUMP3 OVERTEMP', key: 'pump3' },
    { site: { name: 'Pump station 7', domain: 'ps7.example.org', timeZone: 'Europe/Berlin', language: 'en' } },
  ],
  [
    'a German alert with value and topic',
    {
      text: 'Pumpe 3 überhitzt: Lager bei 81.2 °C',
      key: 'pump-3/overtemp',
      value: 81.2,
      unit: '°C',
      topic: 'alerts/pump3',
    },
    { replyTo: 'leitstelle@example.org' },
  ],
  [
    'a German recovery for two people, in the thread of its raise',
    {
      text: 'Kühlraum 2 wieder im Bereich',
      key: 'kuehlraum-2',
      state: 'cleared',
      severity: 'warning',
      value: -18.5,
      unit: '°C',
    },
    {
      to: [
        { name: 'Bereitschaft', address: 'bereitschaft@example.org' },
        { name: 'Betriebsführung', address: 'bf@example.org' },
      ],
      thread: { root: '<o48102.3f9c1a7be2d04c58@pw7.example.org>' },
    },
  ],
]
for (const [what, more, about] of usual)
  test(`${what} is less than 1 KB as a whole`, (t) => {
    const { content } = compose(
      { ...alert, number: 4711, source: 'field', ...more },
      {
        ...facts,
        id: 48_213,
        deviceId: '3f9c1a7be2d04c58',
        site: { name: 'Pumpwerk Süd', domain: 'pw7.example.org', timeZone: 'Europe/Berlin', language: 'de' },
        from: { name: 'Pumpwerk Süd', address: 'pw7@example.org' },
        to: [{ name: 'Leitstelle Nürnberg', address: 'leitstelle@example.org' }],
        software: 'Outpost 0.1.0',
        previousNumber: 4705,
        ...about,
      },
    )
    t.diagnostic(`${content.length} octets`)
    assert.ok(content.length < 1000, `${content.length} octets:\n${Buffer.from(content)}`)
  })

test('ASCII stands as it is; other text takes the shorter encoding', () => {
  const of = (text: string) => new Map(headers(compose({ ...alert, text }, facts).content))
  assert.equal(of('pump 3 = hot').get('Content-Transfer-Encoding'), undefined)
  assert.equal(of('pump 3 = hot').get('Content-Type'), undefined, 'plain ASCII is what a letter is without it (RFC 2045 section 5.2)')
  assert.equal(of('Pumpe überhitzt').get('Content-Transfer-Encoding'), 'quoted-printable')
  assert.equal(of('Насос перегрелся, подшипник горячий, остановлен вручную').get('Content-Transfer-Encoding'), 'base64')
  assert.equal(of('x'.repeat(79)).get('Content-Transfer-Encoding'), 'quoted-printable', 'lines stay short')
})

test('header words beyond ASCII come back as they were, each decodes alone, and no line is long', () => {
  const text = fc.string({ unit: fc.constantFrom('ä', '😀', 'a', 'longer', ' ', '?', '=', '_', ':', '=?', 'я', '"'), maxLength: 120 })
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 40 }), (raw, column) => {
      const value = raw.replace(/ +/g, ' ').trim()
      const folded = fold(`${'x'.repeat(column - 1)} ${encodeWords(value, column)}`)
      for (const line of folded.split('\r\n')) assert.ok(line.length <= 76 || !/=\?.*\?=/.test(line), line)
      const unfolded = folded.replaceAll('\r\n', '').slice(column)
      assert.match(unfolded, /^[\x20-\x7e]*$/)
      assert.equal(decodeWords(unfolded), value)
      for (const [word] of unfolded.matchAll(/=\?UTF-8\?[QB]\?[^?]*\?=/g)) {
        assert.ok(word.length <= 75, word)
        assert.doesNotMatch(decodeWords(word), /\ufffd/)
      }
    }),
    // What ends like an encoded word stands beside one, and keeps its blank.
    { examples: [['?= ä', 1]] },
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

describe('what a broker had stored', () => {
  const known = { builtAt: instant(Date.UTC(2026, 0, 1)) }
  const heard = { wall: at, mono: monotonic(7_200_000), boot: 'b1', synchronised: 'yes' as const }
  const ago = (ms: number) => ({ ...heard, wall: instant(heard.wall - ms), mono: monotonic(heard.mono - ms) })
  const said = (stored: Stamp['stored'], language: 'en' | 'de' = 'en', now: Stamp = heard) =>
    timeSentence(whenHappened({ ...heard, ...(stored ? { stored } : {}) }, now, known), 'UTC', language)

  test('is not dated by its arrival, but between that and the last moment at which the broker had nothing', () => {
    assert.equal(said(undefined), '2026-11-24 03:12:00 (UTC)')
    const hour = { since: ago(3_600_000) }
    assert.equal(said(hour), 'between 2026-11-24 02:12:00 (UTC) and 2026-11-24 03:12:00 (UTC); the broker had stored it')
    assert.equal(said(hour, 'de'), 'zwischen 2026-11-24 02:12:00 (UTC) und 2026-11-24 03:12:00 (UTC); der Broker hatte es gespeichert')
    assert.equal(said({ since: ago(60_000) }), '2026-11-24 03:11:30 ±30 s (UTC)')
    assert.equal(said({ since: ago(2000) }), '2026-11-24 03:12:00 (UTC)', 'too little to tell')
    assert.equal(said({}), '2026-11-24 03:12:00 (UTC) or earlier; the broker had stored it')
    assert.equal(said({}, 'de'), '2026-11-24 03:12:00 (UTC) oder früher; der Broker hatte es gespeichert')
  })

  test('is corrected when the clock is set, both ends', () => {
    const unset = (stamp: Stamp): Stamp => ({ ...stamp, wall: instant(stamp.wall - 86_400_000 * 365), synchronised: 'no' })
    const stamp = { ...unset(heard), stored: { since: unset(ago(3_600_000)) } }
    const set = whenHappened(stamp, heard, known)
    assert.deepEqual(set, { at, certainty: 'stored', notBefore: at - 3_600_000, notAfter: at })
    assert.equal(isSettled(stamp, heard, known), false)
    assert.equal(isSettled({ ...heard, stored: { since: ago(3_600_000) } }, heard, known), true)
    assert.equal(isSettled({ ...heard, stored: { since: unset(ago(3_600_000)) } }, heard, known), false)
    assert.match(timeSentence(whenHappened(stamp, unset(heard), known), 'UTC', 'en'), /^unknown; the clock of the device is not set$/)
    assert.match(timeSentence(whenHappened(unset(heard), unset(heard), known), 'UTC', 'en'), /^unknown, not before 2026-01-01 /)
  })

  test('has an honest Date: when it came here, by a clock that is right', () => {
    const when = whenHappened({ ...heard, stored: {} }, heard, known)
    assert.equal(new Map(headers(compose(alert, { ...facts, when }).content)).get('Date'), 'Tue, 24 Nov 2026 04:12:00 +0100')
  })
  test('lasted as long as both ends admit, without a clock within one boot', () => {
    const hour = 3_600_000
    const unset = (stamp: Stamp): Stamp => ({ ...stamp, wall: instant(0), synchronised: 'no' })
    const lasted = (since: Stamp, until: Stamp) => howLong(since, until, heard, known)
    assert.deepEqual(lasted(ago(hour), heard), { leastMs: hour, mostMs: hour })
    assert.deepEqual(lasted(unset(ago(hour)), unset(heard)), { leastMs: hour, mostMs: hour })
    const stored = { ...heard, stored: { since: ago(hour) } }
    assert.deepEqual(
      lasted(stored, { ...stored, mono: monotonic(heard.mono + 1000) }),
      { leastMs: 0, mostMs: hour + 1000 },
      'both while it was away',
    )
    assert.deepEqual(lasted(ago(2 * hour), stored), { leastMs: hour, mostMs: 2 * hour }, 'it was over while it was away')
    assert.deepEqual(lasted({ ...ago(hour), stored: {} }, heard), { leastMs: hour }, 'nobody knows since when')
    const earlier = (stamp: Stamp): Stamp => ({ ...stamp, boot: 'b0' })
    assert.deepEqual(lasted(earlier(ago(hour)), heard), { leastMs: hour, mostMs: hour })
    assert.deepEqual(howLong(unset(earlier(ago(hour))), unset(heard), unset(heard), known), { leastMs: 0 }, 'no clock at all')
  })
})
