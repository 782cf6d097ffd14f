import { type Broker, BrokerError, type BrokerServerOptions } from '../ports/broker.ts'
import type { Clock } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { type Net, NetError, type Wire } from '../ports/net.ts'
import { type LineSettings, type Serial, SerialError } from '../ports/serial.ts'
import { type Step, stepsOn } from '../ports/step.ts'
import type { MqttSourceOptions } from './mqtt.ts'

/**
 * Probe: why a source hears nothing, step by step, while no gateway runs. Nothing is taken from anybody: a line that somebody has open stays
 * closed to us, and a broker gets a client of its own, whose session ends with it and which acknowledges nothing.
 */
const stepMs = 10_000
const keepaliveS = 30
const byIdDir = '/dev/serial/by-id/'
/** Lines in one sentence. */
const namesLimit = 8

export type Nearest = (word: string, known: readonly string[]) => string | undefined

/** The device and its opening. */
export async function* probeSerial(serial: Serial, clock: Clock, line: LineSettings, nearest: Nearest): AsyncGenerator<Step> {
  const done = stepsOn(clock)
  const { path } = line
  try {
    const look = await serial.look(path)
    if (look.kind === 'missing') return yield done('device', false, missing(path, await byIds(serial), nearest))
    if (look.kind === 'no-line') return yield done('device', false, `${path} is there, but it is no serial line.`)
    if (look.heldBy.length > 0) {
      const who = look.heldBy.map((one) => `${one.name || 'a process'} (process ${one.pid})`).join(' and ')
      return yield done('device', false, `${path} is held by ${who}. Stop it, or give the source another line.`)
    }
    yield done('device', true, await present(path, look.path, serial))
  } catch (error) {
    return yield done('device', false, sentence(error))
  }
  try {
    const open = await serial.open(line, { data: () => {}, closed: () => {} })
    await open.close()
    yield done('open', true, `opened with ${settingsOf(line)}, and closed again`)
  } catch (error) {
    const locked = error instanceof SerialError && error.code === 'EBUSY'
    yield done('open', false, `${sentence(error)}.${locked ? ' As root, doctor says which process it is.' : ''}`)
  }
}

const byIds = async (serial: Serial): Promise<string[]> =>
  (await serial.list().catch(() => [])).flatMap((port) => (port.byId === undefined ? [] : [port.byId]))

const leaf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

function missing(path: string, known: readonly string[], nearest: Nearest): string {
  if (known.length === 0) return `There is no ${path}, and no adapter has a name under ${byIdDir}. Is it plugged in?`
  const leaves = known.map(leaf)
  const near = known[leaves.indexOf(nearest(leaf(path), leaves) ?? '')]
  const others = known.filter((one) => one !== near).slice(0, namesLimit)
  return [
    `There is no ${path}. Is it plugged in?`,
    ...(near === undefined ? [] : [`The nearest that is: ${near}.`]),
    ...(others.length === 0 ? [] : [`${near === undefined ? 'What is' : 'Others'}: ${others.join(', ')}.`]),
  ].join(' ')
}

async function present(path: string, real: string, serial: Serial): Promise<string> {
  if (path !== real) return `${path} is there: ${real}`
  const named = (await serial.list().catch(() => [])).find((port) => port.path === real)?.byId
  return named === undefined ? `${path} is there` : `${path} is there; its name that lasts is ${named}`
}

function settingsOf({ baudRate, dataBits, parity, stopBits, flow }: LineSettings): string {
  const bits = (count: number, what: string) => `${count} ${what} bit${count === 1 ? '' : 's'}`
  return `${baudRate} baud, ${bits(dataBits, 'data')}, ${parity === 'none' ? 'no' : parity} parity, ${bits(stopBits, 'stop')}, ${flow === 'none' ? 'no' : flow} flow control`
}

/** DNS, TCP, TLS, CONNACK and SUBACK. `clientId` must not be the source's own: that would end the gateway's session. */
export async function* probeMqtt(
  net: Net,
  broker: Broker,
  clock: Clock,
  options: MqttSourceOptions,
  clientId: string,
): AsyncGenerator<Step> {
  const done = stepsOn(clock)
  const { host, port, secure } = addressOf(options.url)
  let wire: Wire | undefined
  let step = 'DNS'
  try {
    yield done(step, true, `${host} is ${(await net.resolve(host, stepMs)).join(', ')}`)
    step = 'TCP'
    wire = await net.connect({ host, port, timeoutMs: stepMs })
    yield done(step, true, `connected to ${wire.peer}`)
    step = 'TLS'
    if (secure) {
      await wire.startTls({ serverName: host, ...(options.ca === undefined ? {} : { ca: options.ca }) }, stepMs)
      yield done(step, true, tlsSentence(wire))
    }
  } catch (error) {
    return yield done(step, false, netSentence(error, clock))
  } finally {
    wire?.close()
  }
  yield* askBroker(broker, options, clientId, done)
}

