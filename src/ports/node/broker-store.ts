import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Log, worthTelling } from '../log.ts'
import { alone, BrokerQueues, type Packet, type QueueLimits } from './broker-queues.ts'

/**
 * Broker store: what the embedded broker remembers, within limits. aedes keeps everything in memory for as long as it runs: messages for whoever subscribed once and
 * never came back, every topic that was ever retained, sessions of all names. Here the oldest go first, and the log says so now and then.
 */
export type StoreLimits = QueueLimits & {
  /** Subscribers whose session is kept; and topic filters of each. */
  sessions: number
  filters: number
  retained: number
  retainedOctets: number
  /** QoS 2 packets of one client that are not released. */
  unreleased: number
}

const mebibyte = 1_048_576
export const storeLimits: StoreLimits = {
  messages: 1000,
  octets: 1 * mebibyte,
  allOctets: 8 * mebibyte,
  ms: 86_400_000,
  sessions: 256,
  filters: 256,
  retained: 4096,
  retainedOctets: 8 * mebibyte,
  unreleased: 1000,
}

type Named = { id: string }
type Subscribing = { topic: string }

/** Of what aedes remembers with; its types tell of another form of it. */
export type Persistence = {
  storeRetained(packet: Packet): Promise<void>
  addSubscriptions(client: Named, subs: Subscribing[]): Promise<void>
  subscriptionsByClient(client: Named): Promise<Subscribing[]>
  cleanSubscriptions(client: Named): Promise<void>
}

export class BrokerStore {
  readonly #inner: Persistence
  readonly #isThere: (client: string) => boolean
  readonly #log: Log
  readonly #limits: StoreLimits
  readonly #queues: BrokerQueues
  /** Octets by topic; the one that was said longest ago is the first. */
  readonly #retained = new Map<string, number>()
  #retainedOctets = 0
  /** Who has a session; the one that came longest ago is the first. */
  readonly #sessions = new Set<string>()
  /** Prints of QoS 2 packets whose PUBREL is awaited, by client and number. */
  readonly #unreleased = new Map<string, Map<number, string>>()
  #dropped = 0
  #forgotten = 0
  #ended = 0

  private constructor(inner: Persistence, isThere: (client: string) => boolean, log: Log, now: () => number, limits: StoreLimits) {
    this.#inner = inner
    this.#isThere = isThere
    this.#log = log
    this.#limits = limits
    this.#queues = new BrokerQueues(limits, now, (client) => this.#tellDropped(client))
  }

