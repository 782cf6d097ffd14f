import type { Cancel, Clock } from '../ports/clock.ts'
import type { Link, LinkState } from '../ports/link.ts'
import type { Log } from '../ports/log.ts'
import { isAddress, isBetter, linkWay, type Way, wayTo } from '../relay/way.ts'

/**
 * Lookout: keeps an eye on the link for the courier, and only while somebody waits for it. Nothing is tried while there is no way; when it comes
 * back the courier hears of it within a second; a flight whose address the link has lost is given up, because nothing can come back to it.
 */
export type LookoutOptions = {
  link: Link
  clock: Clock
  log: Log
  /** Names of interfaces on which octets are dear. */
  metered: readonly string[]
}

/**
 * `lost`: nothing can come back to this flight. `better`: the link got better meanwhile, so that a fault of this flight says little about the next one,
 * and whoever still tries to connect should try anew.
 */
export type Departure = { lost: AbortSignal; better: AbortSignal; landed(): void }

/** For the page: `since` as the device's clock says (ISO 8601), when it was first seen to be so. `metered`: the default route is dear. */
export type LinkFacts = { up: boolean; since: string; why: string; metered: boolean }

type Flying = { addresses: readonly string[]; lost: AbortController; better: AbortController }

export class Lookout {
  /** The link is better than it was. */
  onBetter: () => void = () => {}
  readonly #options: LookoutOptions
  readonly #flying = new Set<Flying>()
  #waiting = false
  #cancel: Cancel | undefined
  #seen: { state: LinkState; way: Way; since: number }
  #ways: ReadonlyMap<string, Way> = new Map()

  constructor(options: LookoutOptions) {
    this.#options = options
    const state = options.link.state()
    this.#seen = { state, way: linkWay(state), since: options.clock.monotonic() }
  }

  /** The way to each relay, by its id, as things stand. */
  async ways(relays: readonly { id: string; host: string }[]): Promise<ReadonlyMap<string, Way>> {
    const { link } = this.#options
    const state = this.#look()
    const ways = new Map<string, Way>()
    for (const { id, host } of relays) ways.set(id, wayTo(host, state, isAddress(host) ? await link.route(host) : undefined))
    this.#ways = ways
    return ways
  }

  /** Whatever left now would leave by a dear interface, as the last look at the ways has it. */
  get metered(): boolean {
    const open = [...this.#ways.values()].filter((way) => way.open)
    return open.length > 0 && open.every((way) => this.#isMetered(way.by))
  }

  /** Letters wait for a better link. */
  watch(): void {
    this.#waiting = true
    this.#tend()
  }

  /** Nobody waits for the link. */
  rest(): void {
    this.#waiting = false
    this.#tend()
  }

  /** A flight begins. It is lost when the addresses of the interface that it leaves by are gone and there is another way. */
  depart(way: Way | undefined): Departure {
    const { state } = this.#seen
    const addresses = state.interfaces.find((one) => one.name === way?.by)?.addresses ?? []
    const flying: Flying = { addresses, lost: new AbortController(), better: new AbortController() }
    this.#flying.add(flying)
    this.#tend()
    const landed = () => {
      this.#flying.delete(flying)
      this.#tend()
    }
    return { lost: flying.lost.signal, better: flying.better.signal, landed }
  }

  facts(): LinkFacts {
    const { clock } = this.#options
    this.#look()
    const { state, way, since } = this.#seen
    // A clock that was set meanwhile corrects it.
    const at = new Date(clock.wall() - (clock.monotonic() - since)).toISOString()
    return { up: way.open, since: at, why: way.why, metered: this.#isMetered(state.defaultRoute) }
  }

  #isMetered(name: string | undefined): boolean {
    return name !== undefined && this.#options.metered.includes(name)
  }

  #tend(): void {
    const wanted = this.#waiting || this.#flying.size > 0
    if (wanted) this.#cancel ??= this.#options.link.watch((state) => this.#see(state))
    else {
      this.#cancel?.()
      this.#cancel = undefined
    }
  }

  #look(): LinkState {
    this.#see(this.#options.link.state())
    return this.#seen.state
  }

  #see(state: LinkState): void {
    const { clock, log } = this.#options
    const before = this.#seen
    const way = linkWay(state)
    const turned = way.open !== before.way.open
    this.#seen = { state, way, since: turned ? clock.monotonic() : before.since }
    if (turned) log('info', way.open ? 'link: there is a way' : 'link: away', { why: way.why })
    if (!isBetter(state, before.state)) return
    const addresses = new Set(state.interfaces.flatMap((one) => (one.up ? one.addresses : [])))
    for (const flying of this.#flying) {
      flying.better.abort()
      if (flying.addresses.length > 0 && !flying.addresses.some((address) => addresses.has(address))) flying.lost.abort()
    }
    this.onBetter()
  }
}
