import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

/** A relay that serves nobody must not cost an alert, nor keep one from the relay behind it. */
const minute = 60_000
const both = {
  sources: [],
  relays: [
    { id: 'isp', host: 'relay.example.org', security: 'none', port: 25, timeout: '5m' },
    { id: 'spare', host: 'spare.example.org', security: 'none', port: 25, timeout: '5m' },
  ],
}

test('a relay that gives one octet of its greeting now and then keeps nobody from the next relay', async () => {
  const box = new Box(1, both)
  await box.boot()
  box.net.place('relay.example.org', 25, {
    serve: (end) => {
      const octets = [...'220 wait a moment']
      const say = () => {
        end.send(octets.shift() ?? '.')
        box.timeline.at(4 * minute, say)
      }
      say()
    },
  })
  await box.send('fire', 'critical', 'fire')
  await box.pass(6 * minute)
  assert.deepEqual(box.told(), ['fire'])
})
