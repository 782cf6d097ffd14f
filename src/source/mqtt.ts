import { hash } from 'node:crypto'
import { alertLimits } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import type { Stored } from '../alert/stamp.ts'
import { type Broker, BrokerError, type BrokerMessage, type BrokerOptions, type BrokerSession, type Taking } from '../ports/broker.ts'
import { sleep } from '../ports/clock.ts'
import { sentence, worthTelling } from '../ports/log.ts'
import type { Ahead } from './ahead.ts'
import { backoff } from './backoff.ts'
import { Hearing } from './hearing.ts'
import type { Heard, Source, SourceState, SourceTools } from './source.ts'

/**
 * MQTT source: what a broker holds for us, acknowledged only after it is durable. It comes back for ever, also after a refused CONNACK. What
 * was refused for now stays with the broker, which sends it again in the next session; what comes behind it in this one is refused, too, unless it may pass.
 */
export type MqttSourceOptions = {
  id: string
  url: string
  topics: string[]
  qos: 0 | 1 | 2
  version: 4 | 5
  clientId: string
  username?: string
  password?: string
  ca?: string
  retained: 'ignore' | 'accept'
  keepaliveS: number
  /** Octets of one payload; a longer one is cut. */
  maxBytes: number
}

const reconnect = { firstMs: 1000, maxMs: 60_000 }
/** Brokers lock out who knocks with a wrong password. */
const refusedReconnect = { firstMs: 10_000, maxMs: 600_000 }
const connectTimeoutMs = 30_000
/** Bounds what the broker may have unacknowledged in the air (MQTT 5). */
const receiveMaximum = 64
/** How long a session with a refused message goes on before the broker is asked for it again; twice as long whenever it is refused again. */
const refusedMs = { first: 2000, max: 30_000 }
const sessionExpiryS = 7 * 86_400

/** Where this box says whether it is there, and the broker for it when it is not. */
const presenceOf = (clientId: string): string => `outpost/${clientId}/status`

export const mqttSource = (options: MqttSourceOptions, broker: Broker, tools: SourceTools): Source => new MqttSource(options, broker, tools)

class MqttSource implements Source {
  readonly id: string
  readonly #options: MqttSourceOptions
  readonly #broker: Broker
  readonly #tools: SourceTools
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #state: SourceState['state'] = 'starting'
  #why: string | undefined
  #heard = 0
  #overruns = 0
  #passedOver = 0
  /** Sessions in a row in which something was refused. */
  #refusals = 0

  constructor(options: MqttSourceOptions, broker: Broker, tools: SourceTools) {
    this.id = options.id
    this.#options = options
    this.#broker = broker
    this.#tools = tools
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#state = 'stopped'
  }

