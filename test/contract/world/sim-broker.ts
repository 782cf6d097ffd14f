import { SimBroker } from '../../sim/world/broker.ts'
import { Timeline } from '../../sim/world/timeline.ts'
import type { BrokerWorld } from '../broker-world.ts'
import { lively } from './lively.ts'

/** The simulated broker for the Broker contract. */
export async function simBrokerWorld(): Promise<BrokerWorld> {
  const timeline = new Timeline()
  const { pass, done } = lively(timeline)
  const broker = new SimBroker(timeline)
  broker.user = { name: 'box', password: 'box-secret' }
  broker.forbidden.add('secrets/#')
  broker.unwritable.add('outpost/forbidden')
  return {
    broker,
    options: {
      url: 'mqtt://broker:1883',
      clientId: 'box',
      version: 5,
      username: 'box',
      password: 'box-secret',
      topics: ['alerts/#'],
      qos: 2,
      keepaliveS: 60,
      receiveMaximum: 64,
      sessionExpiryS: 3600,
      connectTimeoutMs: 5000,
    },
    wrong: { password: 'guessed' },
    forbidden: 'secrets/#',
    unwritable: 'outpost/forbidden',
    publish: async (topic, payload, { qos = 0, retain = false } = {}) => broker.publish(topic, payload, qos, retain),
    acknowledged: () => broker.acknowledged,
    published: () => broker.published,
    retained: async (topic) => broker.retained.get(topic),
    lose: (what, then) => broker.lose(what, then),
    cut: () => broker.drop(),
    freeze: () => {
      broker.frozen = true
    },
    forget: async () => broker.forget(),
    vanish: async () => {
      broker.frozen = false
      broker.up = false
    },
    pass,
    done: async () => done(),
  }
}
