import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant, monotonic } from '../../src/ports/clock.ts'
import { Ahead } from '../../src/source/ahead.ts'
import { remainingOf } from '../../src/source/kept.ts'
import { Remains } from '../../src/source/remains.ts'
import type { Held } from '../../src/source/source.ts'

const stamp = { wall: instant(1), mono: monotonic(1), boot: 'b', synchronised: 'yes' } as const
const held = (place: number): Held => ({
  place,
  severity: 'warning',
  state: 'raised',
  key: `k${place}`,
  offer: async () => ({ kind: 'ignored', why: '' }),
})

test('what was kept an alert at a time is left as one frame, with the places that are still to be taken', () => {
  const [one, two, three] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]
  const frames = [
    { bytes: one, stamp, held: held(1) },
    { bytes: one, stamp, held: held(3) },
    { bytes: two, stamp },
    { bytes: three, stamp, places: [2] },
  ]
  assert.deepEqual(remainingOf(frames), [
    { bytes: one, stamp, places: [1, 3] },
    { bytes: two, stamp },
    { bytes: three, stamp, places: [2] },
  ])
})

test('where the octets are read in another way, a frame is taken whole', () => {
  const remains = new Remains()
  const frame = { bytes: Buffer.from('a'), stamp, places: [1] }
  const leftBy = (decoding: string) => {
    remains.readBy(() => decoding)
    remains.leave('plc', () => [frame])
  }
  leftBy('ups')
  assert.deepEqual(remains.take('plc'), [frame])
  leftBy('ups')
  remains.readBy(() => 'text')
  assert.deepEqual(remains.take('plc'), [{ bytes: frame.bytes, stamp }])
})

test('what is said of a key again while it waits is not kept once more, and what follows on another word is', () => {
  const ahead = new Ahead()
  const over = { severity: 'info', state: 'cleared', key: 'fire' } as const
  ahead.add(over)
  assert.ok(ahead.says(over))
  ahead.add({ ...over, state: 'raised' })
  assert.ok(!ahead.says(over))
  assert.ok(!ahead.says({ ...over, state: 'event' }))
})
