import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { IncomingStore } from '../../src/ports/node/incoming-store.ts'

const packet = (payload: string, dup = false): IPublishPacket => ({
  cmd: 'publish',
  topic: 'alerts/a',
  payload: Buffer.from(payload),
  qos: 2,
  messageId: 7,
  dup,
  retain: false,
})

function store(): IncomingStore {
  const incoming = new IncomingStore()
  incoming.put(packet('Door open'), () => {})
  return incoming
}

test('a QoS 2 packet that is sent again before its release is known', () => {
  assert.equal(store().knows(packet('Door open', true)), true)
})

test('a broker that was killed and gives a number that was never released to another message does not lose that message', () => {
  assert.equal(store().knows(packet('Pump stopped', true)), false)
  assert.equal(store().knows(packet('Door open')), false)
})

test('a broker without our session begins anew: what it sends is new, even if it looks like a repeat', () => {
  const incoming = store()
  incoming.clear()
  assert.equal(incoming.knows(packet('Door open', true)), false)
})