  state(): SourceState {
    return {
      id: this.id,
      kind: 'mqtt',
      state: this.#state,
      heard: this.#heard,
      overruns: this.#overruns,
      ...(this.#why === undefined ? {} : { why: this.#why }),
    }
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#tools
    const { signal } = this.#stopping
    let hearing = new Hearing(clock)
    for (let attempt = 0; !signal.aborted; attempt++) {
      let limits = reconnect
      const ended = Promise.withResolvers<string | undefined>()
      const stop = () => ended.resolve(undefined)
      signal.addEventListener('abort', stop, { once: true })
      try {
        // What was kept for us comes before the session is handed over; it may be refused then.
        const renewed = Promise.withResolvers<undefined>()
        hearing = new Hearing(clock, hearing.upToDate)
        const session = await this.#connect(ended, hearing, () => renewed.resolve(undefined))
        if (!session) return
        this.#say('up')
        attempt = 0
        const why = await Promise.race([ended.promise, renewed.promise])
        await session.close().catch(() => {})
        if (!signal.aborted) this.#say('down', why ?? 'an alert was refused; it is asked for again')
      } catch (error) {
        if (error instanceof BrokerError && error.kind !== 'network') limits = refusedReconnect
        this.#say('down', sentence(error))
      } finally {
        signal.removeEventListener('abort', stop)
      }
      await sleep(clock, backoff(attempt, limits, random), signal)
    }
  }

  /** undefined: stopped meanwhile, which waits for no broker. */
  async #connect(ended: PromiseWithResolvers<string | undefined>, hearing: Hearing, renew: () => void): Promise<BrokerSession | undefined> {
    const connecting = this.#broker.connect(this.#brokerOptions(), {
      caughtUp: () => hearing.caughtUp(),
      asked: () => hearing.asked(),
      answered: (all) => hearing.answered(all),
      message: (message) => this.#message(message, hearing, renew),
      closed: (why) => ended.resolve(why),
    })
    const session = await Promise.race([connecting, ended.promise.then(() => undefined)])
    // A loss may be told before the session is handed over.
    if (session || !this.#stopping.signal.aborted) return session ?? connecting
    connecting.then(
      (late) => late.close(),
      () => {},
    )
    return undefined
  }

  #brokerOptions(): BrokerOptions {
    const { url, topics, qos, version, clientId, username, password, ca, keepaliveS } = this.#options
    const presence = { topic: presenceOf(clientId), online: 'online', offline: 'offline' }
    return {
      url,
      topics,
      qos,
      version,
      clientId,
      keepaliveS,
      receiveMaximum,
      sessionExpiryS,
      connectTimeoutMs,
      presence,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
    }
  }

  #say(state: SourceState['state'], why?: string): void {
    if (this.#state !== state || this.#why !== why)
      this.#tools.log(state === 'up' ? 'info' : 'warning', `mqtt: ${state}`, { source: this.id, why })
    this.#state = state
    this.#why = why
  }

  async #message(message: BrokerMessage, hearing: Hearing, renew: () => void): Promise<Taking> {
    const { retained, maxBytes, id, clientId } = this.#options
    // What it says of itself comes back where `#` is heard. That of other boxes is for whoever watches over them.
    if (message.topic === presenceOf(clientId)) return 'taken'
    if (message.retain && retained === 'ignore') {
      this.#passedOver++
      if (worthTelling(this.#passedOver - 1, this.#passedOver))
        this.#tools.log('info', 'mqtt: a retained message was passed over', {
          source: id,
          topic: cleanLine(message.topic, alertLimits.topicChars),
          why: 'It may be old news; sources[].retained is "ignore".',
          passedOver: this.#passedOver,
        })
      return 'taken'
    }
    if (message.payload.length > maxBytes) {
      this.#overruns++
      this.#tools.log('warning', 'mqtt: a payload was cut', { source: id, octets: message.payload.length, kept: maxBytes })
    }
    const { stored, end } = hearing.begin(message.retain)
    const heard = { ...message, payload: message.payload.subarray(0, maxBytes), ...(stored ? { stored } : {}) }
    // QoS 0 comes once, in whichever order.
    const taking = await takeMessage(id, heard, this.#tools, message.qos === 0 ? undefined : hearing.ahead)
    if (taking === 'taken') {
      this.#heard++
      if (!hearing.refused) this.#refusals = 0
    } else if (message.qos > 0) this.#refused(hearing, renew)
    end()
    return taking
  }

  /** `renew` gives the session up for the next one. */
  #refused(hearing: Hearing, renew: () => void): void {
    if (hearing.refused) return
    hearing.refused = true
    this.#tools.clock.after(Math.min(refusedMs.max, refusedMs.first * 2 ** this.#refusals), renew)
    this.#refusals++
  }
}

/** Of a message that came to the embedded broker: who published it. Of one that another broker had stored: since when. */
type Published = BrokerMessage & { clientId?: string; stored?: Stored }

/** One MQTT message through the gateway, behind what was refused already; `taken` may be acknowledged. */
export async function takeMessage(source: string, message: Published, tools: SourceTools, behind?: Ahead): Promise<Taking> {
  try {
    const taken = await tools.take({ ...heardOf(source, message), ...(behind ? { behind } : {}) })
    if (taken.kind === 'refused' && taken.again) for (const one of taken.held ?? []) behind?.add(one)
    return taken.kind === 'refused' && taken.again ? 'refused' : 'taken'
  } catch (error) {
    tools.log('error', 'mqtt: a message could not be taken', { source, why: sentence(error) })
    return 'refused'
  }
}

/**
 * A transmission is named by packet identifier and content: only the two together make a repeat one (identifiers are used again). Each client of the
 * embedded broker counts its own, and begins anew as it likes.
 */
function heardOf(source: string, message: Published): Heard {
  const { payload, qos, packetId, retain, dup, clientId, stored } = message
  const heard: Heard = {
    source,
    bytes: payload,
    topic: cleanLine(message.topic, alertLimits.topicChars),
    retained: retain,
    dup,
    ...(stored ? { stored } : {}),
  }
  if (qos === 0 || packetId === undefined) return heard
  const from = clientId === undefined ? '' : `${clientId}\0`
  const print = hash('sha256', Buffer.concat([Buffer.from(`${from}${message.topic}\0`), payload])).slice(0, 16)
  return { ...heard, transmission: `${packetId}:${print}`, ...(clientId === undefined ? {} : { fleeting: true }) }
}
