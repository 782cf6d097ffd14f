import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Crossing } from '../../src/gateway/crossing.ts'
import type { Letter } from '../../src/mail/letter.ts'
import { connectionsAt, mostInAir, type Traits, unknownTraits } from '../../src/relay/traits.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { kind, type RelayFaults, SimRelay } from '../sim/world/relay.ts'
import { Timeline } from '../sim/world/timeline.ts'

const letter = (id: number): Letter => ({
  id,
  messageId: `<o${id}@x>`,
  from: 'ps7@example.org',
  to: ['ops@example.org'],
  content: Buffer.from(`Message-ID: <o${id}@x>\r\n\r\nhi\r\n`),
})

/** Letters over one relay behind a line of 600 ms; how long it took, and what was learned. */
async function cross(count: number, faults: Partial<RelayFaults>, traits: Traits = unknownTraits) {
  const timeline = new Timeline()
  const relay = new SimRelay(timeline, new SimRandom(1))
  relay.faults = { ...kind, ...faults }
  const net = new SimNet(timeline, relay)
  net.latencyMs = 300
  const waiting = Array.from({ length: count }, (_, index) => letter(index + 1))
  let done = false
  const crossing = new Crossing({
    net,
    random: new SimRandom(2),
    clock: new SimClock(timeline, 'boot'),
    relay: { id: 'r', host: 'relay', port: 25, security: 'none', auth: { kind: 'none' }, ehlo: 'x' },
    traits,
    load: () => ({ next: async () => waiting.shift(), settle: () => {}, finish: async () => {} }),
    due: (limit) => Math.min(limit, waiting.length),
    signal: new AbortController().signal,
  })
  void crossing.fly().then(() => {
    done = true
  })
  await timeline.run(3_600_000, () => done)
  assert.deepEqual(relay.violations, [])
  assert.equal(new Set(relay.taken.map((one) => one.messageId)).size, count)
  assert.equal(relay.taken.length, count)
  return { relay, ms: timeline.now, traits: crossing.traits, report: crossing.report }
}

test('a relay that takes a chain gets one connection, however many letters wait', async () => {
  const { relay, ms } = await cross(60, {})
  assert.equal(relay.mostOpen, 1)
  assert.ok(ms < 600 * 8, `${ms} ms`)
})

test('a relay that takes one letter a round trip gets several connections', async () => {
  const { relay, ms } = await cross(60, { chunking: false })
  assert.equal(relay.mostOpen, 5)
  assert.ok(ms < (600 * 60) / 3, `${ms} ms`)
})

test('a few letters do not pay for a second connection', async () => {
  assert.equal((await cross(8, { chunking: false })).relay.mostOpen, 1)
})

test('a relay that has enough of us is remembered, and not pressed again for a day', async () => {
  const first = await cross(60, { chunking: false, connections: 3 })
  const learned = first.traits.connections?.at ?? 0
  assert.equal(connectionsAt(first.traits, learned), 3)
  assert.equal(first.report.fault, undefined, 'it rests for that neither')
  const second = await cross(60, { chunking: false, connections: 3 }, first.traits)
  assert.equal(second.relay.mostOpen, 3)
  assert.equal(connectionsAt(first.traits, learned + 25 * 3_600_000), 5)
})

test('an offer that lies is not believed again', async () => {
  const { traits } = await cross(3, { chunking: 'lies' })
  assert.equal(traits.skills.chunking?.good, false)
  assert.equal(traits.window ?? mostInAir, mostInAir)
})
