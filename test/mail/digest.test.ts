import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf, type Told } from '../../src/mail/digest.ts'
import { instant } from '../../src/ports/clock.ts'

const site = { name: 'Pump station 7', timeZone: 'Europe/Berlin', language: 'en' as const }
const about = { site, maxChars: 10_000 }
const night = Date.UTC(2026, 10, 24, 2, 0)
let counter = 0
const told = (minute: number, text: string, more: Partial<Told> = {}): Told => ({
  id: ++counter,
  source: 'plc',
  number: counter,
  state: 'event',
  severity: 'warning',
  text,
  at: instant(night + minute * 60_000),
  certain: true,
  ...more,
})

test('a digest leads with what is still active, then what came and went as one line, then what happened', () => {
  counter = 0
  const digest = digestOf(
    [
      told(0, 'Pump 3 overtemp', { key: 'p3', state: 'raised', severity: 'critical' }),
      told(1, 'Door open', { key: 'door', state: 'raised' }),
      told(2, 'Heartbeat late'),
      told(3, 'Heartbeat late'),
      told(9, 'Door closed', { key: 'door', state: 'cleared' }),
      told(12, 'Level low', { key: 'level', state: 'raised' }),
    ],
    about,
  )
  assert.equal(digest.subject, 'Pump station 7: 6 alerts after an outage, 2 still active')
  assert.equal(
    digest.text,
    [
      '6 alerts waited for the link: 2026-11-24 03:00-03:12.',
      '',
      'Still active (2)',
      '2026-11-24 03:00 CRITICAL: Pump 3 overtemp (plc #1, has a letter of its own)',
      '2026-11-24 03:12 Warning: Level low (plc #6)',
      '',
      'Came and went (1)',
      '2026-11-24 03:01-03:09 Warning: Door open -> Door closed (plc #2 #5)',
      '',
      'Happened (1)',
      '2026-11-24 03:02-03:03 Warning: 2 x Heartbeat late (plc #3 #4)',
      '',
      'Numbers told here: plc #1-#6',
    ].join('\n'),
  )
  assert.equal(digest.severity, 'critical')
  assert.deepEqual(digest.covers, [2, 3, 4, 5, 6], 'the critical one that is still active keeps its letter')
})

