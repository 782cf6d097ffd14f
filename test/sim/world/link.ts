import type { Cancel } from '../../../src/ports/clock.ts'
import { type Link, type LinkState, type Route, sameLink } from '../../../src/ports/link.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

export type SimInterface = {
  up: boolean
  address: string | undefined
  defaultRoute: boolean
  /** The first of two default routes is the one with the lower metric. */
  metric: number
}

/** Interfaces of a device on the timeline. A watcher hears of a change up to half a second late, as one who looks now and then. */
export class SimLink implements Link {
  known = true
  readonly #timeline: Timeline
  readonly #random: SimRandom
  readonly #interfaces = new Map<string, SimInterface>()
  #watchers = new Set<{ last: LinkState; changed: (state: LinkState) => void }>()

  constructor(timeline: Timeline, random: SimRandom) {
    this.#timeline = timeline
    this.#random = random
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** The power went: nobody is told any more. */
  vanish(): void {
    this.#watchers.clear()
  }

  change(name: string, change: Partial<SimInterface>): void {
    const before = this.#interfaces.get(name) ?? { up: false, address: undefined, defaultRoute: false, metric: 100 }
    this.#interfaces.set(name, { ...before, ...change })
    for (const watcher of this.#watchers)
      this.#timeline.at(this.#random.below(500), () => {
        const now = this.state()
        if (!this.#watchers.has(watcher) || sameLink(watcher.last, now)) return
        watcher.last = now
        watcher.changed(now)
      })
  }

  state(): LinkState {
    if (!this.known) return { known: false, interfaces: [] }
    const all = [...this.#interfaces].sort(([a], [b]) => (a < b ? -1 : 1))
    const best = all.filter(([, one]) => one.up && one.defaultRoute).sort(([, a], [, b]) => a.metric - b.metric)[0]
    return {
      known: true,
      interfaces: all.map(([name, { up, address }]) => ({ name, up, addresses: address === undefined ? [] : [address] })),
      ...(best ? { defaultRoute: best[0] } : {}),
    }
  }

  /** On-link is what shares the first three numbers with an address of ours. */
  async route(address: string): Promise<Route> {
    if (!this.known || address.startsWith('127.')) return { leads: true }
    const near = [...this.#interfaces].find(([, one]) => one.up && one.address?.replace(/\d+$/, '') === address.replace(/\d+$/, ''))
    const by = near?.[0] ?? this.state().defaultRoute
    return by === undefined ? { leads: false } : { leads: true, by }
  }

  watch(changed: (state: LinkState) => void): Cancel {
    const watcher = { last: this.state(), changed }
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }
}
