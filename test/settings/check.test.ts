import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkSettings } from '../../src/settings/check.ts'
import { migrate } from '../../src/settings/migrate.ts'
import { effective } from '../../src/settings/schema.ts'

const example = readFileSync(new URL('example.json', import.meta.url), 'utf8')
const errors = (text: string) => checkSettings(text).findings.filter((finding) => finding.level === 'error')
const said = (settings: unknown) => errors(JSON.stringify(settings)).map((finding) => `${finding.path}: ${finding.what} ${finding.write}`)

test('nothing is a valid setting, and it names somebody to tell', () => {
  const { settings } = checkSettings('{}')
  assert.ok(settings)
  assert.equal(effective(settings).people[0]?.address, 'operator@outpost.internal')
})

test('the example of the documentation is valid, and nothing is to be said of it', () => {
  const { settings, findings } = checkSettings(example)
  assert.ok(settings)
  assert.deepEqual(findings, [])
})

test('what is valid and hardly meant is told: a mail door that nobody may use, a mailbox that nobody can open', () => {
  const { findings } = checkSettings(
    JSON.stringify({
      sources: [{ id: 'lan', kind: 'smtp', listen: '0.0.0.0:2525' }],
      mailbox: { users: [{ name: 'operator' }], pop3: { enabled: true } },
    }),
  )
  const paths = findings.map(({ path, what }) => `${path}: ${what}`)
  assert.match(paths[0] ?? '', /^mailbox\.users\[0\]\.password: .*nobody reads/)
  assert.match(paths[1] ?? '', /^sources\[0\]\.allow: .*none of them may send/)
})

test('an unknown key is answered with the nearest known one', () => {
  assert.deepEqual(said({ relays: [{ id: 'a', hots: 'x', host: 'x.org' }] }), [
    'relays[0].hots: The key "hots" is not known here. Did you mean host?',
  ])
  assert.deepEqual(said({ site: { lang: 'de' } }), ['site.lang: The key "lang" is not known here. Did you mean language?'])
})

const wrong: [settings: unknown, says: RegExp][] = [
  [{ broker: { topics: ['alerts/#/x'] } }, /broker\.topics\[0\]: .*MQTT topic filter/],
  [{ rules: [{ id: 'r', to: [], subject: 7 }] }, /rules\[0\]\.subject: .*Write a text, or \{ "en"/],
  [{ sources: [{ id: 's', kind: 'serail' }] }, /sources\[0\]\.kind: .*Did you mean serial\?/],
  [{ relays: [{ id: 'a', host: 'x.org', port: '587' }] }, /relays\[0\]\.port: There is "587".*whole number/],
  [{ relays: [{ id: 'a' }] }, /relays\[0\]\.host: Nothing is there, but it must be given/],
  [{ relays: [{ id: 'a', host: 'x.org\r\nMAIL' }] }, /relays\[0\]\.host/],
  [
    { relays: [{ id: 'a', host: 'x.org', security: 'none', auth: { kind: 'password', user: 'u', password: { secret: 's' } } }] },
    /give the password away/,
  ],
  [{ relays: [{ id: 'a', host: 'x.org', pin: ['AA:BB'] }] }, /relays\[0\]\.pin\[0\]: .*64 hexadecimal digits/],
  [{ relays: [{ id: 'a', host: 'x.org', pin: [] }] }, /at least one fingerprint/],
  [{ relays: [{ id: 'a', host: 'x.org', pin: ['AB'.repeat(32)], ca: 'ca.pem' }] }, /Keep one of the two/],
  [{ relays: [{ id: 'a', host: 'x.org', pin: ['AB'.repeat(32)], security: 'none' }] }, /no certificate is shown/],
  [{ relays: [{ id: 'a', host: 'x.org', auth: { kind: 'password', user: 'u', password: 'plain' } }] }, /secrets\.json/],
  [{ rules: [{ id: 'r', to: ['nobody'] }] }, /There is no person nobody/],
  [{ rules: [{ id: 'r', to: ['operator'], when: { text: '(?=a)' } }] }, /RE2/],
  [{ rules: [{ id: 'r', to: ['operator'], subject: '{{txt}}' }] }, /rules\[0\]\.subject: .*Did you mean \{\{text\}\}/],
  [{ rules: [{ id: 'r', to: ['operator'], body: { en: '{{text}}', de: '{{#value}}' } }] }, /rules\[0\]\.body\.de: .*Unclosed section/],
  [{ rules: [{ id: 'r', to: ['operator'], body: 'x'.repeat(4001) }] }, /at most 4000 characters/],
  [{ rules: [{ id: 'r', to: ['operator'], subject: { fr: '{{text}}' } }] }, /Known are: en, de/],
  [
    {
      people: [
        { id: 'a', address: 'a@x.org' },
        { id: 'a', address: 'b@x.org' },
      ],
    },
    /is there twice/,
  ],
  [{ broker: { listen: '0.0.0.0:1883' } }, /has no users/],
  [{ delivery: { retry: ['soon'] } }, /30s, 15m, 4h or 5d/],
  [{ delivery: { links: [{ interface: 'wwan 0' }] } }, /delivery\.links\[0\]\.interface: .*such as wwan0/],
  [{ delivery: { links: [{ interface: 'wwan0', cheap: true }] } }, /The key "cheap" is not known here/],
  [{ site: { timeZone: 'Mars/Base' } }, /Europe\/Berlin/],
  [{ version: 9 }, /version 9; this Outpost knows up to 1/],
  [[], /Write an object/],
]
for (const [settings, says] of wrong)
  test(`a sentence for ${JSON.stringify(settings).slice(0, 80)}`, () => assert.match(said(settings).join('\n'), says))

test('JSON that is broken is answered with line and column', () => {
  assert.match(errors('{\n  "site": {,\n}')[0]?.path ?? '', /line 2, column \d+/)
  assert.match(errors('')[0]?.what ?? '', /empty/)
})

test('whatever the file holds, the check says something and throws nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { settings, findings } = checkSettings(JSON.stringify(value))
      assert.ok(settings !== undefined || findings.some((finding) => finding.level === 'error' && finding.what && finding.write))
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => void checkSettings(text)))
  const whole = JSON.parse(example) as Record<string, unknown>
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(whole)), fc.jsonValue(), (key, value) => {
      const { settings, findings } = checkSettings(JSON.stringify({ ...whole, [key]: value }))
      assert.ok(settings !== undefined || findings.length > 0)
    }),
  )
})

