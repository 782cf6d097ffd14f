import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Aedes, type Client } from 'aedes'
import type { Packet } from '../../src/ports/node/broker-queues.ts'
import { BrokerStore, type Persistence } from '../../src/ports/node/broker-store.ts'

/** What the broker calls of it, and what it does with the calls. */
type All = Persistence & {
  removeSubscriptions(client: { id: string }, topics: string[]): Promise<void>
  subscriptionsByTopic(topic: string): Promise<{ clientId: string }[]>
  outgoingEnqueueCombi(subs: { clientId: string }[], packet: Packet): Promise<void>
  outgoingStream(client: { id: string }): AsyncIterable<Packet>
  createRetainedStreamCombi(topics: string[]): AsyncIterable<Packet>
  incomingStorePacket(client: { id: string }, packet: Packet): Promise<void>
  incomingGetPacket(client: { id: string }, packet: Packet): Promise<Packet>
}

const limits = {
  ...{ messages: 10, octets: 10_000, allOctets: 20_000, ms: 1000 },
  ...{ sessions: 3, filters: 4, retained: 3, retainedOctets: 1000, unreleased: 2 },
}

/** The memory of a real aedes, bounded. */
async function withStore(
  story: (persistence: All, store: BrokerStore, there: Set<string>, said: string[]) => Promise<void>,
): Promise<void> {
  const broker = await Aedes.createBroker()
  const { persistence } = broker as unknown as { persistence: All }
  const there = new Set<string>()
  const said: string[] = []
  try {
    const store = BrokerStore.within(
      persistence,
      (id) => there.has(id),
      (_, event) => said.push(event),
      () => 0,
      limits,
    )
    await story(persistence, store, there, said)
  } finally {
    await new Promise<void>((resolve) => broker.close(resolve))
  }
}

const retained = (topic: string, payload: string): Packet => ({ cmd: 'publish', topic, payload: Buffer.from(payload) })
const topicsOf = async (persistence: All) => {
  const topics: string[] = []
  for await (const { topic } of persistence.createRetainedStreamCombi(['#'])) topics.push(topic ?? '')
  return topics.sort()
}

test('of the retained messages those that were said longest ago are forgotten, by number and octets', () =>
  withStore(async (persistence, _, __, said) => {
    for (const topic of ['a', 'b', 'c', 'a', 'd']) await persistence.storeRetained(retained(topic, 'x'))
    assert.deepEqual(await topicsOf(persistence), ['a', 'c', 'd'])
    await persistence.storeRetained(retained('e', 'y'.repeat(998)))
    assert.deepEqual(await topicsOf(persistence), ['e'])
    await persistence.storeRetained(retained('e', ''))
    for (const topic of ['f', 'g', 'h']) await persistence.storeRetained(retained(topic, 'x'))
    assert.deepEqual(await topicsOf(persistence), ['f', 'g', 'h'], 'what is cleared takes no room')
    assert.equal(said.length, 3, 'of four that were forgotten')
  }))

test('of the sessions that of the client which was away longest is forgotten, with all that it had not fetched', () =>
  withStore(async (persistence, _, there) => {
    const topic = 't/x'
    there.add('a')
    for (const id of ['a', 'b', 'c']) await persistence.addSubscriptions({ id }, [{ topic, qos: 1 } as { topic: string }])
    await persistence.subscriptionsByClient({ id: 'b' })
    await persistence.outgoingEnqueueCombi(await persistence.subscriptionsByTopic(topic), retained(topic, '1'))
    await persistence.addSubscriptions({ id: 'd' }, [{ topic, qos: 1 } as { topic: string }])
    assert.deepEqual((await persistence.subscriptionsByTopic(topic)).map((sub) => sub.clientId).sort(), ['a', 'b', 'd'])
    const left = async (id: string) => {
      let count = 0
      for await (const _ of persistence.outgoingStream({ id })) count++
      return count
    }
    assert.deepEqual([await left('a'), await left('b'), await left('c')], [1, 1, 0])
    await assert.rejects(
      persistence.addSubscriptions(
        { id: 'd' },
        ['1', '2', '3', '4'].map((name) => ({ topic: name })),
      ),
      /too many/,
    )
  }))

test('QoS 2 packets that are never released are forgotten, the oldest first, and known by number and content until then', () =>
  withStore(async (persistence, store) => {
    const client = { id: 'door' } as Client
    const packet = (messageId: number, payload = 'x') => ({ ...retained('a', payload), messageId })
    for (const number of [1, 2, 3]) await persistence.incomingStorePacket(client, packet(number))
    assert.deepEqual(
      [1, 2, 3].map((number) => store.holds(client, packet(number))),
      [false, true, true],
    )
    assert.equal(store.holds(client, packet(2, 'y')), false)
    assert.equal(store.holds({ id: 'window' }, packet(2)), false)
    await assert.rejects(persistence.incomingGetPacket(client, packet(1)))
    await persistence.incomingGetPacket(client, packet(3))
  }))
