import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import { type Alert, alertLimits, severities, states } from '../../src/alert/alert.ts'
import { cleanLine, cleanText } from '../../src/alert/clean.ts'
import { compose, type LetterFacts, type Look } from '../../src/mail/compose.ts'
import { digestOf } from '../../src/mail/digest.ts'
import { composeNotice } from '../../src/mail/notice.ts'
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
    telling: fc.option(
      fc.record({
        kind: fc.constantFrom('raised' as const, 'reminder' as const, 'escalation' as const, 'recovery' as const, 'summary' as const),
        count: fc.integer({ min: 1, max: 99 }),
      }),
      { nil: undefined },
    ),
    merged: fc.option(fc.constantFrom('#4706-#4710', '#12 #14-#17'), { nil: undefined }),
    trail: fc.option(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 86_400 }), fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })), {
        minLength: 3,
        maxLength: 48,
      }),
      { nil: undefined },
    ),
  })
  .map(({ text: said, key, id, unit: of, value, fields, subject, raw, trail, telling, merged, ...rest }) => ({
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
    ...(telling ? { telling } : {}),
    ...(merged === undefined ? {} : { merged }),
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
const before = (ms: number) => instant(at - ms)
const spans = fc.integer({ min: 0, max: 9e8 })
/** What the box knows beside the alert: another language, a doubtful time, a thread, a delay. */
const circumstances: fc.Arbitrary<Partial<LetterFacts>> = fc.record(
  {
    site: fc.constant({ ...facts.site, language: 'en' as const }),
    when: fc.oneof(
      fc.constantFrom<LetterFacts['when']>({ at, certainty: 'corrected' }, { at, certainty: 'unknown' }),
      spans.map((ms): LetterFacts['when'] => ({ at: before(ms), certainty: 'bounded', notBefore: before(ms), notAfter: at })),
    ),
    since: spans.map((ms) => ({ at: before(ms), certainty: 'exact' as const })),
    lasted: spans.map((ms) => ({ leastMs: ms / 2, mostMs: ms })),
    previousNumber: fc.integer({ min: 1, max: 4710 }),
    thread: fc.constant({ root: '<o3.3f9c1a7be2d04c58@pw7.example.org>' }),
    delay: fc.constant({ attempts: 3, sentence: 'Wartete 3 h auf dem Gerät, weil kein Mailserver erreichbar war.' }),
  },
  { requiredKeys: [] },
)
const letters = fc.record({ alert: alerts, look: looks, templates, about: circumstances })

type Read = {
  subject: string
  names: string[]
  text: string
  html: string | null
  attachments: Record<string, string>
  defects: string[]
  error?: string
}

const seed = Number(process.env.OUTPOST_SEED ?? Date.now() % 1e9)
const sampled = fc.sample(letters, { numRuns: count, seed })
const mails = sampled.map(({ alert, look, templates: own, about }) => ({
  alert,
  look,
  content: Buffer.from(compose(alert, { ...facts, ...about, look, templates: own }).content),
}))

/** What both ends of a line may lose: how many line ends stand at the end. */
const trimmed = (value: string): string => value.replace(/\r\n/g, '\n').trimEnd()

describe(`${count} letters of random alerts, OUTPOST_SEED=${seed}`, () => {
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
          !/^(?:Received|From|To|Subject|Date|Message-ID|In-Reply-To|References|Auto-Submitted|Importance|Priority|X-Outpost-(?:Source|Number|Severity|State|Key|Alert-ID)|MIME-Version|Content-Type|Content-Transfer-Encoding)$/.test(
            name,
          ),
      )
      assert.deepEqual(strange, [])
    }
  })

  test('come back as the same words from Python and mailparser', async () => {
    for (const [index, { alert, look, content }] of mails.entries()) {
      const one = read[index]
      const parsed = await simpleParser(content, { skipHtmlToText: true, skipTextToHtml: true })
      assert.ok(one)
      assert.equal(trimmed(parsed.text ?? ''), trimmed(one.text), 'two readers, one text')
      assert.equal((parsed.subject ?? '').trim(), one.subject.trim())
      assert.ok(trimmed(one.text).includes(alert.text), `${JSON.stringify(alert.text)} in ${JSON.stringify(one.text.slice(0, 9000))}`)
      if (alert.merged !== undefined) assert.ok(one.text.includes(alert.merged))
      assert.equal(one.html === null, !look.html)
      if (one.html !== null) {
        assert.equal(trimmed(parsed.html || ''), trimmed(one.html))
        assert.doesNotMatch(one.html, /<(?:script|img|link|iframe)|\shref=|\ssrc=|url\(/i)
      }
      if (look.json) assert.equal(JSON.parse(Buffer.from(one.attachments['alert.json'] ?? '', 'base64').toString()).text, alert.text)
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

const thread = { root: '<o3.3f9c1a7be2d04c58@pw7.example.org>' }
const digest = digestOf(
  [1, 2, 3, 4, 5].map((number) => ({
    id: number,
    source: 'plc',
    number,
    key: `k${number % 2}`,
    state: number % 2 === 0 ? ('raised' as const) : ('event' as const),
    severity: 'warning' as const,
    text: `Pumpe ${number} gestört`,
    at: instant(at - number * 60_000),
    certain: true,
  })),
  { site: facts.site, maxChars: 10_000 },
)
const asAlert = ({ subject, text: said, severity }: typeof digest): Partial<Alert> => ({ source: 'outpost', subject, text: said, severity })

const usual: [what: string, alert: Partial<Alert>, about: Partial<LetterFacts>][] = [
  ['a raise', { text: 'Pump 3 overtemp', key: 'pump-3/overtemp', state: 'raised', severity: 'critical', value: 81.2, unit: '°C' }, {}],
  [
    'a recovery',
    { text: 'Kühlraum 2 wieder im Bereich', state: 'cleared', telling: { kind: 'recovery' } },
    { since: { at: instant(at - 7e6), certainty: 'exact' }, lasted: { leastMs: 7e6, mostMs: 7e6 } },
  ],
  [
    'a reminder',
    { text: 'Leak in pit', state: 'raised', telling: { kind: 'reminder', count: 2 } },
    { since: { at: instant(at - 7e6), certainty: 'exact' }, lasted: { leastMs: 7e6, mostMs: 7e6 } },
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
  ['an escalation', { text: 'Leak in pit', state: 'raised', severity: 'critical', telling: { kind: 'escalation' } }, { thread }],
  ['what was held', { text: 'Leak in pit', state: 'raised', telling: { kind: 'raised' }, merged: '#3-#7' }, { previousNumber: 2 }],
  [
    'of a doubtful time, late',
    { text: 'Leak in pit', at: '2026-11-24T03:30:00' },
    {
      when: { at: instant(at - 8e4), certainty: 'bounded', notBefore: instant(at - 8e4), notAfter: at },
      delay: { attempts: 3, sentence: 'Wartete 3 h auf dem Gerät, weil kein Mailserver erreichbar war.' },
    },
  ],
  [
    'with HTML, without a picture',
    { text: 'Kühlraum 2 zu warm', state: 'raised', severity: 'critical', value: -6.5, unit: '°C', key: 'room-2' },
    { look: { html: true, plot: 'none', json: false, maxBytes: 20_000 } },
  ],
  [
    'in words of its own',
    { text: 'Leak in pit', key: 'pit' },
    { templates: { subject: '{{site}} {{key}}: {{text}}', body: '{{text}}\nCall +49 911 000000 and close valve 3.' } },
  ],
  ['a digest', { ...asAlert(digest), telling: { kind: 'summary' } }, {}],
  ['a weekly report', { source: 'outpost', text: 'Das Gerät lebt.\nplc: 12 Alarme, #1-#12\n0 verloren.', severity: 'info' }, {}],
  ['in English', { text: 'Door open', severity: 'info' }, { site: { ...facts.site, name: 'Cold store', language: 'en' } }],
]
for (const [what, one, about] of usual)
  test(`SpamAssassin finds nothing in a letter: ${what}`, (t) => {
    const alert: Alert = { source: 'plc', number: 1, state: 'event', severity: 'warning', text: '', to: ['ops'], stamp, ...one }
    judge(t, compose(alert, { ...facts, ...about }).content)
  })

test('SpamAssassin finds nothing in a notice of a letter that was refused', (t) => {
  const alert: Alert = { source: 'plc', number: 1, state: 'event', severity: 'warning', text: 'Leak in pit', to: ['ops'], stamp }
  const { id, deviceId, site, software, when } = facts
  const fate = { to: 'operator@pw7.example.org', recipients: ['leitstelle@example.org'], why: '550 5.1.1 no such user' }
  judge(t, composeNotice('refused', { id, deviceId, site, software, when, ...fate, original: compose(alert, facts).content }).content)
})

/** Without the network, and without learning from what it sees: what words and structure alone are worth. */
function judge(t: TestContext, content: Uint8Array): void {
  const judged = spawnSync('spamassassin', ['-L', '-t', '--cf=use_bayes 0'], { input: content, encoding: 'utf8', timeout: 60_000 })
  const score = /X-Spam-Status:[^\n]*score=(-?[\d.]+)/.exec(judged.stdout)?.[1]
  assert.ok(score !== undefined, judged.stderr.slice(0, 500))
  t.diagnostic(`score ${score}, ${content.length} octets: ${/tests=([^\n]*)/.exec(judged.stdout)?.[1]}`)
  assert.ok(Number(score) <= 0.5, judged.stdout)
}
