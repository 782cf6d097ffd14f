import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hearing } from '../../src/source/hearing.ts'
import { epoch, SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A clock, and how long ago it was, in seconds, that the broker had nothing for us. */
function scene() {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'b')
  const after = (seconds: number) => timeline.run(timeline.now + seconds * 1000)
  const second = (hearing: Hearing) => hearing.upToDate && (hearing.upToDate.wall - epoch) / 1000
  return { clock, after, second }
}

test('in a session that was there before, what comes may be old until it has caught up', async () => {
  const { clock, after } = scene()
  const hearing = new Hearing(clock)
  assert.deepEqual(hearing.begin(false), {}, 'nobody knows since when')
  hearing.end()
  hearing.caughtUp()
  await after(1)
  assert.equal(hearing.begin(false), undefined)
  assert.deepEqual(hearing.begin(true), {}, 'what is retained may have stood there for years')
})

test('nothing is older than the last moment at which the broker had nothing for us', async () => {
  const { clock, after, second } = scene()
  const first = new Hearing(clock)
  first.caughtUp()
  await after(10)
  first.spoke()
  assert.equal(second(first), 10)
  await after(10)
  first.begin(false)
  await after(1)
  first.spoke()
  assert.equal(second(first), 10, 'one is on its way to the disk, and may come again')
  first.end()
  await after(1)
  first.begin(false)
  assert.equal(second(first), 20, 'when the one before it came, all before that was taken')
  const next = new Hearing(clock, first.upToDate)
  await after(3600)
  next.spoke()
  assert.deepEqual(next.begin(false), { since: first.upToDate }, 'it has not caught up')
})

test('while something is refused, what comes behind it may have waited for room at the broker', async () => {
  const { clock, after, second } = scene()
  const hearing = new Hearing(clock)
  hearing.caughtUp()
  hearing.spoke()
  await after(60)
  hearing.begin(false)
  hearing.refused = true
  hearing.end()
  await after(60)
  hearing.spoke()
  assert.deepEqual(hearing.begin(false), { since: hearing.upToDate })
  assert.equal(second(hearing), 0)
})
