import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inflateSync } from 'node:zlib'
import fc from 'fast-check'
import type { Alert } from '../../src/alert/alert.ts'
import { decodeWords } from '../../src/alert/encoded-words.ts'
import { momentSaid } from '../../src/alert/said.ts'
import { type Lasted, timeSentence } from '../../src/alert/when.ts'
import { compose, type LetterFacts, type Look } from '../../src/mail/compose.ts'
import { plotPng, sparkline } from '../../src/mail/plot.ts'
import { durationText, numberText, saysNumber } from '../../src/mail/say.ts'
import { filled, templateFault, type View } from '../../src/mail/template.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'

const at = instant(Date.UTC(2026, 10, 24, 3, 12))
const facts: LetterFacts = {
  id: 7,
  deviceId: 'aa',
  site: { name: 'Cold store 2', domain: 'cs2.example.org', timeZone: 'Europe/Berlin', language: 'en' },
  from: { name: 'Cold store 2', address: 'cs2@example.org' },
  to: [{ name: 'Ops', address: 'ops@example.org' }],
  envelopeTo: ['ops@example.org'],
  when: { at, certainty: 'exact' },
  composedAt: at,
  via: 'MQTT',
  software: 'Outpost 0',
}
const stamp = { wall: at, mono: monotonic(1), boot: 'b', synchronised: 'yes' } as const
const alert: Alert = { source: 'plc', number: 4711, state: 'raised', severity: 'critical', text: 'Room 2 too warm', to: ['ops'], stamp }
const german = { ...facts.site, language: 'de' as const }
const html: Look = { html: true, plot: 'png', json: false, maxBytes: 20_000 }
const trail: [number, number][] = [
  [80_000, -18.5],
  [50_000, -17],
  [20_000, -12.25],
  [0, -6],
]

const wholeOf = (one: Partial<Alert>, about: Partial<LetterFacts> = {}): string =>
  Buffer.from(compose({ ...alert, ...one }, { ...facts, ...about }).content).toString()
const subjectOf = (one: Partial<Alert>, about: Partial<LetterFacts> = {}): string =>
  decodeWords((/^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(wholeOf(one, about))?.[1] ?? '').replace(/\r\n/g, ''))

describe('a subject', () => {
  test('says on a lock screen which kind of letter it is', () => {
    const since = { at: instant(at - 8_000_000), certainty: 'exact' as const }
    assert.equal(
      subjectOf({ telling: { kind: 'reminder', count: 2 } }, { since }),
      'Cold store 2: Still active (2): CRITICAL: Room 2 too warm',
    )
    assert.equal(subjectOf({ telling: { kind: 'escalation' } }, { since }), 'Cold store 2: Nobody acknowledged: CRITICAL: Room 2 too warm')
    assert.equal(
      subjectOf({ telling: { kind: 'escalation' } }, { site: german }),
      'Cold store 2: Niemand hat quittiert: KRITISCH: Room 2 too warm',
    )
    assert.equal(subjectOf({ state: 'cleared', telling: { kind: 'recovery' } }), 'Cold store 2: CLEARED: Room 2 too warm')
    assert.equal(subjectOf({ telling: { kind: 'raised' } }), 'Cold store 2: CRITICAL: Room 2 too warm')
  })

  test('says the value in the notation of the site, and not twice', () => {
    assert.equal(subjectOf({ value: -6.5, unit: '°C' }, { site: german }), 'Cold store 2: KRITISCH: Room 2 too warm (-6,5 °C)')
    assert.equal(subjectOf({ text: 'warm: -6,5 °C', value: -6.5, unit: '°C' }), 'Cold store 2: CRITICAL: warm: -6,5 °C')
  })
})

