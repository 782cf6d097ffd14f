import type { Queue } from '../queue/queue.ts'
import type { RelayHealth } from '../relay/health.ts'
import type { RelayOptions } from '../relay/relay.ts'
import type { Way } from '../relay/way.ts'
import type { Ferry } from './ferry.ts'
import type { Service } from './load.ts'
import type { Lookout } from './lookout.ts'
import type { Purser } from './purser.ts'
import type { Scribe } from './scribe.ts'

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
  scribe: Scribe
  purser: Purser
  ferry: Ferry
  lookout: Lookout
  relays: readonly RelayOptions[]
  health: RelayHealth
  now(): number
}

/**
 * The relays of the settings, in their order. One that turns somebody away because of us (Relay access denied, this sender is not yours) says nothing about the letter: it goes on to the
 * next that may be tried, and the first is passed by for this address. Where no other may be tried, the letter waits as after 4yz.
 */
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
    const chosen = this.#choose(now, (id) => ways.get(id)?.open === true)
    const relay = relays.find((one) => one.id === chosen.relay)
    if (!relay) {
      queue.ground()
      lookout.watch()
      return Math.max(1, (chosen.nextTry ?? Number.POSITIVE_INFINITY) - now)
    }
    const { report, linkIsBetter } = await ferry.carry(relay, ways.get(relay.id), this.#serviceOf(relay.id, ways))
    const over = this.#options.now()
    if (report.fault) this.health.failed(relay.id, report.fault, over)
    else this.health.succeeded(relay.id, over)
    if (report.fault && linkIsBetter) this.health.wayIsBack(over)
    if (report.fault && this.health.choose(over).relay === undefined) queue.ground()
    return report.letters > 0 || report.fault ? 0 : undefined
  }

  /** The first that may be tried, and, where one is passed by for somebody, that serves somebody of the letter that leaves first. */
  #choose(now: number, isOpen: (id: string) => boolean): ReturnType<RelayHealth['choose']> {
    const any = this.health.choose(now, isOpen)
    if (any.relay === undefined || !this.health.passesBy(now)) return any
    const addresses = this.#addressesAhead(now)
    const wanted = this.health.choose(now, (id) => isOpen(id) && addresses.some((one) => !this.health.isUnwanted(id, one, now)))
    return wanted.relay === undefined ? any : wanted
  }

  /** Who is to be told of the letter that leaves first. */
  #addressesAhead(now: number): string[] {
    const { queue, scribe, purser } = this.#options
    const serves = (ref: string) => !scribe.recipient(ref).local
    const [first] = queue.waiting.leaving(now, 1, { leave: purser.leave(), serves })
    if (!first) return []
    return scribe.recipients(first.id).flatMap(({ ref, address, local }) => (local || first.behind?.has(ref) ? [] : [address]))
  }

  #serviceOf(id: string, ways: ReadonlyMap<string, Way>): Service {
    const { health } = this
    const { relays, now } = this.#options
    const isElsewhere = (address: string) =>
      relays.some(
        (one) =>
          one.id !== id && ways.get(one.id)?.open === true && !health.rests(one.id, now()) && !health.isUnwanted(one.id, address, now()),
      )
    const goesOn = (address: string) => health.isUnwanted(id, address, now()) && isElsewhere(address)
    return {
      serves: ({ address, local }) => !local && !goesOn(address),
      heard: (address, outcome) => {
        if (outcome.kind !== 'deferred' || !outcome.aboutUs) return
        health.turnedAway(id, [address], now(), `It turned mail for ${address} away because of us, not of the mail. ${outcome.why}`)
      },
      goesOn: (turnedAway, left) => {
        if (!turnedAway.some(goesOn)) return false
        health.turnedAway(id, left, now())
        return true
      },
    }
  }
}
