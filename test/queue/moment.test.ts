import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stamp } from '../../src/alert/stamp.ts'
import { type Clock, instant, monotonic } from '../../src/ports/clock.ts'
import { momentOf } from '../../src/queue/moment.ts'

const builtAt = Date.UTC(2026, 10, 1)
const now = Date.UTC(2026, 11, 1)
const clock = (synchronised: 'yes' | 'no' | 'unknown', wall = now): Clock => ({
  boot: 'second',
  wall: () => instant(wall),
  monotonic: () => monotonic(60_000),
  synchronised: () => synchronised,
  after: () => () => {},
})
const stamp = (synchronised: Stamp['synchronised'], wall: number, boot = 'first'): Stamp => ({
  boot,
  wall: instant(wall),
  mono: monotonic(30_000),
  synchronised,
})

test('a stamp of an earlier boot is reckoned by the wall clock only where both clocks can be believed', () => {
  const hourAgo = now - 3_600_000
  for (const said of ['yes', 'unknown'] as const) {
    assert.equal(momentOf(stamp(said, hourAgo), clock('yes'), builtAt), 60_000 - 3_600_000)
    assert.equal(momentOf(stamp(said, hourAgo), clock('unknown'), builtAt), 60_000 - 3_600_000)
  }
  assert.equal(momentOf(stamp('no', hourAgo), clock('yes'), builtAt), 0)
  assert.equal(momentOf(stamp('yes', hourAgo), clock('no'), builtAt), 0)
})

test('where nobody says whether a clock is set, a time before the software was built is none: nothing expires for it', () => {
  const longAgo = Date.UTC(2000, 0, 1)
  assert.equal(momentOf(stamp('unknown', longAgo), clock('unknown'), builtAt), 0)
  assert.equal(momentOf(stamp('unknown', now), clock('unknown', longAgo), builtAt), 0)
  assert.equal(momentOf(stamp('yes', now + 1000), clock('yes'), builtAt), 60_000, 'nothing is from the future')
  assert.equal(momentOf(stamp('no', longAgo, 'second'), clock('no'), builtAt), 30_000, 'within a boot no wall clock is asked')
})
