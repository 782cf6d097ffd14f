import type { Queue } from '../queue/queue.ts'
import type { RelayHealth } from '../relay/health.ts'
import type { RelayOptions } from '../relay/relay.ts'
import type { Way } from '../relay/way.ts'
import type { Ferry } from './ferry.ts'
import type { Lookout } from './lookout.ts'

/** Outbound: by whom letters leave the box. Through relays of the settings (here), or straight to the recipients' servers (direct.ts). */
export interface Outbound {
  readonly health: RelayHealth
  /** Everybody may be tried at once: somebody asked. */
  release(): void
  /** The link is better than it was. */
  wayIsBack(now: number): void
  /** Whom the way must lead to. */
  readonly places: readonly { id: string; host: string }[]
  /**
   * One try, with something due and `now` on the monotonic scale (ms). Returns how long nothing can be done, in ms; 0: look again at once;
   * undefined: nothing came of it, and nothing says why.
   */
  try(now: number, ways: ReadonlyMap<string, Way>): Promise<number | undefined>
}

export type ByRelayOptions = {
  queue: Queue
  ferry: Ferry
  lookout: Lookout
  relays: readonly RelayOptions[]
  health: RelayHealth
  now(): number
}

/** The relays of the settings, in their order. */
export class ByRelay implements Outbound {
  readonly health: RelayHealth
  readonly places: readonly RelayOptions[]
  readonly #options: ByRelayOptions

  constructor(options: ByRelayOptions) {
    this.#options = options
    this.health = options.health
    this.places = options.relays
  }

  release(): void {
    this.health.release()
  }

  wayIsBack(now: number): void {
    this.health.wayIsBack(now)
  }

  async try(now: number, ways: ReadonlyMap<string, Way>): Promise<number | undefined> {
    const { queue, ferry, lookout, relays } = this.#options
    const chosen = this.health.choose(now, (id) => ways.get(id)?.open === true)
    const relay = relays.find((one) => one.id === chosen.relay)
    if (!relay) {
      queue.ground()
      lookout.watch()
      return Math.max(1, (chosen.nextTry ?? Number.POSITIVE_INFINITY) - now)
    }
    const { report, linkIsBetter } = await ferry.carry(relay, ways.get(relay.id), (one) => !one.local)
    const over = this.#options.now()
    if (report.fault) this.health.failed(relay.id, report.fault, over)
    else this.health.succeeded(relay.id, over)
    if (report.fault && linkIsBetter) this.health.wayIsBack(over)
    if (report.fault && this.health.choose(over).relay === undefined) queue.ground()
    return report.letters > 0 || report.fault ? 0 : undefined
  }
}