test('a number is written as the site writes it', () => {
  const german = (value: number) => numberText(value, 'de')
  assert.deepEqual([81.2, -6.5, 1234.5, 12345, 1234567.25, 0.1, 1e-7, -0].map(german), [
    '81,2',
    '-6,5',
    '1234,5',
    '12.345',
    '1.234.567,25',
    '0,1',
    '1e-7',
    '0',
  ])
  assert.equal(numberText(12345.5, 'en'), '12345.5')
})

test('a value stands in a text only as a whole number, in either notation', () => {
  for (const [text, value] of [
    ['Pump 3 at 81.20 °C', 81.2],
    ['Pumpe 3: 81,2 °C', 81.2],
    ['12.345 Liter', 12345],
    ['12,345.5 l', 12345.5],
    ['1.234.567,5 l', 1234567.5],
    ['at -6 °C', -6],
    ['pump-3', 3],
    ['drift 1e-7', 1e-7],
  ] as const)
    assert.ok(saysNumber(text, value), text)
  for (const [text, value] of [
    ['Pump 81 hot', 8],
    ['Zone 10', 1],
    ['3,5 bar', 35],
    ['at 6 °C', -6],
    ['at -6 °C', 6],
    ['firmware 1.2.3', 1.2],
  ] as const)
    assert.ok(!saysNumber(text, value), text)
})

test('a letter says since when, and which numbers it tells beside its own', () => {
  const since = { at: instant(at - 7_980_000), certainty: 'exact' as const }
  const lasted = { leastMs: 7_980_000, mostMs: 7_980_000 }
  const reminder = wholeOf({ telling: { kind: 'reminder', count: 1 }, merged: '#4706-#4710' }, { since, lasted, previousNumber: 4705 })
  assert.match(reminder, /Since: 2026-11-24 01:59:00 \(Europe\/Berlin\), 2 h 13 min\r\n/)
  assert.match(reminder, /\r\n#4711, previous #4705, also told here: #4706-#4710\r\n$/)
  const over = (how?: Lasted) =>
    /Since: .*Berlin\)(.*)\r\n/.exec(
      wholeOf({ state: 'cleared', telling: { kind: 'recovery' } }, { since, ...(how ? { lasted: how } : {}) }),
    )?.[1]
  assert.equal(over(lasted), ', lasted 2 h 13 min')
  assert.equal(over({ leastMs: 0, mostMs: 7_980_000 }), ', lasted at most 2 h 13 min')
  assert.equal(over({ leastMs: 3_600_000 }), ', lasted at least 60 min')
  assert.equal(over({ leastMs: 3_600_000, mostMs: 7_980_000 }), ', lasted 60 min to 2 h 13 min')
  for (const nothing of [undefined, { leastMs: 0 }]) assert.equal(over(nothing), '', 'nothing is known of it')
  for (const [ms, text] of [
    [40_000, '40 s'],
    [780_000, '13 min'],
    [7_980_000, '2 h 13 min'],
    [10_800_000, '3 h'],
    [273_600_000, '3 d 4 h'],
  ] as const)
    assert.equal(durationText(ms), text)
})

test('machines find what they need in the header', () => {
  const whole = wholeOf({ id: 'a-1', key: 'room-2' })
  for (const line of ['Alert-Id: a-1', 'Key: room-2', 'State: raised', 'Severity: critical', 'Number: 4711', 'Source: plc'])
    assert.match(whole, new RegExp(`\r\nX-Outpost-${line}\r\n`, 'i'))
})

