import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../src/alert/nearest.ts'
import { type Broker, BrokerError, type BrokerEvents, type BrokerOptions } from '../../src/ports/broker.ts'
import { instant, sleep } from '../../src/ports/clock.ts'
import { type Net, NetError, type Target, type TlsFacts, type Wire } from '../../src/ports/net.ts'
import { type Serial, SerialError, type SerialLook, type SerialPortFacts } from '../../src/ports/serial.ts'
import type { Step } from '../../src/ports/step.ts'
import type { MqttSourceOptions } from '../../src/source/mqtt.ts'
import { probeEmbedded, probeMqtt, probeSerial } from '../../src/source/probe.ts'
import { line } from '../contract/serial.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** What was looked at, and whether it went, as `ok DNS` lines. */
async function walk(timeline: Timeline, steps: AsyncGenerator<Step>): Promise<{ lines: string[]; last: string; steps: Step[] }> {
  const all: Step[] = []
  let ended = false
  const walked = (async () => {
    for await (const step of steps) all.push(step)
    ended = true
  })()
  await timeline.run(timeline.now + 60_000, () => ended)
  await walked
  return { lines: all.map((one) => `${one.ok ? 'ok' : 'FAIL'} ${one.step}`), last: all.at(-1)?.sentence ?? '', steps: all }
}

class Lines implements Serial {
  looks: SerialLook = { kind: 'line', path: '/dev/ttyUSB0', heldBy: [] }
  known: SerialPortFacts[] = []
  fails: SerialError | undefined
  opened = 0
  closed = 0

  look = async () => this.looks
  list = async () => this.known
  async open() {
    this.opened++
    if (this.fails) throw this.fails
    return { write: async () => {}, close: async () => void this.closed++ }
  }
}

const look = (lines: Lines, path = '/dev/ttyUSB0') => {
  const timeline = new Timeline()
  return walk(timeline, probeSerial(lines, new SimClock(timeline, 'b'), line(path), nearest))
}

test('a line that is there is opened with its settings, and closed again', async () => {
  const lines = new Lines()
  const { lines: said, last } = await look(lines)
  assert.deepEqual(said, ['ok device', 'ok open'])
  assert.match(last, /9600 baud, 8 data bits, no parity, 1 stop bit, no flow control/)
  assert.deepEqual([lines.opened, lines.closed], [1, 1])
})

test('a line that somebody has open is not opened, and its holder is named', async () => {
  const lines = new Lines()
  lines.looks = { kind: 'line', path: '/dev/ttyUSB0', heldBy: [{ pid: 812, name: 'agetty' }] }
  const { lines: said, last } = await look(lines)
  assert.deepEqual(said, ['FAIL device'])
  assert.match(last, /held by agetty \(process 812\)/)
  assert.equal(lines.opened, 0)
})

test('for an adapter that is missing the nearest is named, then the others; and a number is told its lasting name', async () => {
  const lines = new Lines()
  const byId = (name: string) => ({ path: `/dev/tty${name}`, byId: `/dev/serial/by-id/usb-${name}` })
  lines.known = [byId('Silicon_Labs_CP2102_0001-if00'), byId('FTDI_FT232R_A5069RR4-if00')]
  lines.looks = { kind: 'missing' }
  const { last } = await look(lines, '/dev/serial/by-id/usb-FTDI_FT232R_A5069RR5-if00')
  assert.match(last, /nearest that is: \/dev\/serial\/by-id\/usb-FTDI_FT232R_A5069RR4-if00\. Others: \S*CP2102/)
  assert.match((await look(lines, '/dev/ttyS9')).last, /What is: \S*CP2102\S*, \S*FTDI/)
  lines.known = []
  assert.match((await look(lines)).last, /no adapter has a name/)
  lines.looks = { kind: 'line', path: '/dev/ttyUSB0', heldBy: [] }
  lines.known = [{ path: '/dev/ttyUSB0', byId: '/dev/serial/by-id/usb-X' }]
  assert.match((await look(lines)).steps[0]?.sentence ?? '', /its name that lasts is \/dev\/serial\/by-id\/usb-X/)
})

