import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import { type Alert, alertLimits, severities, states } from '../../src/alert/alert.ts'
import { cleanLine, cleanText } from '../../src/alert/clean.ts'
import { compose, type LetterFacts, type Look } from '../../src/mail/compose.ts'
import { templateFault } from '../../src/mail/template.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'

/**
 * Letters of random alerts, read by others: Python's email, mailparser, and reformime of Maildrop. `OUTPOST_LETTERS=10000` tries so many.
 */
const count = Number(process.env.OUTPOST_LETTERS ?? 300)
const at = instant(Date.UTC(2026, 10, 24, 3, 12))
const facts: LetterFacts = {
  id: 7,
  deviceId: '3f9c1a7be2d04c58',
  site: { name: 'Pumpwerk Süd', domain: 'pw7.example.org', timeZone: 'Europe/Berlin', language: 'de' },
  from: { name: 'Pumpwerk Süd', address: 'pw7@example.org' },
  to: [{ name: 'Leitstelle Nürnberg', address: 'leitstelle@example.org' }],
  envelopeTo: ['leitstelle@example.org'],
  when: { at, certainty: 'exact' },
  composedAt: at,
  via: 'MQTT',
  software: 'Outpost 0.1.0',
}
const stamp = { wall: at, mono: monotonic(1), boot: 'b', synchronised: 'yes' } as const

const unit = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }) },
  fc.constantFrom(
    '\r\n',
    '\r',
    '\n',
    '\n.\n',
    '\0',
    '\u2028',
    '\u202e',
    'שלום',
    '😀👩‍👩‍👧',
    '=?UTF-8?Q?x?=',
    '--=_',
    'From ',
    '\n\nFrom x',
    '<b>&',
    '\ud800',
    '\t',
    '=20',
  ),
)
const words = fc.array(unit, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''))
const long = fc
  .tuple(fc.constantFrom('x', 'ä', '😀 ', 'ab '), fc.integer({ min: 900, max: 100_000 }))
  .map(([one, times]) => one.repeat(Math.ceil(times / one.length)))
const text = fc.oneof({ weight: 9, arbitrary: words }, long)

/** As a decoder would have it: clean and bounded. */
const alerts: fc.Arbitrary<Alert> = fc
  .record({
    text,
    key: fc.option(words, { nil: undefined }),
    id: fc.option(words, { nil: undefined }),
    unit: fc.option(words, { nil: undefined }),
    value: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
    severity: fc.constantFrom(...severities),
    state: fc.constantFrom(...states),
    fields: fc.dictionary(words, fc.oneof(words, fc.double({ noNaN: true }), fc.boolean()), { maxKeys: 5 }),
    subject: fc.option(words, { nil: undefined }),
    raw: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
    trail: fc.option(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 86_400 }), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })), {
        minLength: 3,
        maxLength: 48,
      }),
      { nil: undefined },
    ),
  })
  .map(({ text: said, key, id, unit: of, value, fields, subject, raw, trail, ...rest }) => ({
    ...rest,
    source: 'plc',
    number: 4711,
    to: ['ops'],
    stamp,
    text: cleanText(said, alertLimits.textChars) || 'alert without text',
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, one]) => [cleanLine(name, 100), typeof one === 'string' ? cleanLine(one, 1024) : one]),
    ),
    ...(key === undefined ? {} : { key: cleanLine(key, alertLimits.keyChars) }),
    ...(id === undefined ? {} : { id: cleanLine(id, alertLimits.idChars) }),
    ...(of === undefined ? {} : { unit: cleanLine(of, alertLimits.unitChars) }),
    ...(value === undefined ? {} : { value }),
    ...(subject === undefined ? {} : { subject: cleanLine(subject, 200) }),
    ...(raw ? { raw: Buffer.from(raw).toString('base64') } : {}),
    ...(trail ? { trail: trail.sort((a, b) => b[0] - a[0]) } : {}),
  }))
const looks: fc.Arbitrary<Look> = fc.record({
  html: fc.boolean(),
  plot: fc.constantFrom('png', 'text', 'none'),
  json: fc.boolean(),
  maxBytes: fc.constantFrom(2000, 20_000, 1e7),
})
const templates = fc.record({ subject: words, body: words }, { requiredKeys: [] }).map((one) =>
  Object.fromEntries(
    Object.entries(one)
      .filter(([, template]) => templateFault(`${template}{{text}}`) === undefined)
      .map(([name, template]) => [name, `${template}{{text}}`]),
  ),
)
const letters = fc.record({ alert: alerts, look: looks, templates })

type Read = {
  subject: string
  names: string[]
  text: string
  html: string | null
  attachments: Record<string, string>
  defects: string[]
  error?: string
}

const sampled = fc.sample(letters, { numRuns: count, seed: Number(process.env.OUTPOST_SEED ?? Date.now() % 1e9) })
const mails = sampled.map(({ alert, look, templates: own }) => ({
  alert,
  look,
  content: Buffer.from(compose(alert, { ...facts, look, templates: own }).content),
}))

/** What both ends of a line may lose: how many line ends stand at the end. */
const trimmed = (value: string): string => value.replace(/\r\n/g, '\n').trimEnd()

