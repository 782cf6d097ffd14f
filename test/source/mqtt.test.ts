import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Broker, BrokerEvents, BrokerMessage } from '../../src/ports/broker.ts'
import { silent } from '../../src/ports/log.ts'
import { type MqttSourceOptions, mqttSource, takeMessage } from '../../src/source/mqtt.ts'
import type { Heard, SourceTools, Taken } from '../../src/source/source.ts'
import { SimBroker } from '../sim/world/broker.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

const message: BrokerMessage = { topic: 'alerts/a\r\nb\0', payload: Buffer.from('x'), qos: 1, retain: false, dup: true, packetId: 7 }
const refused = (again: boolean): Taken => ({ kind: 'refused', why: 'full', hint: '', again })

async function take(taken: Taken | Error, heard: Heard[] = []) {
  const tools: SourceTools = {
    clock: new SimClock(new Timeline(), 'b'),
    random: new SimRandom(1),
    log: silent,
    take: async (one) => {
      heard.push(one)
      if (taken instanceof Error) throw taken
      return taken
    },
  }
  return takeMessage('field', message, tools)
}

test('only what is durable, or never will be an alert, is acknowledged to the broker', async () => {
  assert.equal(await take({ kind: 'accepted', id: '1', number: 1, repeated: false }), 'taken')
  assert.equal(await take({ kind: 'ignored', why: 'empty' }), 'taken')
  assert.equal(await take(refused(false)), 'taken')
  assert.equal(await take(refused(true)), 'refused')
  assert.equal(await take(new Error('a bug')), 'refused')
})

test('a transmission is named by packet identifier and content, and its topic is clean', async () => {
  const heard: Heard[] = []
  await take({ kind: 'ignored', why: '' }, heard)
  assert.match(heard[0]?.transmission ?? '', /^7:[0-9a-f]{16}$/)
  assert.equal(heard[0]?.dup, true)
  assert.doesNotMatch(heard[0]?.topic ?? '', /[\r\n\0]/)
})

test('each client of the embedded broker counts for itself, and its numbers soon mean something else', async () => {
  const heard: Heard[] = []
  const tools: SourceTools = {
    clock: new SimClock(new Timeline(), 'b'),
    random: new SimRandom(1),
    log: silent,
    take: async (one) => {
      heard.push(one)
      return { kind: 'ignored', why: '' }
    },
  }
  for (const clientId of ['sensor-a', 'sensor-b', 'sensor-a']) await takeMessage('broker', { ...message, clientId }, tools)
  const [a, b, again] = heard.map((one) => one.transmission)
  assert.notEqual(a, b)
  assert.equal(a, again)
  assert.ok(heard.every((one) => one.fleeting))
  await takeMessage('field', message, tools)
  assert.equal(heard[3]?.fleeting, undefined, 'a broker of others numbers all that it sends us')
})

test('a retained message may be old news: it is passed over with a reason, and confirmed (eclipse-mosquitto/mosquitto#1760)', async () => {
  const said: string[] = []
  let events: BrokerEvents | undefined
  const broker: Broker = {
    connect: async (_, on) => {
      events = on
      return { sessionPresent: false, publish: async () => {}, close: async () => {} }
    },
    serve: () => Promise.reject(new Error('not asked for')),
  }
  const options: MqttSourceOptions = {
    id: 'field',
    url: 'mqtt://broker',
    topics: ['alerts/#'],
    qos: 1,
    version: 4,
    clientId: 'c',
    retained: 'ignore',
    keepaliveS: 60,
    maxBytes: 100,
  }
  const source = mqttSource(options, broker, {
    clock: new SimClock(new Timeline(), 'b'),
    random: new SimRandom(1),
    log: (_, event) => said.push(event),
    take: () => assert.fail('it is not taken'),
  })
  source.start()
  await new Promise((resolve) => setImmediate(resolve))
  for (let i = 0; i < 5; i++) assert.equal(await events?.message({ ...message, retain: true, dup: false }), 'taken')
  assert.equal(said.filter((event) => event === 'mqtt: a retained message was passed over').length, 3, 'the first, the second, the fourth')
  await source.stop()
})

const options = {
  id: 'field',
  url: 'mqtt://broker',
  topics: ['alerts/#'],
  qos: 1,
  version: 5,
  clientId: 'box',
  retained: 'ignore',
  keepaliveS: 60,
  maxBytes: 1000,
} as const

/** A source at a simulated broker. */
function begin(timeline: Timeline, broker: SimBroker, taken: () => Taken) {
  const clock = new SimClock(timeline, 'b')
  const tools: SourceTools = { clock, random: new SimRandom(1), log: silent, take: async () => taken() }
  const source = mqttSource({ ...options, topics: [...options.topics] }, broker, tools)
  source.start()
  return source
}

test('what is refused while the session is only beginning is asked for again, too', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  let full = true
  const taken = (): Taken => (full ? refused(true) : { kind: 'accepted', id: '1', number: 1, repeated: false })
  begin(timeline, broker, taken)
  await timeline.run(1000)
  // The gateway begins anew: it does not know what the broker has granted, and asks, while what was kept for it comes already.
  broker.vanish()
  broker.publish('alerts/a', 'kept for us', 1)
  const source = begin(timeline, broker, taken)
  await timeline.run(10_000)
  assert.equal(source.state().state, 'up')
  assert.deepEqual(broker.acknowledged, [])
  full = false
  await timeline.run(120_000, () => broker.acknowledged.length > 0)
  assert.deepEqual(broker.acknowledged, ['kept for us'])
})

test('a source ends at once although its broker says nothing', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  broker.frozen = true
  const source = begin(timeline, broker, () => refused(true))
  await timeline.run(1000)
  let stopped = false
  void source.stop().then(() => {
    stopped = true
  })
  await timeline.run(1100)
  assert.ok(stopped)
  // It is let in after all, and leaves again.
  broker.frozen = false
  await timeline.run(120_000)
  assert.equal(source.state().state, 'stopped')
})