test('what is no line, what may not be opened and what cannot be looked at are told apart', async () => {
  const lines = new Lines()
  lines.looks = { kind: 'no-line' }
  assert.match((await look(lines)).last, /no serial line/)
  lines.looks = { kind: 'line', path: '/dev/ttyUSB0', heldBy: [] }
  lines.fails = new SerialError('/dev/ttyUSB0: not allowed: put the user of the gateway into the group dialout', 'EACCES')
  const refused = await look(lines)
  assert.deepEqual(refused.lines, ['ok device', 'FAIL open'])
  assert.match(refused.last, /dialout/)
  lines.fails = new SerialError('/dev/ttyUSB0: somebody else uses it', 'EBUSY')
  assert.match((await look(lines)).last, /As root, doctor says which process/)
  lines.look = async () => {
    throw new SerialError('/dev/x: EACCES', 'EACCES')
  }
  assert.deepEqual((await look(lines)).lines, ['FAIL device'])
})

/** A network and a broker, each step of which takes 10 ms and may fail. */
function world(fails: { dns?: Error; tcp?: Error; tls?: Error; connack?: Error; suback?: Error } = {}, synchronised: 'yes' | 'no' = 'yes') {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'b')
  clock.synchronised = () => synchronised
  const asked: BrokerOptions[] = []
  const heard: (Promise<string> | string)[] = []
  let open = 0
  const step = async (error?: Error) => {
    await sleep(clock, 10)
    if (error) throw error
  }
  const wire = (): Wire => {
    let tls: TlsFacts | undefined
    open++
    return {
      peer: 'broker.example.org:8883',
      get tls() {
        return tls
      },
      read: async () => undefined,
      write: async () => {},
      startTls: async () => {
        await step(fails.tls)
        const until = instant(Date.UTC(2027, 0, 1))
        const own = {
          subject: 'broker',
          issuer: 'CA',
          names: [],
          validFrom: instant(0),
          validTo: until,
          fingerprint: '',
          selfSigned: false,
        }
        tls = { protocol: 'TLSv1.3', cipher: 'X', resumed: false, chain: [own] }
      },
      close: () => void open--,
    }
  }
  const net: Net = {
    request: async () => assert.fail('no web here'),
    resolve: async () => {
      await step(fails.dns)
      return ['192.0.2.1']
    },
    connect: async (_: Target) => {
      await step(fails.tcp)
      return wire()
    },
    connectPath: () => Promise.reject(new Error('not here')),
    listenPath: () => Promise.reject(new Error('not here')),
  }
  const broker: Broker = {
    async connect(options: BrokerOptions, on: BrokerEvents) {
      asked.push(options)
      await step(fails.connack)
      on.admitted?.()
      heard.push(on.message({ topic: 'alerts/a', payload: Buffer.from('x'), qos: 1, retain: false, dup: false, packetId: 1 }))
      await step(fails.suback)
      open++
      return { sessionPresent: false, publish: async () => {}, close: async () => void open-- }
    },
    serve: () => Promise.reject(new BrokerError('refused', 'EADDRINUSE', 'Something else listens.')),
  }
  const walkMqtt = (more: Partial<MqttSourceOptions> = {}) =>
    walk(timeline, probeMqtt(net, broker, clock, { ...source, ...more }, 'outpost-doctor-1'))
  return { timeline, clock, net, broker, asked, heard, walkMqtt, open: () => open }
}

const source: MqttSourceOptions = {
  ...{ id: 'field', url: 'mqtts://broker.example.org', topics: ['alerts/#', '$share/outposts/common/#'], qos: 1, version: 5 },
  ...{ clientId: 'outpost-ps7', username: 'ps7', password: 'secret', retained: 'ignore', keepaliveS: 60, maxBytes: 1000 },
}