/** Where the texts of a value are. */
function textsIn(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value === 'string') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]))
}

test('header injection (CWE-93; GHSA-268h-hp4c-crq3, GHSA-vvjj-xcjg-gr5g): no text of the settings takes a line end but the words of a rule', () => {
  const whole = JSON.parse(example)
  whole.rules[0].body = '{{text}}'
  const secret = { secret: 'a' }
  whole.relays[1].auth = { kind: 'oauth2', user: 'u', tokenUrl: 'https://id.example.org/t', clientId: 'c', refreshToken: secret }
  const paths = textsIn(whole)
  assert.ok(paths.length > 60)
  const words = ['rules.0.subject', 'rules.0.body']
  for (const path of paths)
    for (const end of ['\r\nBcc: evil@example.org', '\n', '\r', '\0']) {
      const one = structuredClone(whole)
      const holder = path.slice(0, -1).reduce((inner, key) => inner[key], one)
      holder[path.at(-1) ?? ''] += end
      assert.equal(said(one).length > 0, !words.includes(path.join('.')), `${path.join('.')} with ${JSON.stringify(end)}`)
    }
})

test('an older version is brought up to date, step by step', () => {
  const steps = new Map([[1, (json: Record<string, unknown>) => ({ ...json, mail: { from: json.sender } })]])
  assert.deepEqual(migrate({ version: 1, sender: 'a@b.org' }, steps, 2), {
    json: { version: 2, sender: 'a@b.org', mail: { from: 'a@b.org' } },
    notes: ['The settings were brought from version 1 to 2.'],
  })
})

test('Modbus numbers without a rule about a level are doubted, and names must differ', () => {
  const read = [{ name: 'level', address: 0 }]
  const source = { id: 'plc', kind: 'modbus', path: '/dev/ttyUSB0', read }
  const doubted = (settings: object) => checkSettings(JSON.stringify(settings)).findings.map((one) => `${one.level} ${one.what}`)
  const rule = { id: 'high', when: { field: 'value > 80' }, to: ['operator'] }
  assert.match(String(doubted({ sources: [source] })), /^note .*every change of level is a letter/)
  assert.deepEqual(doubted({ sources: [source], rules: [rule] }), [])
  assert.deepEqual(doubted({ sources: [{ ...source, read: [{ name: 'door', table: 'coil', address: 0 }] }] }), [])
  assert.match(String(said({ sources: [{ ...source, read: [...read, ...read] }] })), /read\[1\]\.name: The name level is there twice/)
})

