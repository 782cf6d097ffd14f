import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { instantOf, wallOf } from '../../src/alert/local.ts'
import { type Instant, instant } from '../../src/ports/clock.ts'
import { type Hours, isOpen, isWeekly, nextChange, nextWeekly, parseHours } from '../../src/rules/hours.ts'

const minute = 60_000
const day = 86_400_000
const berlin = 'Europe/Berlin'

const hoursOf = (text: string): Hours => {
  const hours = parseHours(text)
  return typeof hours === 'string' ? assert.fail(hours) : hours
}
const at = (text: string): Instant => instant(Date.parse(text))
const open = (text: string, when: string, holidays: string[] = []) => isOpen(hoursOf(text), at(when), berlin, holidays)

describe('hours', () => {
  test('over midnight belong to the day on which they begin', () => {
    const text = 'Mon-Fri 18:00-06:00, Sat-Sun'
    // 2026-11-23 is a Monday; Berlin is one hour ahead of UTC.
    for (const [when, is] of [
      ['2026-11-23T03:00Z', false],
      ['2026-11-23T16:59Z', false],
      ['2026-11-23T17:00Z', true],
      ['2026-11-24T04:59Z', true],
      ['2026-11-24T05:00Z', false],
      ['2026-11-28T04:59Z', true],
      ['2026-11-28T12:00Z', true],
      ['2026-11-29T22:59Z', true],
      ['2026-11-29T23:00Z', false],
    ] as const)
      assert.equal(open(text, when), is, when)
  })

  test('know holidays, of every year and of one', () => {
    const list = ['12-25', '2026-04-03']
    assert.equal(open('Mon-Fri 08:00-17:00 not holidays', '2026-12-24T10:00Z', list), true)
    assert.equal(open('Mon-Fri 08:00-17:00 not holidays', '2026-12-25T10:00Z', list), false)
    assert.equal(open('Sat-Sun, holidays', '2026-04-03T10:00Z', list), true)
    assert.equal(open('Sat-Sun, holidays', '2027-04-02T10:00Z', list), false)
  })

  test('may be written in German, or without days', () => {
    assert.equal(open('Mo-Fr 08:00-17:00, Feiertage', '2026-11-23T10:00Z'), true)
    assert.equal(open('22:00-24:00', '2026-11-23T22:30Z'), true)
    assert.equal(open('Fri-Mon', '2026-11-24T10:00Z'), false)
  })

  test('know each day by its English and its German name', () => {
    const names = ['Mon Mo', 'Tue Di', 'Wed Mi', 'Thu Do', 'Fri Fr', 'Sat Sa', 'Sun So'].map((one) => one.split(' '))
    for (const [index, both] of names.entries())
      for (const [other] of names.entries())
        for (const name of both) assert.equal(open(name, `2026-11-${23 + other}T10:00Z`), index === other, `${name}, day ${other}`)
  })

  test('that cannot be read are answered with what to write', () => {
    for (const text of [
      '',
      'Mon-Foo',
      'Mon 25:00-26:00',
      'Mon 08:00',
      'Mon,,Tue',
      'Mon-Tue-Wed',
      'Mon 08:60-09:00',
      'x'.repeat(200),
      'Mon,'.repeat(40),
    ])
      assert.match(String(parseHours(text)), /Write/, text)
  })

  test('change where the clock says so, also when it leaps: compared minute by minute', () => {
    const zones: [zone: string, begin: number][] = [
      [berlin, Date.UTC(2026, 2, 27)],
      [berlin, Date.UTC(2026, 9, 23)],
      ['Australia/Lord_Howe', Date.UTC(2026, 3, 3)],
      ['America/New_York', Date.UTC(2026, 10, 29)],
    ]
    const days = fc.constantFrom('', 'Mon-Fri ', 'Sat-Sun ', 'Sun ', 'Sun-Mon ')
    const time = fc
      .integer({ min: 0, max: 1439 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`)
    const early = fc
      .integer({ min: 60, max: 210 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`)
    const span = fc.tuple(days, fc.oneof(time, early), fc.oneof(time, early)).map(([d, from, to]) => `${d}${from}-${to}`)
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 3 * 1440 }),
        (spans, [zone, begin], skip) => {
          const hours = hoursOf(spans.join(', '))
          const from = instant(begin + skip * minute + 17)
          const now = isOpen(hours, from, zone, [])
          let moment = Math.floor(from / minute + 1) * minute
          while (moment < from + 3 * day && isOpen(hours, instant(moment), zone, []) === now) moment += minute
          const next = nextChange(hours, from, zone, [])
          if (moment < from + 3 * day) assert.equal(next, moment)
          else assert.ok(next === undefined || next >= moment)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('asked again, in another zone, with other holidays or of an earlier moment, answer what is asked', () => {
    const hours = hoursOf('Mon-Fri 08:00-17:00 not holidays')
    const monday = at('2026-11-23T04:00Z')
    const none: string[] = []
    const next = (from: Instant, zone: string, holidays: string[]) => new Date(nextChange(hours, from, zone, holidays) ?? 0).toISOString()
    for (let i = 0; i < 2; i++) {
      assert.equal(next(monday, berlin, none), '2026-11-23T07:00:00.000Z')
      assert.equal(next(monday, 'UTC', none), '2026-11-23T08:00:00.000Z')
      assert.equal(next(monday, berlin, ['11-23']), '2026-11-24T07:00:00.000Z')
      assert.equal(next(at('2026-11-23T07:00Z'), berlin, none), '2026-11-23T16:00:00.000Z')
      assert.equal(next(at('2026-11-20T10:00Z'), berlin, none), '2026-11-20T16:00:00.000Z')
    }
  })

  test('that never change say so', () => {
    assert.equal(nextChange(hoursOf('Mon-Sun'), at('2026-11-23T10:00Z'), berlin, []), undefined)
  })
})

describe('the clock on the wall', () => {
  test('shows some times twice and some never', () => {
    assert.equal(new Date(instantOf(Date.UTC(2026, 9, 25, 2, 30), berlin)).toISOString(), '2026-10-25T00:30:00.000Z')
    assert.equal(new Date(instantOf(Date.UTC(2026, 2, 29, 2, 30), berlin)).toISOString(), '2026-03-29T01:00:00.000Z')
    assert.equal(wallOf(at('2026-03-29T01:00Z'), berlin), Date.UTC(2026, 2, 29, 3))
  })

  test('brings the weekly letter once a week, at its hour', () => {
    assert.equal(isWeekly('Mon 08:00'), true)
    for (const text of ['Monday', 'Mon 24:00', '08:00', 'Foo 08:00']) assert.equal(isWeekly(text), false, text)
    assert.equal(nextWeekly('so 7:45', at('2026-11-23T10:00Z'), 'UTC'), Date.parse('2026-11-29T07:45Z'))
    assert.equal(nextWeekly('soon', at('2026-11-23T10:00Z'), 'UTC'), undefined)
    let moment = at('2026-10-12T06:00Z')
    const seen: string[] = []
    for (let i = 0; i < 4; i++) {
      moment = nextWeekly('Mon 08:00', moment, berlin) ?? assert.fail('no next')
      seen.push(new Date(moment).toISOString().slice(0, 16))
    }
    assert.deepEqual(seen, ['2026-10-19T06:00', '2026-10-26T07:00', '2026-11-02T07:00', '2026-11-09T07:00'])
  })
})
