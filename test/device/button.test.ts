import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findKey, Hold, hasKey, Presses } from '../../src/device/button.ts'
import { SimClock } from '../sim/world/clock.ts'
import { keyEvent as event, SimSys } from '../sim/world/sys.ts'
import { Timeline } from '../sim/world/timeline.ts'

const restart = 408

const sync = event(0, 0, 0)

test('presses are read however the octets are cut, and other keys, repetitions and marks are passed over', () => {
  const all = Buffer.concat([
    event(1, restart, 1),
    sync,
    event(1, restart, 2),
    event(1, 116, 1),
    event(4, 4, 7),
    sync,
    event(1, restart, 0),
    sync,
  ])
  assert.deepEqual(new Presses(restart).take(all), ['down', 'up'])
  for (const size of [1, 7, 24, 25]) {
    const presses = new Presses(restart)
    const seen: string[] = []
    for (let at = 0; at < all.length; at += size) seen.push(...presses.take(all.subarray(at, at + size)))
    assert.deepEqual(seen, ['down', 'up'], `in pieces of ${size}`)
  }
  assert.deepEqual(
    new Presses(restart).take(event(0, 3, 0)),
    ['up'],
    'when the kernel threw events away, nobody knows that it is still held',
  )
})

test('a button resets after five seconds, once a press, and never when it is let go before', async () => {
  const timeline = new Timeline()
  let resets = 0
  const hold = new Hold(new SimClock(timeline, 'boot'), () => resets++)
  hold.take('down')
  assert.ok(hold.pressed)
  await timeline.run(timeline.now + 4900)
  hold.take('up')
  await timeline.run(timeline.now + 20_000)
  assert.equal(resets, 0)
  hold.take('down')
  await timeline.run(timeline.now + 3000)
  hold.take('down')
  await timeline.run(timeline.now + 2100)
  assert.equal(resets, 1, 'a second mark of the same press does not begin it anew')
  await timeline.run(timeline.now + 60_000)
  assert.equal(resets, 1)
  hold.release()
  assert.ok(!hold.pressed)
})

test('the device of the button is the one that has its key', async () => {
  // 408 is bit 24 of the seventh word.
  assert.ok(hasKey('1000000 0 0 0 0 0 0\n', restart))
  assert.ok(!hasKey('1000000 0 0 0 0 0\n', restart))
  assert.ok(hasKey('10000000000000 0\n', 116), 'KEY_POWER')
  assert.ok(!hasKey('', restart))
  assert.ok(!hasKey('nonsense', 3))
  const sys = new SimSys({
    '/sys/class/input/event0/device/capabilities/key': '10000000000000 0\n',
    '/sys/class/input/event1/device/capabilities/key': '1000000 0 0 0 0 0 0\n',
    '/sys/class/input/mouse0/device/capabilities/key': '1000000 0 0 0 0 0 0\n',
  })
  assert.equal(await findKey(sys, restart), '/dev/input/event1')
  assert.equal(await findKey(new SimSys(), restart), undefined)
})
