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

function store() {
  const taken: string[] = []
  const incoming = new IncomingStore()
  incoming.onPut = async (one) => {
    taken.push(one.payload.toString())
    return true
  }
  return { incoming, taken, put: (one: IPublishPacket) => new Promise((done) => incoming.put(one, done)) }
}

test('a QoS 2 packet that is sent again before its release is taken once', async () => {
  const { put, taken } = store()
  await put(packet('Door open'))
  await put(packet('Door open', true))
  assert.deepEqual(taken, ['Door open'])
})

test('a broker that was killed and gives a number that was never released to another message does not lose that message', async () => {
  const { put, taken } = store()
  await put(packet('Door open'))
  await put(packet('Door closed'))
  await put(packet('Door open'))
  await put(packet('Pump stopped', true))
  assert.deepEqual(taken, ['Door open', 'Door closed', 'Door open', 'Pump stopped'])
})

test('a broker without our session begins anew: what it sends is new, even if it looks like a repeat', async () => {
  const { incoming, put, taken } = store()
  await put(packet('Door open'))
  incoming.forget()
  await put(packet('Door open', true))
  assert.equal(taken.length, 2)
})

test('without a promise no confirmation goes out, and the packet is asked for again', async () => {
  const { incoming, taken } = store()
  incoming.onPut = async () => false
  let confirmed = false
  incoming.put(packet('Door open'), () => {
    confirmed = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(confirmed, false)
  incoming.onPut = async (one) => taken.push(one.payload.toString()) > 0
  await new Promise<unknown>((done) => incoming.put(packet('Door open', true), done))
  assert.deepEqual(taken, ['Door open'])
})