describe(`${count} letters of random alerts`, () => {
  let read: Read[] = []

  test('are read by Python without a defect, in one header each', () => {
    const input = mails.map(({ content }) => JSON.stringify({ mail: content.toString('base64') })).join('\n')
    const python = spawnSync('python3', [new URL('readers.py', import.meta.url).pathname], {
      input: `${input}\n`,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })
    assert.equal(python.status, 0, python.stderr)
    read = python.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Read)
    assert.equal(read.length, mails.length)
    for (const [index, one] of read.entries()) {
      assert.equal(one.error, undefined, mails[index]?.content.toString())
      assert.deepEqual(one.defects, [])
      assert.equal(new Set(one.names).size, one.names.length)
      const strange = one.names.filter(
        (name) =>
          !/^(?:Received|From|To|Subject|Date|Message-ID|Auto-Submitted|Importance|Priority|X-Outpost-(?:Source|Number|Severity|State|Key|Alert-ID)|MIME-Version|Content-Type|Content-Transfer-Encoding)$/.test(
            name,
          ),
      )
      assert.deepEqual(strange, [])
    }
  })

  test('come back as the same words from Python and mailparser', async () => {
    for (const [index, { alert, content }] of mails.entries()) {
      const one = read[index]
      const parsed = await simpleParser(content, { skipHtmlToText: true, skipTextToHtml: true })
      assert.ok(one)
      assert.equal(trimmed(parsed.text ?? ''), trimmed(one.text), 'two readers, one text')
      assert.equal((parsed.subject ?? '').trim(), one.subject.trim())
      if (!/Süd|Pumpwerk/.test(alert.text))
        assert.ok(
          trimmed(one.text).includes(alert.text.slice(0, 200)),
          `${JSON.stringify(alert.text.slice(0, 200))} in ${JSON.stringify(one.text.slice(0, 400))}`,
        )
      if (alert.subject) assert.equal(one.subject.trim(), cleanLine(alert.subject, 150))
      if (alert.raw !== undefined) assert.equal(one.attachments['raw.bin'], alert.raw)
    }
  })

  test('come back as the same words from reformime', () => {
    for (const { content } of mails.slice(0, Math.min(count, 100))) {
      const sections = spawnSync('reformime', ['-i'], { input: content, encoding: 'utf8' })
      assert.equal(sections.status, 0, sections.stderr)
      const section = /section: ([\d.]+)\ncontent-type: text\/plain/.exec(sections.stdout)?.[1] ?? '1'
      const said = spawnSync('reformime', ['-s', section, '-e'], { input: content })
      const index = mails.findIndex((one) => one.content === content)
      assert.equal(trimmed(said.stdout.toString()), trimmed(read[index]?.text ?? ''))
    }
  })

  test('keep to the lengths of lines and words, and hold no bare CR, LF or high octet', () => {
    for (const { content } of mails) {
      const whole = content.toString('latin1')
      assert.doesNotMatch(whole, /\r(?!\n)|(?<!\r)\n|[^\x01-\x7f]/)
      assert.ok(whole.endsWith('\r\n'))
      for (const line of whole.split('\r\n')) assert.ok(line.length <= 998, `a line of ${line.length}`)
      const [head = '', ...body] = whole.split('\r\n\r\n')
      for (const line of body.join('\r\n').split('\r\n'))
        assert.ok(line.length <= 78, `a body line of ${line.length}: ${line.slice(0, 100)}`)
      for (const line of head.split('\r\n'))
        assert.ok(line.length <= 78 || !line.trim().includes(' '), `a header line of ${line.length}: ${line}`)
      for (const [word] of whole.matchAll(/=\?[^?\s]+\?[QB]\?[^?\s]*\?=/gi)) assert.ok(word.length <= 75)
    }
  })
})

const usual: [what: string, alert: Partial<Alert>, about: Partial<LetterFacts>][] = [
  ['a raise', { text: 'Pump 3 overtemp', key: 'pump-3/overtemp', state: 'raised', severity: 'critical', value: 81.2, unit: '°C' }, {}],
  [
    'a recovery',
    { text: 'Kühlraum 2 wieder im Bereich', state: 'cleared', telling: { kind: 'recovery' } },
    { since: { at: instant(at - 7e6), certainty: 'exact' } },
  ],
  [
    'a reminder',
    { text: 'Leak in pit', state: 'raised', telling: { kind: 'reminder', count: 2 } },
    { since: { at: instant(at - 7e6), certainty: 'exact' } },
  ],
  [
    'with HTML and picture',
    {
      text: 'Leak in pit',
      value: 3,
      trail: [
        [80_000, 1],
        [40_000, 2],
        [0, 3],
      ],
    },
    { look: { html: true, plot: 'png', json: false, maxBytes: 20_000 } },
  ],
  ['with attachments', { text: 'Leak in pit', raw: 'AAEC' }, { look: { html: false, plot: 'none', json: true, maxBytes: 20_000 } }],
  ['in English', { text: 'Door open', severity: 'info' }, { site: { ...facts.site, name: 'Cold store', language: 'en' } }],
]
for (const [what, one, about] of usual)
  test(`SpamAssassin finds nothing in a letter: ${what}`, (t) => {
    const { content } = compose(
      { source: 'plc', number: 1, state: 'event', severity: 'warning', text: '', to: ['ops'], stamp, ...one },
      { ...facts, ...about },
    )
    const judged = spawnSync('spamassassin', ['-L', '-t'], {
      input: content,
      encoding: 'utf8',
      timeout: 60_000,
    })
    const score = /X-Spam-Status:[^\n]*score=(-?[\d.]+)/.exec(judged.stdout)?.[1]
    assert.ok(score !== undefined, judged.stderr.slice(0, 500))
    t.diagnostic(`score ${score}, ${content.length} octets: ${/tests=([^\n]*)/.exec(judged.stdout)?.[1]}`)
    assert.ok(Number(score) <= 0.5, judged.stdout)
  })
