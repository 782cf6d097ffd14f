import { Socket } from 'node:net'
import type { IClientOptions, IClientSubscribeOptions, MqttClient } from 'mqtt'
import type {
  Broker,
  BrokerEvents,
  BrokerOptions,
  BrokerServer,
  BrokerServerEvents,
  BrokerServerOptions,
  BrokerSession,
} from '../broker.ts'
import { BrokerError } from '../broker.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { sentence } from '../log.ts'
import { serveBroker } from './broker-server.ts'
import { Session } from './broker-session.ts'
import { NodeClock } from './clock.ts'
import { IncomingStore } from './incoming-store.ts'
import { codeOf, limited } from './limited.ts'
import { PacketCut } from './packet-cut.ts'
import { contextOf } from './tls.ts'

/** The Broker port over the `mqtt` package: one attempt a `connect`, and no acknowledgement before the promise of `message` has resolved. */
const memoriesLimit = 64
/** Octets of a packet from a broker; what is longer loses its end. More than any source takes of a payload, which says in the log that it was cut. */
const packetBytes = 1024 * 1024
/** MQTT 5 section 3.8.3.1, retain handling: what is retained comes only with a subscription that is new to the broker, or not at all. */
const retainedOnce = 1
const noRetained = 2

/** What outlives a connection, because the broker keeps its side of it, too: QoS 2 packets, and the topics that it granted with their QoS. */
type Memory = { incoming: IncomingStore; granted: Map<string, number> }

export class NodeBroker implements Broker {
  readonly #log: Log
  readonly #clock: Clock
  /** By broker and client id. */
  readonly #memories = new Map<string, Memory>()

  constructor(log: Log, clock: Clock = new NodeClock()) {
    this.#log = log
    this.#clock = clock
  }

