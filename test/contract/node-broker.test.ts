import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { silent } from '../../src/ports/log.ts'
import { NodeBroker } from '../../src/ports/node/broker.ts'
import { IncomingStore } from '../../src/ports/node/incoming-store.ts'
import { PacketCut } from '../../src/ports/node/packet-cut.ts'
import { PacketLengths } from '../../src/ports/node/packet-lengths.ts'
import { connectPacket, Packets, packet as packetTypes, publishPacket } from '../peers/mqtt.ts'
import { sleep } from '../peers/process.ts'

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

test('resource exhaustion (CWE-400): a packet that is longer than anything we take is cut off before it is collected, also before anybody has logged in', async () => {
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

test('resource exhaustion (CWE-400): a message of 128 MiB from a broker loses its end while it comes, and the packets around it are whole', () => {
  const before = Buffer.concat([packetOf(0x32, 100), packetOf(0xd0, 0)])
  const huge = 128 * 1024 * 1024
  const after = packetOf(0x40, 2)
  for (const piece of [1, 2, 3, 7, 1000]) {
    const cut = new PacketCut(1000)
    const all = Buffer.concat([before, packetOf(0x32, 5000), after, packetOf(0x32, 1000), packetOf(0x32, 1001)])
    const passed: Uint8Array[] = []
    for (let at = 0; at < all.length; at += piece) passed.push(cut.through(all.subarray(at, at + piece)) ?? assert.fail('it is MQTT'))
    const short = packetOf(0x32, 1000)
    assert.deepEqual(Buffer.concat(passed), Buffer.concat([before, short, after, short, short]), `pieces of ${piece}`)
  }
  const cut = new PacketCut(1024 * 1024)
  let octets = cut.through(Buffer.from([0x32, 0x80, 0x80, 0x80, 0x40]))?.length ?? 0
  const block = Buffer.alloc(1024 * 1024)
  for (let left = huge; left > 0; left -= block.length) octets += cut.through(block)?.length ?? 0
  assert.equal(octets, 1 + 3 + 1024 * 1024)
  assert.deepEqual(Buffer.from(cut.through(after) ?? []), after)
  assert.equal(new PacketCut(1000).through(packetOf(0x90, 1001)), undefined, 'a SUBACK of that length is nonsense')
  assert.equal(new PacketCut(1000).through(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1])), undefined, 'five octets of length')
})

/** A packet whose body is the same for every length, as far as it goes. */
function packetOf(first: number, length: number): Buffer {
  const digits: number[] = []
  for (let left = length; ; left = Math.floor(left / 128)) {
    digits.push(left < 128 ? left : (left % 128) + 128)
    if (left < 128) break
  }
  return Buffer.concat([Buffer.from([first, ...digits]), Buffer.from(Array.from({ length }, (_, index) => index % 251))])
}
test('who subscribed once and stays away finds the newest thousand messages, each once', { timeout: 60_000 }, async () => {
  const broker = new NodeBroker(silent)
  const server = await broker.serve({ listen: '127.0.0.1:0', users: [], maxClients: 5, maxBytes: 1000 }, { message: async () => 'taken' })
  const port = Number(server.address.split(':')[1])
  const options = {
    ...{ url: `mqtt://${server.address}`, clientId: 'reader', version: 4 as const, topics: ['t/#'], qos: 2 as const, keepaliveS: 60 },
    ...{ receiveMaximum: 64, sessionExpiryS: 3600, connectTimeoutMs: 5000 },
  }
  let heard: string[] = []
  const read = () =>
    broker.connect(options, {
      message: async ({ payload }) => {
        heard.push(Buffer.from(payload).toString())
        return 'taken'
      },
      closed: () => {},
    })
  const until = async (so: () => boolean) => {
    for (let i = 0; i < 1000 && !so(); i++) await sleep(10)
    assert.ok(so(), `${heard.length} are heard`)
  }
  const device = connect(port, '127.0.0.1')
  const packets = new Packets()
  let answers = 0
  device
    .on('error', () => {})
    .on('data', (bytes) => {
      answers += packets.push(bytes).filter(({ type }) => type === packetTypes.puback || type === packetTypes.pubrec).length
    })
  try {
    await (await read()).close()
    device.write(connectPacket('device'))
    await new Promise((resolve) => device.once('data', resolve))
    const numbers = Array.from({ length: 1202 }, (_, at) => at + 1)
    const publish = (from: number, to: number, qos: 1 | 2) => {
      for (const packetId of numbers.slice(from, to)) device.write(publishPacket({ topic: 't/a', payload: `${packetId}`, qos, packetId }))
      return until(() => answers === to)
    }
    await publish(0, 1200, 1)
    await publish(1200, 1202, 2)
    for (let round = 1; round <= 2; round++) {
      const session = await read()
      if (round === 1) await until(() => heard.length >= 1000)
      await sleep(300)
      await session.close()
      assert.deepEqual(heard, round === 1 ? numbers.slice(202).map(String) : [])
      heard = []
    }
  } finally {
    device.destroy()
    await server.close()
  }
})