test('a broker is walked from its name to the subscription, each step with its time', async () => {
  const { walkMqtt, asked, heard, open } = world()
  const { lines, steps } = await walkMqtt()
  assert.deepEqual(lines, ['ok DNS', 'ok TCP', 'ok TLS', 'ok CONNACK', 'ok SUBACK'])
  assert.ok(steps.every((step) => step.ms === 10))
  assert.doesNotMatch(steps.map((step) => step.sentence).join(), /secret/)
  const [options] = asked
  assert.equal(options?.clientId, 'outpost-doctor-1', 'never the client id of the source')
  assert.equal(options?.clean, true)
  assert.equal(options?.presence, undefined)
  assert.deepEqual(options?.topics, ['alerts/#', '$share/outpost-doctor-1/common/#'], 'of a shared subscription nothing is taken')
  assert.deepEqual(await Promise.all(heard), ['refused'], 'and nothing is acknowledged')
  assert.equal(open(), 0, 'nothing is left open')
  assert.deepEqual((await world().walkMqtt({ url: 'mqtt://broker.example.org' })).lines, ['ok DNS', 'ok TCP', 'ok CONNACK', 'ok SUBACK'])
})

const faults: [what: string, fails: Parameters<typeof world>[0], lines: string[], says: RegExp][] = [
  ['a name that nobody knows', { dns: new NetError('dns', 'ENOTFOUND', 'the name could not be looked up') }, ['FAIL DNS'], /looked up/],
  ['a port that is shut', { tcp: new NetError('connect', 'ECONNREFUSED', 'cannot be reached') }, ['ok DNS', 'FAIL TCP'], /ECONNREFUSED/],
  [
    'a certificate of somebody else',
    { tls: new NetError('tls', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'was not trusted') },
    ['ok DNS', 'ok TCP', 'FAIL TLS'],
    /not trusted/,
  ],
  [
    'a wrong password',
    { connack: new BrokerError('refused', '5', 'the broker refused the connection') },
    ['ok DNS', 'ok TCP', 'ok TLS', 'FAIL CONNACK'],
    /user or the password is wrong/,
  ],
  [
    'a broker that hangs up',
    { connack: new BrokerError('network', 'ECLOSED', 'the broker hung up') },
    ['ok DNS', 'ok TCP', 'ok TLS', 'FAIL CONNACK'],
    /hung up/,
  ],
  [
    'a subscription that is refused',
    { suback: new BrokerError('subscription', '135', 'the broker does not let us subscribe to alerts/#') },
    ['ok DNS', 'ok TCP', 'ok TLS', 'ok CONNACK', 'FAIL SUBACK'],
    /alerts\/#\. Ask its keeper/,
  ],
]
for (const [what, fails, lines, says] of faults)
  test(`${what} ends the walk with a sentence`, async () => {
    const { walkMqtt, open } = world(fails)
    const walked = await walkMqtt()
    assert.deepEqual(walked.lines, lines)
    assert.match(walked.last, says)
    assert.equal(open(), 0)
  })

test('a certificate out of its time, while nobody set the clock, may be the clock’s fault', async () => {
  const tls = new NetError('tls', 'CERT_NOT_YET_VALID', 'its certificate is not valid yet')
  assert.match((await world({ tls }, 'no').walkMqtt()).last, /or the clock of this device is wrong/)
  assert.doesNotMatch((await world({ tls }, 'yes').walkMqtt()).last, /clock/)
})

test('the embedded broker’s port is tried and let go; when it is taken, it is told whether somebody answers', async () => {
  const options = { listen: '0.0.0.0:1883', users: [], maxClients: 1, maxBytes: 1 }
  const taken = world()
  const walked = await walk(taken.timeline, probeEmbedded(taken.net, taken.broker, taken.clock, options))
  assert.deepEqual(walked.lines, ['FAIL listen', 'ok answer'])
  assert.equal(taken.open(), 0)
  const dumb = world({ tcp: new NetError('connect', 'ETIMEDOUT', 'no answer') })
  const silence = await walk(dumb.timeline, probeEmbedded(dumb.net, dumb.broker, dumb.clock, options))
  assert.deepEqual(silence.lines, ['FAIL listen', 'FAIL answer'])
  const free = world()
  let closed = 0
  free.broker.serve = async () => ({ address: options.listen, close: async () => void closed++ })
  assert.deepEqual((await walk(free.timeline, probeEmbedded(free.net, free.broker, free.clock, options))).lines, ['ok listen'])
  assert.equal(closed, 1)
})
