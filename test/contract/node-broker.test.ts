import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IncomingStore } from '../../src/ports/node/incoming-store.ts'

/** What only the real Broker has: packages with a will of their own, and a network that says odd things. */
const packet = (payload: string, dup: boolean) =>
  ({ cmd: 'publish', topic: 'alerts/a', payload, qos: 2, retain: false, dup, messageId: 1 }) as const

test('a QoS 2 packet is known when number, content and DUP flag say so, until it is released', () => {
  const store = new IncomingStore()
  assert.equal(store.knows(packet('x', true)), false)
  store.put(packet('x', false), () => {})
  assert.equal(store.knows(packet('x', true)), true)
  assert.equal(store.knows(packet('x', false)), false, 'the number is used again')
  assert.equal(store.knows(packet('y', true)), false, 'the number is used again, and that one was lost once')
  store.put(packet('y', true), () => {})
  assert.equal(store.knows(packet('x', true)), false)
  store.del(packet('y', true), () => {})
  assert.equal(store.knows(packet('y', true)), false)
  store.put(packet('x', false), () => {})
  store.clear()
  assert.equal(store.knows(packet('x', true)), false)
})
