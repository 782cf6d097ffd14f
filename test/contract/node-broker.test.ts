import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { silent } from '../../src/ports/log.ts'
import { NodeBroker } from '../../src/ports/node/broker.ts'
import { IncomingStore } from '../../src/ports/node/incoming-store.ts'
import { PacketLengths } from '../../src/ports/node/packet-lengths.ts'
import { connectPacket, publishPacket } from '../peers/mqtt.ts'

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

test('packets are followed by their headers, however the stream is cut', () => {
  const short = Buffer.concat([
    connectPacket('door'),
    publishPacket({ topic: 'a', payload: 'x'.repeat(150), qos: 1 }),
    Buffer.from([0xc0, 0]),
  ])
  const long = publishPacket({ topic: 'a', payload: 'x'.repeat(200), qos: 0 })
  for (let piece = 1; piece < short.length; piece++) {
    const lengths = new PacketLengths(170)
    for (let at = 0; at < short.length; at += piece) assert.ok(lengths.allow(short.subarray(at, at + piece)), `pieces of ${piece}`)
    const allowed: boolean[] = []
    for (let at = 0; at < 10; at += piece) allowed.push(lengths.allow(long.subarray(at, Math.min(10, at + piece))))
    assert.ok(allowed.includes(false), `pieces of ${piece}`)
  }
  assert.equal(new PacketLengths(1e9).allow(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1])), false, 'five octets of length')
})

test('a packet that is longer than anything we take is cut off before it is collected, also before anybody has logged in', async () => {
  const server = await new NodeBroker(silent).serve(
    { listen: '127.0.0.1:0', users: [{ name: 'sensor', password: 'secret' }], maxClients: 2, maxBytes: 1000 },
    { message: async () => 'taken' },
  )
  const port = Number(server.address.split(':')[1])
  try {
    for (const first of [Buffer.alloc(0), connectPacket('door', 'sensor', 'secret')]) {
      const socket = connect(port, '127.0.0.1')
      const closed = new Promise<string>((resolve) => socket.on('error', () => {}).on('close', () => resolve('closed')))
      if (first.length > 0) {
        socket.write(first)
        await new Promise((resolve) => socket.once('data', resolve))
      }
      // A PUBLISH of 128 MiB, of which 1 MiB comes.
      socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x3f]))
      socket.write(Buffer.alloc(1024 * 1024))
      const late = AbortSignal.timeout(3000)
      const open = new Promise<string>((resolve) => late.addEventListener('abort', () => resolve('still open')))
      assert.equal(await Promise.race([closed, open]), 'closed')
      socket.destroy()
    }
  } finally {
    await server.close()
  }
})
