import type { Ports } from '../ports/ports.ts'
import type { Queue } from '../queue/queue.ts'
import type { FlightReport } from '../relay/outcome.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { type Traits, unknownTraits } from '../relay/traits.ts'
import type { Way } from '../relay/way.ts'
import type { Backlog } from './backlog.ts'
import { Crossing } from './crossing.ts'
import { Load, type Service } from './load.ts'
import type { Lookout } from './lookout.ts'
import type { Postmaster } from './postmaster.ts'
import type { Purser } from './purser.ts'
import type { Scribe } from './scribe.ts'

/** Ferry: carries what is due to one host, over as many connections as help, and remembers how the host takes letters. */
export type FerryOptions = {
  ports: Ports
  queue: Queue
  scribe: Scribe
  postmaster: Postmaster
  backlog: Backlog
  lookout: Lookout
  purser: Purser
  retryMs: readonly number[]
  /** What relays showed of themselves in earlier lives, and where it is kept. */
  traits: Readonly<Record<string, Traits>>
  keepRelay(id: string, traits: Traits): void
}

/** Letters that are composed ahead of a single connection; several share them. */
const aheadLetters = 24

/** `linkIsBetter`: it became so meanwhile, and a fault says little about the next try. */
export type Carried = { report: FlightReport; linkIsBetter: boolean }

export class Ferry {
  readonly #options: FerryOptions
  readonly #traits: Map<string, Traits>
  /** Takes no more letters; and cuts the lines. */
  readonly #stopping = new AbortController()
  readonly #cutting = new AbortController()

  constructor(options: FerryOptions) {
    this.#options = options
    this.#traits = new Map(Object.entries(options.traits))
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Whatever is in the air stays uncertain. */
  cut(): void {
    this.#cutting.abort()
  }

  /** Carries until nothing is left for whom this host serves. Never rejects for a fault of the host: that is in the report. */
  async carry(relay: RelayOptions, way: Way | undefined, service: Service): Promise<Carried> {
    const { ports, queue, scribe, lookout, purser } = this.#options
    const departure = lookout.depart(way)
    const before = this.#traits.get(relay.id) ?? unknownTraits
    const picking = () => ({ leave: purser.leave(), serves: (ref: string) => service.serves(scribe.recipient(ref)) })
    const crossing = new Crossing({
      net: ports.net,
      clock: ports.clock,
      random: ports.random,
      relay,
      traits: before,
      load: (lane, ahead) => this.load(service, lane, () => ahead(aheadLetters)),
      due: (limit) => queue.waiting.due(ports.clock.monotonic(), limit, picking()).length,
      signal: AbortSignal.any([this.#cutting.signal, departure.lost]),
      connecting: AbortSignal.any([this.#cutting.signal, departure.better]),
    })
    await crossing.fly()
    departure.landed()
    this.#remember(relay, before, crossing.traits)
    this.#tell(relay.id, crossing.report)
    return { report: crossing.report, linkIsBetter: departure.better.aborted }
  }

  /** Letters for whom is served, one after the other; the first connection tells the backlog that a way is open. */
  load(service: Service, lane = 0, ahead: () => number = () => aheadLetters): Load {
    const { backlog } = this.#options
    return new Load({
      ...this.#options,
      ...service,
      lane,
      ahead,
      signal: this.#stopping.signal,
      ...(lane === 0 ? { begin: () => backlog.gather() } : {}),
    })
  }

  /** The window changes with the weather: it is not worth the wear of the card, and neither are the servers of the world. */
  #remember({ id, direct }: RelayOptions, before: Traits, after: Traits): void {
    this.#traits.set(id, after)
    if (direct) return
    if (after.skills !== before.skills || after.connections !== before.connections) this.#options.keepRelay(id, after)
  }

  #tell(relay: string, { fault, letters, sent, received, turns }: FlightReport): void {
    const { ports, queue } = this.#options
    if (fault) ports.log('warning', 'relay: letters wait', { relay, stage: fault.stage, why: fault.why, hint: fault.hint })
    if (letters > 0) ports.log('info', 'relay: flight over', { relay, letters, sent, received, turns, waiting: queue.waiting.size })
  }
}
