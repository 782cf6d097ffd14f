import {
  type Broker,
  BrokerError,
  type BrokerEvents,
  type BrokerOptions,
  type BrokerServer,
  type BrokerServerEvents,
  type BrokerServerOptions,
  type BrokerSession,
  type Taking,
} from '../../../src/ports/broker.ts'
import { matchesTopic } from '../../../src/source/topic.ts'
import { SimServers } from './broker-server.ts'
import type { Timeline } from './timeline.ts'

type Qos = 0 | 1 | 2
type Message = { topic: string; payload: string; qos: Qos; packetId: number; sentIn: Session | undefined; retain: boolean }
/** `begun`: a loss is told. `cut`: what is in the air is lost. */
type Session = { on: BrokerEvents; options: BrokerOptions; open: boolean; begun: boolean; cut: boolean; inAir: number; turn: Promise<void> }
/** A packet of the gateway that can be lost on the way. */
export type Lossy = 'acknowledgement' | 'subscription' | 'presence'

const connectMs = 20
const acknowledgeMs = 10
/** All that is stored is said at once, and who asks whether there is more is answered later. */
const caughtUpMs = 300
/** Less often than a gateway asks, so that days are not made of that. */
const signOfLifeMs = 600_000
const farewellMs = 2000

/**
 * An MQTT broker with one persistent session: what is not acknowledged comes again, with the same packet identifier and DUP, in the next one.
 * What is published before the gateway has ever come waits for it, as if the session had been made when the device was set up.
 */