  async connect(options: BrokerOptions, on: BrokerEvents): Promise<BrokerSession> {
    const { connect } = await import('mqtt')
    const memory = this.#memoryOf(`${options.url} ${options.clientId}`)
    const client = connect(options.url, clientOptions(options, memory.incoming))
    bound(client)
    const session = new Session(client, memory.incoming, on, this.#log)
    const late = () => new BrokerError('network', 'ETIMEDOUT', `the broker ${hostOf(options.url)} did not answer in time`)
    try {
      await limited(establish(client, options, on, memory, session), options.connectTimeoutMs, late)
      if (options.presence) session.appear(options.presence)
      return session
    } catch (error) {
      session.abandon()
      throw error instanceof BrokerError ? error : new BrokerError('network', codeOf(error), sentence(error), { cause: error })
    }
  }

  serve(options: BrokerServerOptions, on: BrokerServerEvents): Promise<BrokerServer> {
    return serveBroker(options, on, this.#clock, this.#log)
  }

  #memoryOf(name: string): Memory {
    const memory = this.#memories.get(name) ?? { incoming: new IncomingStore(), granted: new Map() }
    this.#memories.set(name, memory)
    if (this.#memories.size > memoriesLimit) this.#memories.delete(this.#memories.keys().next().value ?? '')
    return memory
  }
}

/** CONNECT and whatever SUBSCRIBE is needed; afterwards the session hears everything that it is to hear. */
async function establish(client: MqttClient, options: BrokerOptions, on: BrokerEvents, memory: Memory, session: Session): Promise<void> {
  const sessionPresent = await connected(client, options)
  // A PUBACK is small and somebody waits for it.
  if (client.stream instanceof Socket) client.stream.setNoDelay(true)
  on.admitted?.()
  if (!sessionPresent) {
    memory.incoming.clear()
    memory.granted.clear()
  }
  // What is shared is stored for all who share it, whoever they are and whenever they came (section 4.8.2).
  const mayHaveStored = sessionPresent || options.topics.some(isShared)
  if (!mayHaveStored) on.caughtUp?.()
  await agree(client, options, memory.granted)
  session.begin(sessionPresent, mayHaveStored)
}

function clientOptions(options: BrokerOptions, incomingStore: IncomingStore): IClientOptions {
  const { clientId, version, username, password, ca, keepaliveS, receiveMaximum, sessionExpiryS, connectTimeoutMs, presence } = options
  const clean = options.clean ?? false
  return {
    clientId,
    protocolVersion: version,
    clean,
    keepalive: keepaliveS,
    // Asked also while messages come: the answer says that none is left behind.
    reschedulePings: false,
    // The whole of `connect` has its own end; this one must not come before it.
    connectTimeout: 2 * connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    rejectUnauthorized: true,
    // The store interface is what the package uses; its type asks for the package's own class.
    incomingStore: incomingStore as unknown as NonNullable<IClientOptions['incomingStore']>,
    ...(version === 5 ? { properties: { sessionExpiryInterval: clean ? 0 : sessionExpiryS, receiveMaximum } } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // The package would take `ca` in place of what the system trusts.
    ...(options.url.startsWith('mqtts:') ? { secureContext: contextOf(ca) } : {}),
    ...(presence ? { will: { topic: presence.topic, payload: Buffer.from(presence.offline), qos: 1 as const, retain: true } } : {}),
  }
}

/** Before the package sees them, the octets that come in pass the cut: it would collect a packet of any length. */
function bound({ stream }: MqttClient): void {
  const cut = new PacketCut(packetBytes)
  const push = stream.push.bind(stream)
  stream.push = (octets: Uint8Array | null, encoding?: BufferEncoding) => {
    const passed = octets && cut.through(octets)
    if (passed !== undefined) return push(passed, encoding)
    stream.destroy(new Error('what comes is no MQTT, or far too long'))
    return false
  }
}

function connected(client: MqttClient, options: BrokerOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    client.once('connect', (packet) => resolve(packet.sessionPresent))
    client.once('error', (error) => reject(connectError(error)))
    client.once('close', () => reject(new BrokerError('network', 'ECLOSED', `the broker ${hostOf(options.url)} hung up or did not answer`)))
  })
}

function connectError(error: Error): BrokerError {
  const code = (error as { code?: unknown }).code
  // A number is a reason code of the broker's CONNACK; a string comes from the network.
  if (typeof code === 'number')
    return new BrokerError('refused', String(code), `the broker refused the connection: ${error.message}`, { cause: error })
  return new BrokerError('network', codeOf(error), `the broker cannot be reached: ${sentence(error)}`, { cause: error })
}

/**
 * Asks for the topics that the broker is not known to hold for us. That it knows our session says only that somebody once connected: the
 * subscription may have been refused or lost then, or been another one.
 */
async function agree(client: MqttClient, { topics, qos, clean = false }: BrokerOptions, granted: Map<string, number>): Promise<void> {
  const gone = [...granted.keys()].filter((topic) => !topics.includes(topic))
  const fresh = topics.filter((topic) => granted.get(topic) !== qos)
  if (gone.length > 0) await client.unsubscribeAsync(gone)
  for (const topic of gone) granted.delete(topic)
  // mosquitto 2.0 sends what is retained also to each of those that share a subscription, which section 4.8.2 does not want: it would be told by all of them.
  const [shared, own] = [fresh.filter(isShared), fresh.filter((topic) => !isShared(topic))]
  if (own.length > 0) await subscribe(client, own, { qos, rh: clean ? noRetained : retainedOnce })
  if (shared.length > 0) await subscribe(client, shared, { qos, rh: noRetained })
  for (const topic of fresh) granted.set(topic, qos)
}

const isShared = (topic: string): boolean => topic.startsWith('$share/')

async function subscribe(client: MqttClient, topics: string[], wanted: IClientSubscribeOptions): Promise<void> {
  const answer = await client.subscribeAsync(topics, wanted).catch((error: Error) => error)
  if (!(answer instanceof Error)) return
  const codes = codesOf(answer)
  // Without the broker's answer it was lost on the way.
  if (!codes?.some(isRefusal))
    throw new BrokerError('network', codeOf(answer), `the connection was lost during the subscription: ${sentence(answer)}`, {
      cause: answer,
    })
  const refused = topics.filter((_, index) => isRefusal(codes[index] ?? 0))
  throw new BrokerError('subscription', String(codes.find(isRefusal)), `the broker does not let us subscribe to ${refused.join(', ')}`, {
    cause: answer,
  })
}

/** MQTT 5 section 3.9.3; MQTT 3.1.1 knows only the first of them. */
const isRefusal = (code: number): boolean => code >= 0x80

/** The broker's answer to each topic, when it gave one: the package puts it into its error. */
function codesOf(error: Error): number[] | undefined {
  const granted = (error as { packet?: { granted?: unknown } }).packet?.granted
  return Array.isArray(granted) ? granted.map(Number) : undefined
}

const hostOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return 'named in the settings'
  }
}
