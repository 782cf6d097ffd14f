import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stampNow } from '../../src/alert/stamp.ts'
import { Box } from './box.ts'

const line = { id: 'ups', kind: 'serial', path: '/dev/ttyS0' }
/** Says that the battery is nearly empty, and beside it that the UPS runs on it. */
const frame = Buffer.from('20260926 143015 10 11.9 12 [OB LB] NA 60.0')

/** What is told of a frame by a gateway with `sources`, when the one before with other settings had told its first alert. */
async function toldBy(sources: readonly object[]): Promise<string[]> {
  const before = new Box(1, { sources: [line] })
  await before.boot()
  before.remains.leave('ups', () => [{ bytes: frame, stamp: stampNow(before.clock), places: [1] }])
  const box = new Box(1, { sources })
  box.remains = before.remains
  await box.boot()
  await box.pass(60_000)
  return box.told()
}

test('of a frame that was partly told the rest is told, also when its source is no longer in the settings', async () => {
  for (const sources of [[line], []]) assert.deepEqual(await toldBy(sources), ['UPS ups runs on battery'])
})

test('a frame that was partly told is told whole when it is decoded in another way from now on', async () => {
  assert.deepEqual(await toldBy([{ ...line, decode: 'text' }]), [frame.toString().slice(0, 40)])
  const paths = { text: 'msg' }
  assert.equal((await toldBy([{ ...line, decoding: { paths } }])).length, 2)
})