test('a letter of its own also keeps the numbers that it tells beside its own', () => {
  counter = 3
  const letter = told(0, 'Pump 3 overtemp', { key: 'p3', state: 'raised', severity: 'critical', merged: '#1-#2' })
  const digest = digestOf([letter, told(1, 'Door open', { merged: '#3' })], about)
  assert.match(digest.text, /^Numbers told here: plc #3-#5$/m)
})

test('what was told before the outage and ended in it is said to be over', () => {
  const digest = digestOf([told(0, 'Mains back', { key: 'mains', state: 'cleared' }), told(1, 'x')], about)
  assert.match(digest.text, /Came and went \(1\)\n2026-11-24 03:00 Warning: Mains back/)
})

test('what is over by a letter of its own is not called active; what was raised anew after that is', () => {
  counter = 0
  const [leak, door] = [
    { key: 'pit', state: 'raised' as const },
    { key: 'door', state: 'raised' as const },
  ]
  const { text, subject, covers } = digestOf(
    [
      told(0, 'Leak', { ...leak, severity: 'critical', ended: true }),
      told(1, 'Door open', { ...door, ended: true }),
      told(4, 'Leak again', leak),
      told(5, 'Leak grows', leak),
    ],
    { ...about, occasion: 'limit' },
  )
  assert.equal(subject, 'Pump station 7: 4 alerts beyond the limit, 1 still active')
  assert.match(text, /Still active \(1\)\n2026-11-24 03:05 Warning: Leak grows \(plc #4\)\n\nCame and went \(2\)\n/)
  assert.match(text, /03:00 CRITICAL: Leak \(plc #1\)\n2026-11-24 03:01 Warning: Door open \(plc #2\)\n/)
  assert.match(text, /Happened \(1\)\n2026-11-24 03:04 Warning: Leak again \(plc #3\)/)
  assert.deepEqual(covers, [1, 2, 3, 4])
})

test('what became worse stands as its newest raise says, with a letter of its own when that is critical', () => {
  counter = 0
  const oil = { key: 'oil', state: 'raised' as const }
  const worse = [told(0, 'Oil low', oil), told(2, 'Oil gone', { ...oil, severity: 'critical' }), told(3, 'Door')]
  const { text, covers } = digestOf(worse, about)
  assert.match(text, /Still active \(1\)\n2026-11-24 03:02 CRITICAL: Oil gone \(plc #2, has a letter of its own\)/)
  assert.match(text, /Happened \(2\)\n2026-11-24 03:00 Warning: Oil low \(plc #1\)/)
  assert.deepEqual(covers, [1, 3])
  const over = digestOf([...worse, told(9, 'Oil filled', { key: 'oil', state: 'cleared' })], about)
  assert.match(over.text, /Came and went \(1\)\n2026-11-24 03:00-03:09 Warning: Oil low -> Oil filled \(plc #1 #4\)/)
  assert.match(over.text, /03:02 CRITICAL: Oil gone \(plc #2\)/)
})

test('what only tells again stands for nothing that stands here itself, and for what was told before', () => {
  counter = 0
  const oil = { key: 'oil', state: 'raised' as const }
  const again = { ...oil, again: true, severity: 'critical' as const }
  const { text, names } = digestOf(
    [told(0, 'Oil low', { ...oil, severity: 'critical' }), told(9, 'Oil low', { ...again, number: 1 })],
    about,
  )
  assert.match(text, /Still active \(1\)\n2026-11-24 03:00 CRITICAL: Oil low \(plc #1, has a letter of its own\)/)
  assert.match(text, /Happened \(1\)\n2026-11-24 03:09 CRITICAL: Oil low \(plc #1\)/)
  assert.deepEqual(names, [1])
  const before = digestOf(
    [told(9, 'Oil low', { ...again, number: 1 }), told(30, 'Oil low', { ...again, number: 1 }), told(31, 'Door')],
    about,
  )
  assert.match(before.text, /Still active \(1\)\n2026-11-24 03:09 CRITICAL: Oil low/)
  assert.deepEqual(before.names, [3])
})

test('what several rules raised of one key ends for each of them by itself', () => {
  counter = 0
  const boiler = { key: 'b', state: 'raised' as const }
  const [warm, hot] = [
    { ...boiler, rule: 'warm' },
    { ...boiler, rule: 'hot' },
  ]
  const levels = [told(0, 'at 90', warm), told(1, 'at 120', hot)]
  const { text, subject } = digestOf([...levels, told(2, 'at 91', { ...hot, state: 'cleared' })], about)
  assert.equal(subject, 'Pump station 7: 3 alerts after an outage, 1 still active')
  assert.match(text, /Still active \(1\)\n2026-11-24 03:00 Warning: at 90 \(plc #1\)\n\nCame and went \(1\)\n/)
  assert.match(text, /03:01-03:02 Warning: at 120 -> at 91 \(plc #2 #3\)/)
  const both = digestOf([...levels, told(3, 'at 20', { ...warm, state: 'cleared', over: ['hot'] })], about)
  assert.match(both.text, /Came and went \(1\)\n2026-11-24 03:00-03:03 Warning: at 90 -> at 20 \(plc #1 #4\)\n\nHappened \(1\)\n.*at 120/)
  const unknown = digestOf([...levels, told(4, 'off', { ...boiler, state: 'cleared', endsAll: true })], about)
  assert.match(unknown.subject, /none still active/)
  const other = digestOf([...levels, told(5, 'at 20', { ...boiler, rule: 'cold', state: 'cleared' })], about)
  assert.match(other.subject, /2 still active/)
})

test('a level that another rule takes over, and one that ends by what just happened, are over', () => {
  counter = 0
  const boiler = { key: 'b', state: 'raised' as const }
  const hot = told(0, 'at 120', { ...boiler, rule: 'hot', severity: 'critical' })
  const { text, covers } = digestOf([hot, told(1, 'at 90', { ...boiler, rule: 'warm', over: ['hot'] })], about)
  assert.match(text, /Still active \(1\)\n2026-11-24 03:01 Warning: at 90 \(plc #2\)\n\nCame and went \(1\)\n/)
  assert.match(text, /03:00-03:01 CRITICAL: at 120 -> at 90 \(plc #1 #2\)/)
  assert.deepEqual(covers, [1, 2])
  const event = digestOf([hot, told(2, 'at 20', { key: 'b', rule: 'log', over: ['hot'] })], about)
  assert.match(event.subject, /none still active/)
  assert.match(event.text, /Came and went \(1\)\n.*at 120 -> at 20 \(plc #1 #3\)\n\nHappened \(1\)\n.*at 20 \(plc #3\)/)
  assert.match(digestOf([hot, told(3, 'at 20', { key: 'b', rule: 'log' })], about).subject, /1 still active/)
  assert.match(digestOf([hot, told(4, 'at 20', { key: 'c', rule: 'log', over: ['hot'] })], about).subject, /1 still active/)
})

test('an end that was kept ends nothing that was raised before it was told', () => {
  counter = 0
  const leak = { key: 'pit', state: 'raised' as const }
  const all = [
    told(0, 'Leak', leak),
    told(20, 'Leak again', { ...leak, id: 3 }),
    told(10, 'Dry', { ...leak, id: 4, heardAs: 2, state: 'cleared' }),
  ]
  const { text } = digestOf(all, about)
  assert.match(text, /Still active \(1\)\n.*Leak again/)
  assert.match(text, /Came and went \(1\)\n.*03:00-03:10 Warning: Leak -> Dry/)
})

test('one alert alone is told as what is over', () => {
  counter = 0
  const one = [told(0, 'Leak', { key: 'pit', state: 'raised', ended: true })]
  const { text, subject } = digestOf(one, { ...about, occasion: 'limit' })
  assert.equal(subject, 'Pump station 7: 1 alert beyond the limit, over by now')
  assert.match(
    text,
    /^1 alert, which is over by now: 2026-11-24 03:00\.\n\nCame and went \(1\)\n2026-11-24 03:00 Warning: Leak \(plc #1\)\n/,
  )
  assert.match(
    digestOf(one, { site: { ...site, language: 'de' }, maxChars: 999, occasion: 'limit' }).subject,
    /: 1 Alarm über der Grenze, inzwischen vorbei$/,
  )
})

test('a time that the device did not know is marked', () => {
  assert.match(digestOf([told(0, 'a', { certain: false }), told(1, 'b')], about).text, /~03:00/)
})

test('however much there is, the digest stays within its room, and every number can be found', () => {
  const alert = fc.record({
    source: fc.constantFrom('plc', 'field'),
    key: fc.constantFrom('a', 'b', 'c'),
    state: fc.constantFrom('raised' as const, 'cleared' as const, 'event' as const),
    severity: fc.constantFrom('critical' as const, 'warning' as const, 'info' as const),
    text: fc.string({ maxLength: 300, unit: 'binary' }),
  })
  fc.assert(
    fc.property(fc.array(alert, { minLength: 1, maxLength: 120 }), (alerts) => {
      const numbers = new Map<string, number>()
      const all = alerts.map((one, index) => {
        const number = (numbers.get(one.source) ?? 0) + 1
        numbers.set(one.source, number)
        return told(index, one.text, { ...one, number })
      })
      const digest = digestOf(all, { site, maxChars: 2000 })
      assert.ok(digest.text.length <= 2300, `${digest.text.length} characters`)
      for (const [source, number] of numbers) assert.ok(digest.text.includes(number === 1 ? `${source} #1` : `${source} #1-#${number}`))
      const left = all.filter((one) => !digest.covers.includes(one.id))
      assert.ok(left.every((one) => one.severity === 'critical' && one.state === 'raised'))
      assert.doesNotMatch(digest.text, /[\u0000-\u0009\u000b-\u001f]/)
    }),
    { numRuns: 300 },
  )
})
