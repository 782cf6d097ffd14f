import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerQueues, type Packet } from '../../src/ports/node/broker-queues.ts'

function scene(limits = {}) {
  const dropped: string[] = []
  const time = { now: 0 }
  const queues = new BrokerQueues(
    { messages: 10, octets: 10_000, allOctets: 20_000, ms: 1000, ...limits },
    () => time.now,
    (client) => dropped.push(client),
  )
  let counter = 0
  const add = (clients: string[], payload: string): Packet => {
    const packet = { cmd: 'publish', topic: 'a', payload: Buffer.from(payload), qos: 1, brokerId: 'b', brokerCounter: ++counter }
    queues.add(clients, packet)
    return packet
  }
  const list = (client: string) => queues.list(client).map(({ payload }) => `${payload}`)
  return { queues, dropped, time, add, list }
}

test('of what a client does not fetch the oldest goes first, by number, octets and age', () => {
  const { add, list, dropped, time } = scene()
  for (let n = 1; n <= 15; n++) add(['x'], `${n}`)
  assert.deepEqual(list('x'), ['6', '7', '8', '9', '10', '11', '12', '13', '14', '15'])
  assert.equal(dropped.length, 5)
  add(['x'], 'y'.repeat(8000))
  assert.deepEqual(list('x').slice(0, -1), ['14', '15'])
  time.now = 900
  add(['z'], 'young')
  time.now = 1100
  add(['z'], 'younger')
  assert.deepEqual(list('x'), [])
  assert.deepEqual(list('z'), ['young', 'younger'])
})

test('together they keep so many octets, and the oldest of all goes first', () => {
  const { add, list, time } = scene({ ms: 1e6 })
  for (const client of ['a', 'b', 'c', 'd']) {
    time.now++
    add([client], client.repeat(4000))
  }
  time.now++
  add(['e'], 'e'.repeat(5000))
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((client) => list(client).length),
    [0, 1, 1, 1, 1],
  )
})

test('what is acknowledged is gone, a PUBREL takes the place of its PUBLISH, and what was dropped is nobody’s fault', () => {
  const { queues, add, list } = scene()
  const [one, two, three] = [add(['x', 'y'], '1'), add(['x'], '2'), add(['x'], '3')]
  for (const [at, packet] of [one, two, three].entries()) queues.update('x', { ...packet, messageId: at + 7 })
  assert.deepEqual(
    queues.list('x').map((packet) => packet.messageId),
    [7, 8, 9],
  )
  assert.equal(queues.list('y')[0]?.messageId, undefined, 'each client has numbers of its own')
  assert.equal(`${queues.remove('x', 8)?.payload}`, '2')
  queues.update('x', { cmd: 'pubrel', messageId: 7 })
  assert.deepEqual(
    queues.list('x').map(({ cmd, messageId }) => `${cmd} ${messageId}`),
    ['pubrel 7', 'publish 9'],
  )
  queues.update('x', { ...two, messageId: 12 })
  queues.update('x', { cmd: 'pubrel', messageId: 12 })
  assert.equal(queues.remove('x', 12), undefined)
  queues.forget('x')
  assert.deepEqual([list('x').length, list('y').length], [0, 1])
})