export class SimBroker implements Broker {
  up = true
  /** Carries nothing, and does not end. */
  frozen = false
  /** The only one who is let in; undefined: anybody. */
  user: { name: string; password: string } | undefined
  /** Topic filters that are refused, and topics that nobody may publish to. */
  readonly forbidden = new Set<string>()
  readonly unwritable = new Set<string>()
  /** Payloads whose acknowledgement reached the broker. */
  readonly acknowledged: string[] = []
  readonly retained = new Map<string, string>()
  /** What the gateway published. */
  readonly published: string[] = []
  readonly servers: SimServers
  readonly #timeline: Timeline
  #queue: Message[] = []
  #nextId = 1
  #session: Session | undefined
  /** Topic filters of the session; undefined: it does not exist. */
  #subscribed: Set<string> | undefined
  #lose: { what: Lossy; then: 'cut' | 'silence' } | undefined
  /** What the gateway knows of the session, for as long as it runs. */
  #granted = new Set<string>()
  readonly #taken = new Set<Message>()
  #lives = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
    this.servers = new SimServers(timeline)
  }

  publish(topic: string, payload: string, qos: Qos, retain = false): void {
    if (retain) this.#retain(topic, payload)
    // Without a session a retained message is there for whoever subscribes; with one it comes when somebody asked for it.
    if (this.#subscribed ? ![...this.#subscribed].some((filter) => matchesTopic(filter, topic)) : retain) return
    this.#enqueue(topic, payload, qos, false)
  }

  /** The connection is lost; acknowledgements in the air are, too. */
  drop(): void {
    const session = this.#end()
    if (session?.begun) this.#timeline.at(1, () => session.on.closed('the connection was lost'))
  }

  /** The power of the gateway went: nobody is told, and it remembers nothing. */
  vanish(): void {
    this.#end()
    this.#granted.clear()
    this.#taken.clear()
    this.#lives++
  }

  /** The session is gone, and what waited in it. */
  forget(): void {
    this.drop()
    this.#subscribed = undefined
    this.#queue = []
    this.#nextId = 1
  }

  lose(what: Lossy, then: 'cut' | 'silence' = 'cut'): void {
    this.#lose = { what, then }
  }

  async connect(options: BrokerOptions, on: BrokerEvents): Promise<BrokerSession> {
    await this.#pass(connectMs)
    if (!this.up) throw new BrokerError('network', 'ECONNREFUSED', 'the broker cannot be reached')
    if (this.frozen) return this.#silence(options)
    const { user } = this
    if (user && (user.name !== options.username || user.password !== options.password))
      throw new BrokerError('refused', '5', 'the broker refused the connection')
    this.drop()
    const sessionPresent = this.#subscribed !== undefined
    if (!sessionPresent) {
      this.#granted.clear()
      on.caughtUp?.()
    }
    const session: Session = { on, options, open: true, begun: false, cut: false, inAir: 0, turn: Promise.resolve() }
    this.#session = session
    // What is kept follows CONNACK at once, before the topics are agreed on.
    if (sessionPresent) this.#pump()
    try {
      await this.#agree(session)
    } catch (error) {
      this.#end()
      throw error
    }
    session.begun = true
    if (this.#isLost('presence', options.presence !== undefined)) this.drop()
    else if (options.presence) this.#retain(options.presence.topic, options.presence.online)
    this.#pump()
    if (sessionPresent) this.#catchUp(session)
    else this.#signOfLife(session)
    return {
      sessionPresent,
      publish: async (topic, payload, { retain = false } = {}) => {
        if (!session.open) throw new BrokerError('network', 'ECLOSED', 'the connection to the broker is gone')
        if (this.unwritable.has(topic)) throw new BrokerError('refused', '135', 'the broker did not take what we published')
        this.published.push(`${topic} ${payload}`)
        if (retain) this.#retain(topic, payload)
      },
      close: () => this.#close(session),
    }
  }

  serve(options: BrokerServerOptions, on: BrokerServerEvents): Promise<BrokerServer> {
    return this.servers.serve(options, on)
  }

  get unacknowledged(): number {
    return this.#queue.length
  }

  /** Ends at once what is connected, and leaves its will. */
  #end(): Session | undefined {
    const session = this.#session
    this.#session = undefined
    if (!session?.open) return undefined
    session.open = false
    session.cut = true
    const { presence } = session.options
    if (presence) this.#retain(presence.topic, presence.offline)
    return session
  }

  async #close(session: Session): Promise<void> {
    for (let waited = 0; session.open && session.inAir > 0 && waited < farewellMs; waited += connectMs) await this.#pass(connectMs)
    if (this.frozen) await this.#pass(farewellMs)
    if (!session.open) return
    this.#end()
    session.cut = session.inAir > 0
  }

  /** Asks for what the session does not have yet, and gives up what is not wanted any more. */
  async #agree(session: Session): Promise<void> {
    const { topics, qos } = session.options
    const fresh = topics.filter((topic) => !this.#granted.has(`${qos} ${topic}`))
    if (fresh.length > 0) await this.#pass(connectMs)
    this.#subscribed ??= new Set()
    const silent = this.#lose?.then === 'silence'
    const lost = this.#isLost('subscription', fresh.length > 0)
    if (lost && silent) await this.#silence(session.options)
    if (lost || !session.open) throw new BrokerError('network', 'ECLOSED', 'the connection to the broker was lost')
    if (fresh.some((topic) => this.forbidden.has(topic)))
      throw new BrokerError('subscription', '128', 'the broker refused the subscription')
    this.#granted = new Set(topics.map((topic) => `${qos} ${topic}`))
    this.#subscribed = new Set(topics)
    for (const [topic, payload] of this.retained)
      if (fresh.some((filter) => matchesTopic(filter, topic))) this.#enqueue(topic, payload, 1, true)
  }

  #isLost(what: Lossy, there: boolean): boolean {
    if (!there || this.#lose?.what !== what) return false
    this.#lose = undefined
    return true
  }

  async #silence({ connectTimeoutMs }: BrokerOptions): Promise<never> {
    await this.#pass(connectTimeoutMs)
    throw new BrokerError('network', 'ETIMEDOUT', 'the broker did not answer')
  }

  #retain(topic: string, payload: string): void {
    if (this.unwritable.has(topic)) return
    if (payload === '') this.retained.delete(topic)
    else this.retained.set(topic, payload)
  }

  #enqueue(topic: string, payload: string, qos: Qos, retain: boolean): void {
    const message: Message = { topic, payload, qos, packetId: this.#nextId, sentIn: undefined, retain }
    if (qos === 0) {
      this.#deliver(message, false)
      return
    }
    this.#nextId = (this.#nextId % 65_535) + 1
    this.#queue.push(message)
    this.#pump()
  }

  /** All that was stored was said when it was pumped. */
  #catchUp(session: Session): void {
    this.#timeline.at(caughtUpMs, () => {
      if (!session.open) return
      if (this.frozen) return this.#catchUp(session)
      session.on.caughtUp?.()
      this.#signOfLife(session)
    })
  }

  /** Whatever there is was said at once. */
  #signOfLife(session: Session): void {
    if (!session.open) return
    session.on.asked?.()
    this.#timeline.at(acknowledgeMs, () => session.open && !this.frozen && session.on.answered?.(true))
    this.#timeline.at(signOfLifeMs, () => this.#signOfLife(session))
  }

  /** What this session has not heard yet. */
  #pump(): void {
    const session = this.#session
    if (!session?.open) return
    for (const message of this.#queue) if (message.sentIn !== session) this.#deliver(message, message.sentIn !== undefined)
  }

  #deliver(message: Message, dup: boolean): void {
    const session = this.#session
    if (!session?.open || this.frozen) return
    message.sentIn = session
    const { topic, payload, qos, packetId, retain } = message
    session.inAir++
    const number = qos === 0 ? {} : { packetId }
    // QoS 2: the gateway knows the number, and only its acknowledgement is said again.
    const taking: Promise<Taking> =
      dup && this.#taken.has(message)
        ? Promise.resolve('taken')
        : session.on.message({ topic, payload: Buffer.from(payload), qos, dup, retain, ...number }).catch(() => 'refused')
    session.turn = session.turn.then(async () => {
      if ((await taking) === 'refused' || qos === 0) session.inAir--
      else this.#acknowledge(session, message)
    })
  }

  #acknowledge(session: Session, message: Message): void {
    if (message.qos === 2) this.#taken.add(message)
    this.#timeline.at(acknowledgeMs, () => {
      session.inAir--
      if (session.cut) return
      if (this.#isLost('acknowledgement', true)) return this.drop()
      this.acknowledged.push(message.payload)
      this.#taken.delete(message)
      this.#queue = this.#queue.filter((one) => one !== message)
    })
  }

  /** Never ends for a gateway whose power went meanwhile. */
  #pass(ms: number): Promise<void> {
    const life = this.#lives
    return new Promise((resolve) => void this.#timeline.at(ms, () => life === this.#lives && resolve()))
  }
}