async function* askBroker(
  broker: Broker,
  options: MqttSourceOptions,
  clientId: string,
  done: ReturnType<typeof stepsOn>,
): AsyncGenerator<Step> {
  const { url, topics, qos, version, username, password, ca } = options
  const admitted: Step[] = []
  const asked = {
    ...{ url, qos, version, clientId, keepaliveS, topics: topics.map((topic) => ownShare(topic, clientId)) },
    ...{ clean: true, receiveMaximum: 1, sessionExpiryS: 0, connectTimeoutMs: stepMs },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  }
  const as = username === undefined ? 'without a user' : `as ${username}`
  try {
    const session = await broker.connect(asked, {
      admitted: () => void admitted.push(done('CONNACK', true, `the broker lets us in ${as}, MQTT ${version === 5 ? '5' : '3.1.1'}`)),
      message: async () => 'refused',
      closed: () => {},
    })
    yield* admitted
    yield done('SUBACK', true, `the broker lets us hear ${topics.join(', ')}`)
    await session.close()
  } catch (error) {
    yield* admitted
    yield done(admitted.length > 0 ? 'SUBACK' : 'CONNACK', false, brokerSentence(error))
  }
}

/** A shared subscription gives each message to one of its group only: ours is a group of its own. */
const ownShare = (topic: string, group: string): string => topic.replace(/^\$share\/[^/]+\//, `$share/${group}/`)

function tlsSentence({ tls }: Wire): string {
  const [own] = tls?.chain ?? []
  const who = own && `, certificate of ${own.subject} by ${own.issuer}, valid to ${new Date(own.validTo).toISOString().slice(0, 10)}`
  return `${tls?.protocol} ${tls?.cipher}${who ?? ''}`
}

function netSentence(error: unknown, clock: Clock): string {
  const dated = error instanceof NetError && (error.code === 'CERT_NOT_YET_VALID' || error.code === 'CERT_HAS_EXPIRED')
  if (!dated || clock.synchronised() === 'yes') return `${sentence(error)}.`
  return `${sentence(error)}, or the clock of this device is wrong: it says ${new Date(clock.wall()).toISOString()} and was not set from outside.`
}

/** MQTT 3.1.1 section 3.2.2.3 and MQTT 5 section 3.2.2.2, with what to do. */
const refusals: Readonly<Record<string, string>> = {
  1: 'It does not speak this version of MQTT: set version to the other one.',
  132: 'It does not speak this version of MQTT: set version to 4.',
  2: 'It does not let this client id in; it may know only that of the source.',
  133: 'It does not let this client id in; it may know only that of the source.',
  3: 'It is not available just now.',
  136: 'It is not available just now.',
  137: 'It is busy just now.',
  4: 'The user or the password is wrong.',
  134: 'The user or the password is wrong.',
  5: 'The user or the password is wrong, or may not connect.',
  135: 'The user or the password is wrong, or may not connect.',
  138: 'This client is banned.',
}

function brokerSentence(error: unknown): string {
  const said = `${sentence(error)}.`
  if (!(error instanceof BrokerError)) return said
  if (error.kind === 'subscription') return `${error.message}. Ask its keeper for the right to read it, or change topics.`
  return error.kind === 'refused' ? [said, refusals[error.code]].filter(Boolean).join(' ') : said
}

function addressOf(url: string): { host: string; port: number; secure: boolean } {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'mqtts:'
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || (secure ? 8883 : 1883)), secure }
}

/** Whether the embedded broker could listen; and if not, whether somebody answers in its place. */
export async function* probeEmbedded(net: Net, broker: Broker, clock: Clock, options: BrokerServerOptions): AsyncGenerator<Step> {
  const done = stepsOn(clock)
  try {
    const server = await broker.serve(options, { message: async () => 'refused' })
    await server.close()
    return yield done('listen', true, `${options.listen} is free for the embedded broker`)
  } catch (error) {
    yield done('listen', false, error instanceof BrokerError ? error.message : sentence(error))
    if (!(error instanceof BrokerError) || error.code !== 'EADDRINUSE') return
  }
  const at = options.listen.lastIndexOf(':')
  const host = options.listen.slice(0, at).replace(/^\[(.*)\]$/, '$1')
  try {
    const wire = await net.connect({ host: anywhere[host] ?? host, port: Number(options.listen.slice(at + 1)), timeoutMs: stepMs })
    wire.close()
    yield done('answer', true, `somebody answers on ${options.listen}: another broker, or another gateway`)
  } catch (error) {
    yield done('answer', false, `Nobody answers there, either: ${sentence(error)}.`)
  }
}

/** Where to reach what listens on every address. */
const anywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
