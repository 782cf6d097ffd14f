import type { IClientOptions, IClientSubscribeOptions, MqttClient } from 'mqtt'
import type {
  Broker,
  BrokerEvents,
  BrokerMessage,
  BrokerOptions,
  BrokerServer,
  BrokerServerEvents,
  BrokerServerOptions,
  BrokerSession,
} from '../broker.ts'
import { BrokerError } from '../broker.ts'
import type { Log } from '../log.ts'
import { sentence } from '../log.ts'
import { serveBroker } from './broker-server.ts'
import { IncomingStore } from './incoming-store.ts'

/**
 * The Broker port over the `mqtt` package: one attempt a `connect`, and no acknowledgement before the promise of `message` has resolved.
 *
 * The package acknowledges QoS 1 when the callback of `handleMessage` is called, and answers a QoS 2 PUBLISH with PUBREC when
 * `customHandleAcks` lets it; both are waited for here. It hands over one packet at a time: what is refused must be called back, too, or
 * nothing behind it is heard, not even the answer to our ping.
 */
const farewellMs = 2000
const sessionsLimit = 64

export class NodeBroker implements Broker {
  readonly #log: Log
  /** QoS 2 packets between PUBREC and PUBREL, by broker and client id: they outlive a connection. */
  readonly #incoming = new Map<string, IncomingStore>()

  constructor(log: Log) {
    this.#log = log
  }

  async connect(options: BrokerOptions, on: BrokerEvents): Promise<BrokerSession> {
    const { connect } = await import('mqtt')
    const store = this.#store(`${options.url} ${options.clientId}`)
    const client = connect(options.url, clientOptions(options, store))
    const session = new Session(client, store, on, this.#log)
    try {
      const sessionPresent = await connected(client, options)
      session.begin(sessionPresent)
      if (!sessionPresent) store.clear()
      if (!sessionPresent) await subscribe(client, options)
      if (options.presence) await session.publish(options.presence.topic, options.presence.online, { qos: 1, retain: true })
      return session
    } catch (error) {
      session.abandon()
      throw error instanceof BrokerError ? error : new BrokerError('network', codeOf(error), sentence(error), { cause: error })
    }
  }

  serve(options: BrokerServerOptions, on: BrokerServerEvents): Promise<BrokerServer> {
    return serveBroker(options, on, this.#log)
  }

  #store(name: string): IncomingStore {
    const store = this.#incoming.get(name) ?? new IncomingStore()
    this.#incoming.set(name, store)
    if (this.#incoming.size > sessionsLimit) this.#incoming.delete(this.#incoming.keys().next().value ?? '')
    return store
  }
}

function clientOptions(options: BrokerOptions, incomingStore: IncomingStore): IClientOptions {
  const { clientId, version, username, password, ca, keepaliveS, receiveMaximum, sessionExpiryS, connectTimeoutMs, presence } = options
  return {
    clientId,
    protocolVersion: version,
    clean: false,
    keepalive: keepaliveS,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    rejectUnauthorized: true,
    // The store interface is what the package uses; its type asks for the package's own class.
    incomingStore: incomingStore as unknown as NonNullable<IClientOptions['incomingStore']>,
    ...(version === 5 ? { properties: { sessionExpiryInterval: sessionExpiryS, receiveMaximum } } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(presence ? { will: { topic: presence.topic, payload: Buffer.from(presence.offline), qos: 1 as const, retain: true } } : {}),
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

async function subscribe(client: MqttClient, options: BrokerOptions): Promise<void> {
  const wanted: IClientSubscribeOptions = { qos: options.qos }
  const granted = await client.subscribeAsync(options.topics, wanted).catch((error) => {
    throw new BrokerError('subscription', codeOf(error), `the broker refused the subscription: ${sentence(error)}`, { cause: error })
  })
  const refused = granted.find((grant) => grant.qos >= 0x80)
  if (refused) throw new BrokerError('subscription', String(refused.qos), `the broker does not let us subscribe to ${refused.topic}`)
}

class Session implements BrokerSession {
  sessionPresent = false
  readonly #client: MqttClient
  readonly #on: BrokerEvents
  readonly #log: Log
  #open = false
  #ended = false
  #inAir = 0

  constructor(client: MqttClient, store: IncomingStore, on: BrokerEvents, log: Log) {
    this.#client = client
    this.#on = on
    this.#log = log
    // Set afterwards: the package takes it as an option for MQTT 5 only, and asks it for both.
    client.options.customHandleAcks = (_topic, _payload, packet, done) => {
      if (packet.qos !== 2 || store.knows(packet)) return done(0, 0)
      // Without a PUBREC the broker sends the packet again in the next session.
      void this.take(packet).then((taken) => (taken ? done(0, 0) : done(new Error('not taken'), 0)))
    }
    client.handleMessage = (packet, done) => {
      // A QoS 2 packet was taken when it came; this is its PUBREL.
      if (packet.qos === 2) return done()
      void this.take(packet).then((taken) => done(taken ? undefined : new Error('not taken')))
    }
    // The package reports through events; without a listener they would end the process.
    client.on('error', (error) => this.#log('debug', 'mqtt: error', { why: sentence(error) }))
    client.on('close', () => this.#lost())
  }

  begin(sessionPresent: boolean): void {
    this.sessionPresent = sessionPresent
    this.#open = true
  }

  /** True when the message may be acknowledged. Never rejects. */
  async take(packet: {
    topic: string
    payload: string | Buffer
    qos: 0 | 1 | 2
    retain: boolean
    dup: boolean
    messageId?: number | undefined
  }): Promise<boolean> {
    this.#inAir++
    try {
      const message: BrokerMessage = {
        topic: packet.topic.toString(),
        payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        ...(packet.messageId === undefined ? {} : { packetId: packet.messageId }),
      }
      return (await this.#on.message(message)) === 'taken'
    } catch (error) {
      this.#log('error', 'mqtt: a message could not be taken', { why: sentence(error) })
      return false
    } finally {
      this.#inAir--
    }
  }

  async publish(topic: string, payload: string, options: { qos?: 0 | 1; retain?: boolean } = {}): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: options.qos ?? 0, retain: options.retain ?? false })
  }

  async close(): Promise<void> {
    this.#ended = true
    for (let waited = 0; this.#inAir > 0 && waited < farewellMs; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20))
    const ended = this.#client.endAsync()
    const timer = setTimeout(() => this.#client.end(true), farewellMs)
    await ended.catch(() => {})
    clearTimeout(timer)
  }

  /** The attempt failed: nothing is told any more. */
  abandon(): void {
    this.#ended = true
    this.#client.end(true)
  }

  #lost(): void {
    if (this.#ended || !this.#open) return
    this.#ended = true
    this.#client.end(true)
    this.#on.closed('the connection to the broker was lost')
  }
}

const codeOf = (error: unknown): string => String((error as { code?: unknown })?.code ?? 'EUNKNOWN')

const hostOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return 'named in the settings'
  }
}
