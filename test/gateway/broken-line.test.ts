import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kind } from '../sim/world/relay.ts'
import { Box } from './box.ts'

for (const chunking of [true, false])
  test(`a letter under which every line breaks does not keep the others back, ${chunking ? 'in a chain' : 'one by one'}, and leaves when it can`, async () => {
    const box = new Box(1, { delivery: { digest: { from: 0 } } })
    box.relay.faults = { ...kind, chunking, chokesOn: 'too much for this link' }
    await box.boot()
    box.away()
    for (const text of ['too much for this link', 'door', 'pump', 'level']) await box.send(text)
    await box.pass(60_000)
    box.back()
    await box.pass(15 * 60_000)
    assert.deepEqual(box.told(), ['door', 'pump', 'level'])
    box.relay.faults = { ...kind, chunking }
    await box.pass(15 * 60_000)
    assert.equal(box.told().at(-1), 'too much for this link')
    assert.equal(box.waiting, 0)
  })

test('a line that breaks once under a letter costs it no time', async () => {
  const box = new Box(1, { delivery: { digest: { from: 0 } } })
  box.relay.faults = { ...kind, chokesOn: 'door' }
  await box.boot()
  await box.send('door')
  await box.pass(1000)
  box.relay.faults = { ...kind }
  await box.pass(30_000)
  assert.deepEqual(box.told(), ['door'])
})
