import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hearing } from '../../src/source/hearing.ts'
import { epoch, SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A clock, and when it was, in seconds, that the broker had nothing for us. */
function scene() {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'b')
  const after = (seconds: number) => timeline.run(timeline.now + seconds * 1000)
  const second = ({ upToDate }: Hearing) => upToDate && (upToDate.wall - epoch) / 1000
  return { clock, after, second }
}

/** A session that has caught up, and what comes in it is taken at once. */
function live(clock: SimClock) {
  const hearing = new Hearing(clock)
  hearing.caughtUp()
  const hear = () => {
    const { stored, end } = hearing.begin(false)
    end()
    return stored
  }
  const sound = (all = true) => {
    hearing.asked()
    hearing.answered(all)
  }
  return { hearing, hear, sound }
}

test('in a session that was there before, what comes may be old until it has caught up', () => {
  const { clock } = scene()
  const hearing = new Hearing(clock)
  assert.deepEqual(hearing.begin(false).stored, {}, 'nobody knows since when')
  hearing.caughtUp()
  assert.equal(hearing.begin(false).stored, undefined)
  assert.deepEqual(hearing.begin(true).stored, {}, 'what is retained may have stood there for years')
})

test('nothing is older than the last moment at which the broker was asked and had nothing left', async () => {
  const { clock, after, second } = scene()
  const { hearing, hear, sound } = live(clock)
  await after(10)
  sound()
  assert.equal(second(hearing), 10)
  hearing.asked()
  await after(10)
  hear()
  hearing.answered(true)
  assert.equal(second(hearing), 10, 'the answer may have been on its way for long: the question counts')
  sound(false)
  assert.equal(second(hearing), 10, 'its window was full')
  sound()
  assert.equal(second(hearing), 20)
  const next = new Hearing(clock, hearing.upToDate)
  await after(3600)
  next.asked()
  next.answered(true)
  assert.deepEqual(next.begin(false).stored, { since: hearing.upToDate }, 'it has not caught up')
})

test('what is on its way to the disk may have to be heard again: the moment counts when it is there', async () => {
  const { clock, after, second } = scene()
  const { hearing, hear, sound } = live(clock)
  await after(10)
  const first = hearing.begin(false)
  const other = hearing.begin(false)
  sound()
  const later = hearing.begin(false)
  await after(10)
  sound()
  hear()
  other.end()
  assert.equal(second(hearing), undefined)
  first.end()
  assert.equal(second(hearing), 10)
  later.end()
  assert.equal(second(hearing), 20)
})

test('while something is refused, what comes behind it may have waited for room at the broker', async () => {
  const { clock, after, second } = scene()
  const { hearing, hear, sound } = live(clock)
  sound()
  await after(60)
  const { end } = hearing.begin(false)
  sound()
  hearing.refused = true
  end()
  sound()
  assert.deepEqual(hear(), { since: hearing.upToDate })
  assert.equal(second(hearing), 0)
})

test('on a line that has stalled, what comes may have been on its way since the broker was last heard of', async () => {
  const { clock, after } = scene()
  const { hearing, hear, sound } = live(clock)
  sound()
  await after(60)
  hearing.asked()
  await after(1)
  assert.equal(hear(), undefined)
  await after(30)
  assert.deepEqual(hear(), { since: hearing.upToDate })
  hearing.answered(true)
  assert.equal(hear(), undefined)
})