describe('a template', () => {
  const own = (subject: string, body: string) => ({ templates: { subject, body } })

  test('makes subject and first words, with values in the notation of the site; nothing is escaped', () => {
    const about = { ...own('{{site}} {{value}} {{unit}} <{{fields.zone}}>', '{{text}}!\n{{#key}}Key {{key}}{{/key}}'), site: german }
    const one = { value: 7.5, unit: '°C', fields: { zone: 'a&b' } }
    assert.equal(subjectOf(one, about), 'Cold store 2 7,5 °C <a&b>')
    assert.match(wholeOf({ key: 'room' }, about), /\r\n\r\nRoom 2 too warm!\r\nKey room\r\n\r\nZeit: /)
  })

  test('keeps the mark of a reminder in front of its own words', () => {
    assert.equal(subjectOf({ telling: { kind: 'reminder', count: 3 } }, own('{{text}}', '{{text}}')), 'Still active (3): Room 2 too warm')
  })

  test('template injection and prototype pollution (CWE-1336, CWE-1321): names nothing but what it is given, in any way of writing it', () => {
    const view = { text: 't', fields: JSON.parse('{"__proto__":"own","a":"y"}') } as unknown as View
    for (const name of [
      '__proto__',
      'constructor',
      'constructor.name',
      'toString',
      'hasOwnProperty',
      'this',
      '.',
      'fields',
      '__proto__.polluted',
    ])
      for (const form of [`{{${name}}}`, `{{{${name}}}}`, `{{&${name}}}`, `{{#${name}}}x{{/${name}}}`, `{{^${name}}}x{{/${name}}}`])
        assert.match(templateFault(form) ?? '', /no placeholder/, form)
    for (const name of ['__proto__', 'constructor', 'toString', '__defineGetter__'])
      assert.equal(filled(`{{${name}}}|{{{${name}}}}`, view), '|', name)
    for (const name of ['fields.constructor', 'fields.toString', 'fields.__proto__.constructor', 'fields.constructor.constructor'])
      for (const form of [`{{${name}}}`, `{{{${name}}}}`, `{{#${name}}}x{{/${name}}}`]) assert.equal(filled(form, view), '', form)
    assert.equal(filled('{{fields.__proto__}}', view), 'own', 'a field of that name is a field')
    // What a value says is no template.
    assert.equal(filled('{{text}}', { ...view, text: '{{fields.a}}{{=<% %>=}}' }), '{{fields.a}}{{=<% %>=}}')
    const whole = wholeOf({ text: 'a\r\nBcc: evil@example.org\r\n\r\nx' }, own('{{text}}\r\nBcc: evil@example.org\n', 'words'))
    assert.doesNotMatch(whole.slice(0, whole.indexOf('\r\n\r\nwords')), /^Bcc:/m)
    assert.match(whole, /\r\n\r\nwords/)
  })

  test('with an unknown placeholder, a partial or an open section is refused with a sentence', () => {
    assert.equal(templateFault('{{site}} {{fields.any thing}} {{{text}}}'), undefined)
    assert.match(templateFault('{{txt}}') ?? '', /no placeholder \{\{txt\}\}.*Did you mean \{\{text\}\}/)
    assert.match(templateFault('{{#value}}{{valeu}}{{/value}}') ?? '', /valeu/)
    assert.match(templateFault('{{#value}}') ?? '', /[Uu]nclosed section/)
    assert.match(templateFault('{{> other}}') ?? '', /no meaning/)
    assert.match(templateFault('{{=<% %>=}}') ?? '', /no meaning/)
    assert.match(templateFault('{{#value}}{{! a note {{text}}{{/value}}') ?? '', /comment .* would swallow/)
    assert.equal(templateFault('{{! a note }}{{text}}'), undefined)
    assert.match(templateFault('{{text') ?? '', /[Uu]nclosed tag/)
    assert.match(templateFault('{{constructor}}') ?? '', /no placeholder/)
  })

  test('with whatever in it never throws once it was found good, and gives text', () => {
    const view = { site: 's', text: 't', value: '1', fields: { 'a.b': 'x', a: 'y', toString: 'z' } } as unknown as View
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{{{',
      '}}}',
      '#',
      '/',
      '^',
      '&',
      '!',
      'text',
      'value',
      'fields.a.b',
      'fields.toString',
      ' ',
      '\n',
      'x',
      '{{text}}',
      '{{fields.a.b}}',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const template = pieces.join('')
        if (templateFault(template) === undefined) assert.equal(typeof filled(template, view), 'string')
      }),
      { numRuns: 2000 },
    )
  })

  test('finds a field whose name has dots in it', () => {
    assert.equal(filled('{{fields.a.b}}|{{fields.a}}|{{fields.none}}', { fields: { 'a.b': 'x', a: 'y' } } as unknown as View), 'x|y|')
  })
})

