import type { Broker, BrokerServer, BrokerServerOptions } from '../ports/broker.ts'
import { sleep } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { backoff } from './backoff.ts'
import { takeMessage } from './mqtt.ts'
import type { Source, SourceState, SourceTools } from './source.ts'
import { matchesTopic } from './topic.ts'

/** Embedded broker as a source: its clients are acknowledged after the alert is durable. Topics that are not asked for are only routed. */
export type EmbeddedOptions = BrokerServerOptions & { id: string; topics: string[] }

const retry = { firstMs: 1000, maxMs: 60_000 }

export const embeddedBroker = (options: EmbeddedOptions, broker: Broker, tools: SourceTools): Source => new Embedded(options, broker, tools)

class Embedded implements Source {
  readonly id: string
  readonly #options: EmbeddedOptions
  readonly #broker: Broker
  readonly #tools: SourceTools
  readonly #stopping = new AbortController()
  #server: BrokerServer | undefined
  #running: Promise<void> | undefined
  #state: SourceState['state'] = 'starting'
  #why: string | undefined
  #heard = 0

  constructor(options: EmbeddedOptions, broker: Broker, tools: SourceTools) {
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
    await this.#server?.close()
    this.#state = 'stopped'
  }

  state(): SourceState {
    return {
      id: this.id,
      kind: 'broker',
      state: this.#state,
      heard: this.#heard,
      overruns: 0,
      ...(this.#why === undefined ? {} : { why: this.#why }),
    }
  }

  /** A port that is taken may be free later. */
  async #run(): Promise<void> {
    const { clock, random, log } = this.#tools
    for (let attempt = 0; !this.#stopping.signal.aborted && !this.#server; attempt++) {
      try {
        this.#server = await this.#broker.serve(this.#options, { message: (message) => this.#message(message) })
        this.#state = 'up'
        this.#why = undefined
        log('info', 'embedded broker: listening', { address: this.#server.address, topics: this.#options.topics })
      } catch (error) {
        this.#state = 'down'
        if (this.#why !== sentence(error)) log('error', 'embedded broker: not listening', { why: sentence(error) })
        this.#why = sentence(error)
        await sleep(clock, backoff(attempt, retry, random), this.#stopping.signal)
      }
    }
  }

  async #message(message: Parameters<typeof takeMessage>[1] & { clientId: string }) {
    if (!this.#options.topics.some((filter) => matchesTopic(filter, message.topic))) return 'taken'
    // A publisher's retain flag is about later subscribers; here it is simply news, unless it clears its topic.
    const clears = message.retain && message.payload.length === 0
    const taking = await takeMessage(this.id, { ...message, retain: clears }, this.#tools)
    if (taking === 'taken') this.#heard++
    return taking
  }
}
