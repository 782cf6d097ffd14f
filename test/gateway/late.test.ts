import assert from 'node:assert/strict'
import { test } from 'node:test'
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
