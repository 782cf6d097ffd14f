import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stamp } from '../../src/alert/stamp.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'
import { dayEnds, isUsedUp, spend, spentIn, spentToday } from '../../src/queue/budget.ts'
import { freeLeave, keptBy, leaveOf } from '../../src/queue/leave.ts'

const zone = 'Europe/Berlin'
const builtAt = instant(Date.UTC(2026, 0, 1))
const hour = 3_600_000
/** A moment: the wall clock in UTC, hours since boot, which boot. */
const at = (wall: string, uptimeHours: number, boot = 'one', synchronised: Stamp['synchronised'] = 'yes'): Stamp => ({
  wall: instant(Date.parse(`${wall}Z`)),
  mono: monotonic(uptimeHours * hour),
  boot: `${boot}-long-enough`,
  synchronised,
})
const ten = { letters: 10, octets: 8000 }
const nothing = { letters: 0, octets: 0 }
const today = (from: Stamp, now: Stamp) => spentToday(spend(undefined, ten, from, builtAt, zone), now, builtAt, zone)

const stories: [what: string, from: Stamp, now: Stamp, counts: boolean][] = [
  ['an hour later', at('2026-11-24T10:00', 5), at('2026-11-24T11:00', 6), true],
  ['after midnight of the site, which is not that of UTC', at('2026-11-24T22:50', 5), at('2026-11-24T23:10', 5 + 1 / 3), false],
  ['before midnight of the site', at('2026-11-24T22:10', 5), at('2026-11-24T22:50', 5 + 2 / 3), true],
  ['set forward by four days a minute later', at('2026-11-20T10:00', 1, 'one', 'no'), at('2026-11-24T15:00', 1.02), true],
  ['set back by a year a minute later', at('2027-11-24T10:00', 1), at('2026-11-24T10:01', 1.02), true],
  ['set back over midnight, seen the next day', at('2026-11-25T00:30', 1), at('2026-11-24T23:10', 1.7), false],
  ['after a restart on the same day', at('2026-11-24T10:00', 5), at('2026-11-24T11:00', 0.1, 'two'), true],
  ['after a night without power', at('2026-11-24T10:00', 5), at('2026-11-25T11:00', 0.1, 'two'), false],
  ['after a restart, without anybody to set the clock', at('2026-11-24T10:00', 5), at('2026-11-23T08:00', 0.1, 'two', 'no'), true],
  ['a day later, still without', at('2026-11-24T10:00', 5), at('2026-11-24T09:00', 25, 'two', 'no'), false],
  [
    'from a boot whose clock was never set, in one that began today',
    at('1970-01-01T00:10', 0.2, 'one', 'no'),
    at('2026-11-24T12:00', 3, 'two'),
    true,
  ],
  [
    'from a boot whose clock was never set, in one that began days ago',
    at('1970-01-01T00:10', 0.2, 'one', 'no'),
    at('2026-11-24T12:00', 70, 'two'),
    false,
  ],
  ['said to be of the year 2099, in a boot that began today', at('2099-01-01T10:00', 5), at('2026-11-24T12:00', 3, 'two'), true],
  ['said to be of the year 2099, in a boot that began yesterday', at('2099-01-01T10:00', 5), at('2026-11-24T12:00', 30, 'two'), false],
]
for (const [what, from, now, counts] of stories)
  test(`what left, ${what}, ${counts ? 'counts' : 'is of another day'}`, () => assert.deepEqual(today(from, now), counts ? ten : nothing))

test('additions of one day add up, and the next day begins at nothing', () => {
  let spent = spend(undefined, ten, at('2026-11-24T10:00', 1), builtAt, zone)
  spent = spend(spent, { letters: 1, octets: 700 }, at('2026-11-24T12:00', 3), builtAt, zone)
  assert.deepEqual({ letters: spent.letters, octets: spent.octets, serial: spent.serial }, { letters: 11, octets: 8700, serial: 2 })
  spent = spend(spent, { letters: 1, octets: 700 }, at('2026-11-25T12:00', 27), builtAt, zone)
  assert.deepEqual({ letters: spent.letters, octets: spent.octets }, { letters: 1, octets: 700 })
  assert.deepEqual(spentIn(JSON.parse(JSON.stringify(spent))), spent)
  for (const wrong of [undefined, null, 7, {}, { ...spent, at: {} }, { ...spent, letters: '7' }]) assert.equal(spentIn(wrong), undefined)
})

test('either of the two uses the budget up', () => {
  const of = { letters: 500, octets: 1_000_000 }
  assert.equal(isUsedUp({ letters: 499, octets: 999_999 }, of), false)
  assert.equal(isUsedUp({ letters: 500, octets: 0 }, of), true)
  assert.equal(isUsedUp({ letters: 0, octets: 1_000_000 }, of), true)
})

test('a day ends at midnight of the site, also when it has 23 or 25 hours', () => {
  const ends = (wall: string, timeZone = zone) => new Date(dayEnds(instant(Date.parse(`${wall}Z`)), timeZone)).toISOString()
  assert.equal(ends('2026-11-24T10:00'), '2026-11-24T23:00:00.000Z')
  assert.equal(ends('2026-03-28T23:30'), '2026-03-29T22:00:00.000Z')
  assert.equal(ends('2026-10-24T22:00'), '2026-10-25T23:00:00.000Z')
  assert.equal(ends('2026-11-24T10:00', 'Asia/Kathmandu'), '2026-11-24T18:15:00.000Z')
})

test('a used up budget keeps all but critical letters; a metered link keeps large ones for half their keep time', () => {
  const keepMs = 5 * 24 * hour
  const facts = { now: 100 * hour, usedUp: false, metered: false, meteredBytes: 20_000, keepMs }
  const [critical, warning, info] = [0, 1, 2]
  const fresh = 99 * hour
  assert.deepEqual(leaveOf(facts), freeLeave)
  const poor = leaveOf({ ...facts, usedUp: true })
  assert.deepEqual(
    [critical, warning, info].map((rank) => keptBy(poor, rank, 500, fresh)),
    [undefined, 'budget', 'budget'],
  )
  const dear = leaveOf({ ...facts, metered: true })
  assert.deepEqual(
    [critical, warning].map((rank) => keptBy(dear, rank, 20_001, fresh)),
    [undefined, 'size'],
  )
  assert.equal(keptBy(dear, warning, 20_000, fresh), undefined)
  assert.equal(keptBy(dear, warning, 20_001, 40 * hour - 1), undefined, 'it has waited for 60 of 120 hours')
  assert.equal(keptBy(dear, warning, 20_001, 40 * hour), 'size')
})
