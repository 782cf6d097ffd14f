import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/ports/disk.ts'
import { Box } from './box.ts'

test('a late letter that a power cut caught in the air comes again with the same octets, however much later it is then', async () => {
  const box = new Box(1)
  await box.boot()
  box.away()
  await box.send('a')
  await box.pass(30 * 60_000)
  box.back()
  await box.timeline.run(box.timeline.now + 60_000, () => box.relay.taken.length > 0)
  await box.powerCut()
  box.away()
  await box.pass(30 * 60_000)
  box.back()
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  const [first, second] = box.relay.taken
  assert.match(first?.content ?? '', /Waited 30 min on the device/)
  assert.equal(second?.content, first?.content)
})

test('a letter says how long it waited also when it was read back before the clock was set', async () => {
  const box = new Box(1)
  await box.boot()
  box.away()
  await box.send('a')
  await box.pass(60_000)
  box.timeline.now += 6 * 3_600_000
  await box.powerCut({ unset: true })
  await box.pass(120_000)
  box.clock.set = 'yes'
  box.back()
  await box.pass(180_000)
  assert.match(box.relay.taken[0]?.content ?? '', /Waited 6 h on the device/)
})

/** The relay is away for half an hour, and the disk refuses every sync from just before it is back, for `faultMs`. */
async function stumble(faultMs: number): Promise<Box> {
  const box = new Box(1)
  await box.boot()
  box.away()
  await box.send('a')
  await box.pass(30 * 60_000)
  box.disk.delay = async (kind) => {
    if (kind === 'sync') throw new DiskError('a sync failed', 'EIO')
  }
  box.back()
  await box.pass(faultMs)
  box.disk.delay = async () => {}
  return box
}

test('a late letter waits for a disk that stumbles, so that it can come again with the same octets', async () => {
  const box = await stumble(45_000)
  assert.equal(box.told().length, 0)
  await box.timeline.run(box.timeline.now + 300_000, () => box.relay.taken.length > 0)
  await box.powerCut()
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  const [first, second] = box.relay.taken
  assert.match(first?.content ?? '', /Waited 3\d min on the device/)
  assert.equal(second?.content, first?.content)
})

test('a disk that takes nothing more does not keep a late letter: it leaves within five minutes', async () => {
  const box = await stumble(300_000)
  assert.deepEqual(box.told(), ['a'])
})
