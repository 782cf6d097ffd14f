import { BrokerError, type BrokerServer, type BrokerServerEvents, type BrokerServerOptions } from '../../../src/ports/broker.ts'
import { Slowdown } from '../../../src/ports/slowdown.ts'
import { SimClock } from './clock.ts'
import type { Timeline } from './timeline.ts'

/** How a publication ended for who made it. */
export type Fate = 'acknowledged' | 'closed'

export type Credentials = { clientId: string; name?: string; password?: string }

type Packet = { topic: string; payload: Uint8Array; qos: 0 | 1 | 2; retain: boolean; packetId: number; dup?: boolean }

/** `unreleased`: QoS 2 packets between PUBREC and PUBREL, by client and number; they outlive a connection. `guesses`: by user. */
type Serving = {
  options: BrokerServerOptions
  on: BrokerServerEvents
  clients: Set<SimClient>
  unreleased: Set<string>
  guesses: Map<string, Slowdown>
}

const hopMs = 5

/** Brokers of the gateway's own, by address, and the devices that come to them. */
export class SimServers {
  readonly #timeline: Timeline
  readonly #serving = new Map<string, Serving>()
  #nextPort = 10_000

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  async serve(options: BrokerServerOptions, on: BrokerServerEvents): Promise<BrokerServer> {
    const host = options.listen.slice(0, options.listen.lastIndexOf(':'))
    if (options.users.length === 0 && !/^(127\.|localhost$|\[::1\]$)/.test(host))
      throw new BrokerError('refused', 'EACCES', `${options.listen} can be reached by others, but has no users`)
    const address = options.listen.endsWith(':0') ? `${host}:${this.#nextPort++}` : options.listen
    if (this.#serving.has(address)) throw new BrokerError('refused', 'EADDRINUSE', `something else listens on ${address}`)
    const serving: Serving = { options, on, clients: new Set(), unreleased: new Set(), guesses: new Map() }
    this.#serving.set(address, serving)
    return {
      address,
      close: async () => {
        if (this.#serving.get(address) === serving) this.#serving.delete(address)
        for (const client of [...serving.clients]) client.end()
      },
    }
  }

  /** A device connects; undefined when it is not let in. */
  async connect(address: string, who: Credentials): Promise<SimClient | undefined> {
    const client = await this.visit(address, who)
    const serving = this.#serving.get(address)
    if (client && serving && this.#admits(serving, who)) return client
    client?.end()
    return undefined
  }

  /** All devices have one address. */
  #admits({ options: { users }, guesses }: Serving, { name = '', password }: Credentials): boolean {
    if (users.length === 0) return true
    const user = users.find((one) => one.name === name)
    const slowdown = guesses.get(user?.name ?? '') ?? new Slowdown(new SimClock(this.#timeline, 'boot'), 0)
    guesses.set(user?.name ?? '', slowdown)
    if (slowdown.waitMs('lan') > 0) return false
    const right = user !== undefined && user.password === password
    if (right) slowdown.passed('lan')
    else slowdown.failed('lan')
    return right
  }

  /** Somebody connects and has not said yet who he is. */
  async visit(address: string, who: Credentials = { clientId: '' }): Promise<SimClient | undefined> {
    await this.#pass(hopMs)
    const serving = this.#serving.get(address)
    if (!serving || serving.clients.size >= serving.options.maxClients) return undefined
    const client: SimClient = new SimClient(who, serving, (ms) => this.#pass(ms))
    serving.clients.add(client)
    return client
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timeline.at(ms, resolve))
  }
}

/** A device at a broker of the gateway's own. */
export class SimClient {
  closed = false
  readonly #who: Credentials
  readonly #serving: Serving
  readonly #pass: (ms: number) => Promise<void>
  readonly #ended = Promise.withResolvers<Fate>()
  /** Acknowledgements leave in the order in which their messages came. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(who: Credentials, serving: Serving, pass: (ms: number) => Promise<void>) {
    this.#who = who
    this.#serving = serving
    this.#pass = pass
  }

  publish(packet: Packet): Promise<Fate> {
    return Promise.race([this.#ended.promise, this.#publish(packet)])
  }

  /** PUBREL, and PUBCOMP back. */
  async release(packetId: number): Promise<Fate> {
    await this.#pass(2 * hopMs)
    this.#serving.unreleased.delete(`${this.#who.clientId} ${packetId}`)
    return this.closed ? 'closed' : 'acknowledged'
  }

  end(): void {
    this.closed = true
    this.#serving.clients.delete(this)
    this.#ended.resolve('closed')
  }

  async #publish({ topic, payload, qos, retain, packetId, dup = false }: Packet): Promise<Fate> {
    await this.#pass(hopMs)
    const { options, on } = this.#serving
    if (this.closed || payload.length > options.maxBytes || topic.startsWith('$SYS/')) return this.#drop()
    const { clientId, name } = this.#who
    const unreleased = `${clientId} ${packetId}`
    if (qos === 2 && this.#serving.unreleased.has(unreleased)) return 'acknowledged'
    const user = name === undefined || options.users.length === 0 ? {} : { user: name }
    const number = qos === 0 ? {} : { packetId }
    const taking = on.message({ topic, payload, qos, retain, dup, clientId, ...number, ...user }).catch(() => 'refused' as const)
    const turn = this.#turn.then(() => taking)
    this.#turn = turn
    if ((await turn) === 'refused') return this.#drop()
    if (qos === 2) this.#serving.unreleased.add(unreleased)
    await this.#pass(hopMs)
    return 'acknowledged'
  }

  #drop(): Fate {
    this.end()
    return 'closed'
  }
}