describe('the richer twin', () => {
  test('shows the same words, escaped (XSS, CWE-79), for light and dark, and nothing from elsewhere', () => {
    const whole = wholeOf({ text: '<script>alert(1)</script> & "x"', fields: { '<b>': '</td>' } }, { look: { ...html, plot: 'none' } })
    assert.match(whole, /Content-Type: multipart\/alternative;/)
    const part = whole.split('Content-Type: text/html')[1]?.replace(/=\r\n/g, '').replace(/=3D/g, '=') ?? ''
    assert.match(part, /<h1>&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; &quot;x&quot;<\/h1>/)
    assert.match(part, /prefers-color-scheme:dark/)
    assert.doesNotMatch(part, /<script|https?:|<b>/)
  })

  test('has the last day as a picture when there is room for it', () => {
    const picture = wholeOf({ trail, value: -6, unit: '°C' }, { look: html })
    assert.match(picture, /multipart\/mixed;[\s\S]*multipart\/alternative;[\s\S]*Content-Disposition: inline; filename="last-day.png"/)
    assert.match(picture, /Last day: -18\.5 \.\. -6 =C2=B0C/)
    assert.ok(picture.length < 6000, `${picture.length} octets`)
    const small = wholeOf({ trail, value: -6 }, { look: { ...html, maxBytes: 6000 } })
    assert.doesNotMatch(small, /image\/png/)
    assert.match(small, /text\/html/)
  })

  test('has the last day as a line in the text beside the picture, or in place of it', () => {
    for (const maxBytes of [2000, 20_000])
      assert.match(wholeOf({ trail, value: -6 }, { look: { ...html, html: false, maxBytes } }), /\r\nLast day: -18\.5 \.\. -6 {2}\S/)
    assert.doesNotMatch(wholeOf({ trail: [[0, -6]], value: -6 }, { look: html }), /Last day/)
  })

  test('begins with a heading of one line; more words stand below it', () => {
    const shown = (text: string) => wholeOf({ text }, { look: { ...html, plot: 'none' } }).replace(/=\r\n/g, '')
    assert.match(shown('Leak\nin the pit\nbelow'), /<h1>Leak<\/h1>\r\n<p [^>]*>in the pit\r\nbelow<\/p>/)
    assert.doesNotMatch(shown('word '.repeat(80)), /<h1>/)
  })

  test('is the same octets each time', () => {
    assert.equal(
      wholeOf({ trail, raw: 'AAEC' }, { look: { ...html, json: true } }),
      wholeOf({ trail, raw: 'AAEC' }, { look: { ...html, json: true } }),
    )
  })

  test('what is attached is what was heard, and what a machine reads', () => {
    const whole = wholeOf(
      { raw: Buffer.from([0, 1, 2, 255]).toString('base64'), key: 'room' },
      { look: { html: false, plot: 'none', json: true, maxBytes: 1e6 } },
    )
    assert.match(whole, /multipart\/mixed/)
    assert.match(whole, /filename="raw.bin"\r\n\r\nAAEC\/w==\r\n/)
    const json = /filename="alert.json"\r\n\r\n([\s\S]*?)\r\n--/.exec(whole)?.[1] ?? ''
    const read = JSON.parse(Buffer.from(json, 'base64').toString())
    assert.deepEqual([read.source, read.number, read.key, read.stamp], ['plc', 4711, 'room', '2026-11-24T03:12:00.000Z'])
  })
})

