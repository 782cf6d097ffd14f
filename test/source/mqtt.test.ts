import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Severity } from '../../src/alert/alert.ts'
import { intake } from '../../src/gateway/intake.ts'
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

/** One that takes everybody in, and says what a test makes it say. */
class QuietBroker implements Broker {
  on: BrokerEvents | undefined

  async connect(_: unknown, on: BrokerEvents) {
    this.on = on
    return { sessionPresent: false, publish: async () => {}, close: async () => {} }
  }

  serve = () => Promise.reject(new Error('not asked for'))
}

test('a retained message may be old news: it is passed over with a reason, and confirmed (eclipse-mosquitto/mosquitto#1760)', async () => {
  const said: string[] = []
  const broker = new QuietBroker()
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
  for (let i = 0; i < 5; i++) assert.equal(await broker.on?.message({ ...message, retain: true, dup: false }), 'taken')
  assert.equal(said.filter((event) => event === 'mqtt: a retained message was passed over').length, 3, 'the first, the second, the fourth')
  await source.stop()
})

test('what other boxes say of themselves is heard by a box that was told to watch over them; what it says of itself is not', async () => {
  const broker = new QuietBroker()
  const heard: string[] = []
  const take = async ({ topic = '' }: Heard): Promise<Taken> => {
    heard.push(topic)
    return { kind: 'ignored', why: '' }
  }
  const tools: SourceTools = { clock: new SimClock(new Timeline(), 'b'), random: new SimRandom(1), log: silent, take }
  const source = mqttSource({ ...options, topics: ['outpost/+/status'] }, broker, tools)
  source.start()
  await new Promise((resolve) => setImmediate(resolve))
  for (const topic of ['outpost/box/status', 'outpost/other/status', 'outpost/pump/1/status'])
    assert.equal(await broker.on?.message({ ...message, topic, retain: false, dup: false }), 'taken')
  assert.deepEqual(heard, ['outpost/other/status', 'outpost/pump/1/status'])
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

/** A source at a simulated broker, and a gateway that decodes and takes no alert of a severity for which its journal is too full. */
function beginFull(timeline: Timeline, broker: SimBroker) {
  const scene = { full: [] as Severity[], told: [] as string[], asked: 0 }
  const take = intake({
    log: silent,
    decoderOf: () => 'auto',
    offer: async ({ text, severity = 'warning' }) => {
      scene.asked++
      if (scene.full.includes(severity)) return refused(true)
      scene.told.push(text)
      return { kind: 'accepted', id: '1', number: 1, repeated: false }
    },
  })
  const clock = new SimClock(timeline, 'b')
  mqttSource({ ...options, topics: [...options.topics] }, broker, { clock, random: new SimRandom(1), log: silent, take }).start()
  const says = (text: string, state: string, severity: string, qos: 0 | 1 = 1) =>
    broker.publish('alerts/door', JSON.stringify({ text, key: 'door', state, severity }), qos)
  return { scene, says }
}

test('what was refused comes again before what came behind it: nothing is over before it began', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  const { scene, says } = beginFull(timeline, broker)
  await timeline.run(1000)
  scene.full = ['warning']
  says('open', 'raised', 'warning')
  await timeline.run(1500)
  scene.full = []
  says('shut', 'cleared', 'warning')
  says('shut at last', 'cleared', 'critical')
  await timeline.run(1600)
  assert.deepEqual(scene.told, [])
  assert.deepEqual(broker.acknowledged, [])
  await timeline.run(10_000)
  assert.deepEqual(scene.told, ['open', 'shut', 'shut at last'], 'soon')
  assert.equal(broker.unacknowledged, 0)
})

test('a keypad on a topic that was refused is understood anew when the broker sends it again', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  const { scene } = beginFull(timeline, broker)
  await timeline.run(1000)
  scene.full = ['critical']
  broker.publish('alerts/keypad', '[0000000100000100----],001,[f70200000008001c08020000000000],"FIRE 01 CELLAR"', 1)
  await timeline.run(1500)
  scene.full = []
  await timeline.run(120_000)
  assert.deepEqual(scene.told, ['FIRE 01 CELLAR'])
})

test('what is worse passes what was refused, and QoS 0, which comes once, is not kept back', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  const { scene, says } = beginFull(timeline, broker)
  await timeline.run(1000)
  scene.full = ['info']
  says('ajar', 'raised', 'info')
  says('forced', 'raised', 'critical')
  says('warm', 'event', 'warning', 0)
  says('cold', 'event', 'info', 0)
  await timeline.run(120_000)
  assert.deepEqual(scene.told, ['forced', 'warm'])
  assert.equal(broker.unacknowledged, 1)
})

test('while it is refused again and again the broker is asked ever more seldom, at most every half a minute', async () => {
  const timeline = new Timeline()
  const broker = new SimBroker(timeline)
  const { scene, says } = beginFull(timeline, broker)
  await timeline.run(1000)
  scene.full = ['info']
  says('ajar', 'raised', 'info')
  await timeline.run(3_600_000)
  assert.ok(scene.asked > 100 && scene.asked < 130, `asked ${scene.asked} times`)
  scene.full = []
  await timeline.run(3_640_000)
  scene.asked = 0
  scene.full = ['info']
  says('ajar again', 'raised', 'info')
  await timeline.run(3_650_000)
  assert.ok(scene.asked >= 3, `asked ${scene.asked} times: it begins anew`)
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