test('topics that a group of boxes shares: how they are written, and what goes with them (MQTT 5 section 4.8.2)', () => {
  const field = { id: 'field', kind: 'mqtt', url: 'mqtts://broker.example.org', version: 5, qos: 2, topics: ['$share/pumps/alerts/#'] }
  const of = (more: object, settings: object = {}) =>
    checkSettings(JSON.stringify({ sources: [{ ...field, ...more }], ...settings })).findings.map(
      ({ level, path, what, write }) => `${level} ${path}: ${what} ${write}`,
    )
  assert.deepEqual(of({}), [])
  assert.deepEqual(of({ topics: ['alerts/#', '$share/g/+/state', '$SYS/broker/#'] }), [])
  for (const topic of ['$share', '$share/', '$share/g', '$share/g/', '$share//alerts', '$share/+/alerts', '$share/g#/x', '$share/g/a#'])
    assert.match(String(of({ topics: [topic] })), /^error sources\[0\]\.topics\[0\]: .*\$share\/GROUP\/alerts\/#/, topic)
  assert.match(String(of({ version: 4 })), /^error sources\[0\]\.version: .*MQTT 3\.1\.1 does not know.*"version": 5/)
  assert.match(String(said({ broker: { topics: ['$share/g/alerts/#'] } })), /broker\.topics\[0\]: .*MQTT topic filter/)
  assert.match(String(of({ clientId: 'ps7' })), /^note sources\[0\]\.clientId: .*throw each other out/)
  assert.match(String(of({ retained: 'accept' })), /^note sources\[0\]\.retained: .*not sent to a shared subscription/)
  assert.match(String(of({ qos: 0 })), /^note sources\[0\]\.qos: .*lost/)
  const rule = { id: 'r', repeat: ['1h'], to: ['operator'] }
  assert.match(String(of({}, { rules: [rule] })), /^note rules\[0\]\.repeat: .*another may hear cleared/)
  assert.deepEqual(of({}, { rules: [{ ...rule, when: { source: 'broker' } }] }), [])
  assert.deepEqual(of({ topics: ['alerts/#'] }, { rules: [rule] }), [])
})

test('disclosure of secrets (CWE-532): a password that stands where its name belongs is told by its place, and not repeated', () => {
  const relay = (auth: unknown) => ({ relays: [{ id: 'isp', host: 'relay.example.org', auth }] })
  const password = { kind: 'password', user: 'box' }
  const oauth2 = { kind: 'oauth2', user: 'box', clientId: 'x', tokenUrl: 'https://login.example.org/' }
  const cases: [settings: unknown, path: string][] = [
    [relay({ ...password, password: 'canary-4' }), 'relays[0].auth.password'],
    [relay({ ...password, password: 41414141 }), 'relays[0].auth.password'],
    [relay({ ...password, password: ['canary-4'] }), 'relays[0].auth.password'],
    [relay({ ...oauth2, refreshToken: 'canary-4' }), 'relays[0].auth.refreshToken'],
    [relay('canary-4'), 'relays[0].auth'],
    [{ relays: { auth: { ...password, password: 'canary-4' } } }, 'relays'],
    [{ sources: [{ id: 'hooks', kind: 'http', token: 'canary-4' }] }, 'sources[0].token'],
    [{ mailbox: { users: [{ name: 'operator', password: 'canary-4' }] } }, 'mailbox.users[0].password'],
  ]
  for (const [settings, path] of cases) {
    const { findings } = checkSettings(JSON.stringify(settings))
    assert.ok(
      findings.some((one) => one.path === path),
      JSON.stringify(findings),
    )
    assert.doesNotMatch(JSON.stringify(findings), /canary|41414141/)
  }
  const [other] = checkSettings('{"site":{"name":7}}').findings
  assert.match(other?.what ?? '', /^There is 7,/, 'what is no secret is shown')
})

test('rules may name the sources that the box has by itself', () => {
  const rules = ['sendmail', 'api', 'page', 'outpost', 'broker'].map((source) => ({
    id: source,
    when: { source },
    to: ['operator'],
    samples: [{ source, sent: 'Subject: Cron\n\nDisk full' }],
  }))
  assert.deepEqual(said({ rules }), [])
  assert.match(String(said({ rules: [{ id: 'r', when: { source: 'cli' }, to: ['operator'] }] })), /There is no source cli/)
})

test('a source with the name of one that the box has by itself is doubted, and the box starts all the same', () => {
  for (const [id, what] of [
    ['sendmail', 'cron, smartd'],
    ['api', 'machines post'],
    ['page', 'from the page'],
  ] as const) {
    const { settings, findings } = checkSettings(JSON.stringify({ sources: [{ id, kind: 'serial', path: '/dev/ttyUSB0' }] }))
    assert.ok(settings, id)
    assert.match(
      String(findings.map((one) => `${one.level} ${one.path}: ${one.what}`)),
      new RegExp(`^note sources\\[0\\]\\.id: .*${id} .*${what}`),
    )
  }
  assert.match(String(said({ sources: [{ id: 'outpost', kind: 'serial', path: '/dev/ttyUSB0' }] })), /is used by Outpost itself/)
})