  /** Takes the place of what would grow in `persistence`. `isThere`: whether a client is connected; `now` in ms on any scale that goes forward. */
  static within(
    persistence: Persistence,
    isThere: (client: string) => boolean,
    log: Log,
    now: () => number = () => performance.now(),
    limits = storeLimits,
  ): BrokerStore {
    const { storeRetained, addSubscriptions, subscriptionsByClient, cleanSubscriptions } = persistence
    const inner: Persistence = {
      storeRetained: storeRetained.bind(persistence),
      addSubscriptions: addSubscriptions.bind(persistence),
      subscriptionsByClient: subscriptionsByClient.bind(persistence),
      cleanSubscriptions: cleanSubscriptions.bind(persistence),
    }
    const store = new BrokerStore(inner, isThere, log, now, limits)
    Object.assign(persistence, store.#methods())
    return store
  }

  /** This very packet was taken, and is not released. */
  holds(client: Named, packet: Packet): boolean {
    return this.#unreleased.get(client.id)?.get(packet.messageId ?? -1) === printOf(packet)
  }

  /** The methods of aedes' persistence that remember. */
  #methods() {
    const queues = this.#queues
    return {
      storeRetained: (packet: Packet) => this.#retain(packet),
      addSubscriptions: (client: Named, subs: Subscribing[]) => this.#subscribe(client, subs),
      subscriptionsByClient: (client: Named) => {
        if (this.#sessions.delete(client.id)) this.#sessions.add(client.id)
        return this.#inner.subscriptionsByClient(client)
      },
      cleanSubscriptions: (client: Named) => this.#forget(client),
      outgoingEnqueue: async (sub: { clientId: string }, packet: Packet) => queues.add([sub.clientId], packet),
      outgoingEnqueueCombi: async (subs: { clientId: string }[], packet: Packet) =>
        queues.add([...new Set(subs.map((sub) => sub.clientId))], packet),
      outgoingUpdate: async (client: Named, packet: Packet) => queues.update(client.id, packet),
      outgoingClearMessageId: async (client: Named, packet: Packet) => queues.remove(client.id, packet.messageId),
      outgoingStream: (client: Named) => Readable.from(queues.list(client.id)),
      incomingStorePacket: async (client: Named, packet: Packet) => this.#hold(client, packet),
      incomingGetPacket: async (client: Named, packet: Packet) => {
        if (!this.#unreleased.get(client.id)?.has(packet.messageId ?? -1)) throw new Error('no such packet')
        return packet
      },
      incomingDelPacket: async (client: Named, packet: Packet) => {
        const held = this.#unreleased.get(client.id)
        if (!held?.delete(packet.messageId ?? -1)) throw new Error('no such packet')
        if (held.size === 0) this.#unreleased.delete(client.id)
      },
      cleanIncoming: async (client: Named) => void this.#unreleased.delete(client.id),
    }
  }

  async #retain(packet: Packet): Promise<void> {
    const { topic = '' } = packet
    const payload = alone(packet.payload)
    this.#retainedOctets -= this.#retained.get(topic) ?? 0
    this.#retained.delete(topic)
    await this.#inner.storeRetained({ ...packet, payload })
    if (payload.length === 0) return
    const octets = payload.length + Buffer.byteLength(topic)
    this.#retained.set(topic, octets)
    this.#retainedOctets += octets
    while (this.#retained.size > this.#limits.retained || this.#retainedOctets > this.#limits.retainedOctets) await this.#letGo()
  }

  async #letGo(): Promise<void> {
    const [first] = this.#retained
    if (!first) return
    const [topic, octets] = first
    this.#retained.delete(topic)
    this.#retainedOctets -= octets
    await this.#inner.storeRetained({ topic, payload: Buffer.alloc(0) })
    if (worthTelling(this.#forgotten, ++this.#forgotten))
      this.#log('warning', 'embedded broker: a retained message is forgotten, there are too many', { topic, forgotten: this.#forgotten })
  }

  async #subscribe(client: Named, subs: Subscribing[]): Promise<void> {
    const known = await this.#inner.subscriptionsByClient(client)
    if (new Set([...known, ...subs].map((sub) => sub.topic)).size > this.#limits.filters) throw new Error('too many subscriptions')
    await this.#inner.addSubscriptions(client, subs)
    this.#sessions.delete(client.id)
    this.#sessions.add(client.id)
    for (const id of this.#sessions) {
      if (this.#sessions.size <= this.#limits.sessions) break
      if (this.#isThere(id)) continue
      await this.#forget({ id })
      if (worthTelling(this.#ended, ++this.#ended))
        this.#log('warning', 'embedded broker: the session of a client that is away is forgotten, there are too many', {
          client: id,
          forgotten: this.#ended,
        })
    }
  }

  async #forget(client: Named): Promise<void> {
    this.#sessions.delete(client.id)
    this.#queues.forget(client.id)
    await this.#inner.cleanSubscriptions(client)
  }

  #hold(client: Named, packet: Packet): void {
    const held = this.#unreleased.get(client.id) ?? new Map<number, string>()
    // Whoever said something last is the last to be forgotten.
    this.#unreleased.delete(client.id)
    this.#unreleased.set(client.id, held)
    held.set(packet.messageId ?? -1, printOf(packet))
    if (held.size > this.#limits.unreleased) held.delete(held.keys().next().value ?? -1)
    if (this.#unreleased.size > this.#limits.sessions) this.#unreleased.delete(this.#unreleased.keys().next().value ?? '')
  }

  #tellDropped(client: string): void {
    if (worthTelling(this.#dropped, ++this.#dropped))
      this.#log('warning', 'embedded broker: what a client has not fetched is dropped, there is too much of it', {
        client,
        dropped: this.#dropped,
      })
  }
}

const printOf = ({ topic, payload }: Packet): string =>
  hash(
    'sha256',
    Buffer.concat([Buffer.from(`${topic}\0`), typeof payload === 'string' ? Buffer.from(payload) : (payload ?? Buffer.alloc(0))]),
  )
