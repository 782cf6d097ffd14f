import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kind } from '../sim/world/relay.ts'
import { Box } from './box.ts'

/** A relay that serves nobody must not cost an alert, nor keep one from the relay behind it. */
const minute = 60_000
const day = 24 * 60 * minute
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

const notices = (box: Box): string[] => box.disk.paths().filter((path) => path.includes('/new/'))
const one = { sources: [], relays: both.relays.slice(0, 1) }
const denied = ['ops@example.org', 'ops@elsewhere.example']

test('alerts that a relay turns away because of us wait, with the cure beside them, and leave when it is mended', async () => {
  for (const way of [{}, { chunking: false }, { pipelining: false }]) {
    const box = new Box(1, one)
    await box.boot()
    box.relay.faults = { ...kind, ...way, denied }
    for (const text of ['fire', 'flood', 'gas']) await box.send(text, 'critical', text)
    await box.pass(day / 4)
    assert.deepEqual([box.waiting, notices(box)], [3, []])
    const { letters } = await box.settled(box.gateway.desk.list())
    for (const letter of letters) {
      assert.equal(letter.state, 'deferred')
      assert.match(letter.why ?? '', /554 5\.7\.1 <ops@example\.org>: Relay access denied\. .*set auth of this relay/)
    }
    box.relay.faults = { ...kind, ...way }
    // Other settings are another gateway, and a letter that was put off is tried at once by it.
    await box.powerCut()
    await box.pass(minute)
    assert.deepEqual(box.told().sort(), ['fire', 'flood', 'gas'])
  }
})

test('they wait until delivery.keep is over, and each of them leaves a notice', async () => {
  const box = new Box(1, { ...one, delivery: { keep: '3d' } })
  await box.boot()
  box.relay.faults = { ...kind, denied }
  await box.send('fire', 'critical', 'fire')
  await box.pass(2 * day)
  assert.deepEqual([box.waiting, notices(box).length], [1, 0])
  await box.pass(2 * day)
  assert.deepEqual([box.waiting, notices(box).length], [0, 1])
})

test('it may be about one domain alone: letters for others pass, also those for whom somebody is turned away', async () => {
  const people = [
    { id: 'ops', name: 'Ops', address: 'ops@example.org' },
    { id: 'firm', name: 'Firm', address: 'ops@elsewhere.example' },
  ]
  const box = new Box(1, {
    ...one,
    people,
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }],
    rules: [{ id: 'all', to: ['ops', 'firm'] }],
  })
  await box.boot()
  box.relay.faults = { ...kind, denied: ['ops@elsewhere.example'] }
  await box.pass(minute)
  for (const text of ['fire', 'flood']) {
    box.blurt(text)
    await box.pass(minute)
  }
  assert.deepEqual(
    box.relay.taken.map(({ to }) => to),
    [['ops@example.org'], ['ops@example.org']],
  )
  assert.deepEqual([box.waiting, notices(box)], [2, []])
})