describe('the plot', () => {
  test('in a line goes from low to high over the day', () => {
    const line = sparkline(trail)
    assert.match(line, /^_ *\. *=? *[-=+*] *#$/)
    assert.equal(line.at(-1), '#')
    assert.equal(sparkline([[0, 5]]), '_')
  })

  test('as a picture is a PNG whose dots are those of the values', () => {
    const png = Buffer.from(plotPng(trail))
    assert.equal(png.subarray(1, 4).toString(), 'PNG')
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [320, 80])
    const data = png.indexOf('IDAT')
    const rows = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)))
    assert.equal(rows.length, 81 * 80)
    const dot = (x: number, y: number) => ((rows[y * 81 + 1 + (x >> 2)] ?? 0) >> (6 - 2 * (x & 3))) & 3
    assert.equal(dot(319, 2), 1, 'the newest value is the highest, at the right edge')
    assert.equal(dot(23, 76), 1, 'the oldest is the lowest, 80,000 s ago')
    assert.equal(dot(160, 79), 2, 'the frame')
  })

  test('as a line stands in the text when asked for', () => {
    const look: Look = { html: false, plot: 'text', json: false, maxBytes: 20_000 }
    assert.match(wholeOf({ trail, value: -6, unit: 'C' }, { look }), /\r\nLast day: -18\.5 \.\. -6 C {2}[_.\-=+*# ]+#\r\n/)
  })
})

describe('what a device says of the time', () => {
  test('is taken in the zone of the site when it names none, and says so', () => {
    const row = (said: string) => /^Device time: (.*)\r$/m.exec(wholeOf({ at: said }))?.[1]
    assert.equal(row('2026-11-24T04:12:00'), '2026-11-24 04:12:00 (Europe/Berlin); zone of the site assumed')
    assert.equal(row('2026-11-24T03:12:00Z'), '2026-11-24 04:12:00 (Europe/Berlin)')
    assert.equal(row('2026-11-24T03:02:00Z'), '2026-11-24 04:02:00 (Europe/Berlin); 10 min behind this box')
    assert.equal(row('04:12:00,11-24-2026'), '2026-11-24 04:12:00 (Europe/Berlin); zone of the site assumed')
    assert.equal(row('11:28 03/25'), '11:28 03/25')
  })

  test('is understood in the forms that devices use, leaps included', () => {
    const iso = (text: string) => {
      const said = momentSaid(text, 'Europe/Berlin')
      return said && `${new Date(said.at).toISOString().slice(0, 19)}Z ${said.zone}${said.twice ? ' twice' : ''}`
    }
    assert.equal(iso('1646832724'), '2022-03-09T13:32:04Z given')
    assert.equal(iso('1680962879.62'), '2023-04-08T14:07:59Z given')
    assert.equal(iso('1638223073190'), '2021-11-29T21:57:53Z given')
    assert.equal(iso('20060926 143015'), '2006-09-26T12:30:15Z assumed')
    assert.equal(iso('190101125431W'), '2019-01-01T11:54:31Z given')
    assert.equal(iso('2026-10-25T02:30:00'), '2026-10-25T00:30:00Z assumed twice')
    assert.equal(iso('2026-03-29T02:30:00'), '2026-03-29T01:00:00Z assumed')
    assert.equal(iso('2026-02-30T00:00:00'), undefined)
    assert.equal(iso('soon'), undefined)
    assert.equal(iso('0000-01-01T00:00:00'), undefined, 'a clock that was never set')
  })
})

test('a time that is known to a minute is told as one, and how far it may be off', () => {
  const span = (from: number, to: number) =>
    timeSentence(
      { at: instant(at), certainty: 'bounded', notBefore: instant(at + from), notAfter: instant(at + to) },
      'Europe/Berlin',
      'en',
    )
  assert.equal(span(0, 80_000), '2026-11-24 04:12:40 ±40 s (Europe/Berlin)')
  assert.equal(span(0, 600_000), '2026-11-24 04:17:00 ±5 min (Europe/Berlin)')
  assert.match(span(0, 601_000), /^between /)
})
