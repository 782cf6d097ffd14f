import { type Broker, BrokerError, type BrokerEvents, type BrokerOptions, type BrokerSession } from '../../../src/ports/broker.ts'
import type { Tally } from './tally.ts'
import type { FleetTime } from './time.ts'

/** `perSecond`: TLS handshakes and CONNECTs that it gets through; what comes faster stands in line, as on one core. */
export type BrokerLimits = { perSecond: number; rttMs: number }

/** Round trips of a session: TCP, TLS, CONNECT, SUBSCRIBE. */
const turns = 4

/** A broker as the fleet sees it: a modelled part of the simulation. Who stands in line longer than its patience hangs up, and comes again. */
export class FleetBroker implements Broker {
  state: 'up' | 'down' | 'unreachable' = 'up'
  readonly #time: FleetTime
  readonly #limits: BrokerLimits
  readonly #tally: Tally
  readonly #sessions = new Set<BrokerEvents>()
  #free = 0

  constructor(time: FleetTime, limits: BrokerLimits, tally: Tally) {
    this.#time = time
    this.#limits = limits
    this.#tally = tally
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** All sessions end at the same moment. */
  end(state: 'down' | 'unreachable'): void {
    this.state = state
    const ended = [...this.#sessions]
    this.#sessions.clear()
    for (const on of ended) on.closed('the connection to the broker was lost')
  }

  async connect({ connectTimeoutMs }: BrokerOptions, on: BrokerEvents): Promise<BrokerSession> {
    const { perSecond, rttMs } = this.#limits
    if (this.state === 'unreachable') {
      await this.#time.pass(connectTimeoutMs)
      throw new BrokerError('network', 'ETIMEDOUT', 'the broker did not answer in time')
    }
    await this.#time.pass(rttMs)
    if (this.state === 'down') throw new BrokerError('network', 'ECONNREFUSED', 'the broker cannot be reached')
    this.#tally.knock(this.#time.now)
    this.#tally.opened()
    const at = Math.max(this.#free, this.#time.now)
    if (at - this.#time.now > connectTimeoutMs) {
      await this.#time.pass(connectTimeoutMs)
      this.#tally.refuse(this.#time.now)
      this.#tally.closed()
      throw new BrokerError('network', 'ETIMEDOUT', 'the broker did not answer in time')
    }
    this.#free = at + 1000 / perSecond
    await this.#time.pass(this.#free - this.#time.now + (turns - 1) * rttMs)
    this.#tally.closed()
    if (this.state !== 'up') throw new BrokerError('network', 'ECLOSED', 'the connection to the broker was lost at once')
    this.#sessions.add(on)
    return { sessionPresent: true, publish: async () => {}, close: async () => void this.#sessions.delete(on) }
  }

  serve(): Promise<never> {
    throw new Error('the fleet has no broker of its own')
  }
}
