import type { Cancel } from '../../../src/ports/clock.ts'
import type { Link, LinkState, Route } from '../../../src/ports/link.ts'
import type { SimRandom } from '../world/random.ts'
import type { FleetTime } from './time.ts'

/** The link of every box of a region, which goes and comes for all of them at the same moment. Each sees it at its next look, twice a second. */
const lookMs = 500

const there: LinkState = { known: true, interfaces: [{ name: 'wwan0', up: true, addresses: ['198.51.100.2'] }], defaultRoute: 'wwan0' }
const away: LinkState = { known: true, interfaces: [{ name: 'wwan0', up: false, addresses: [] }] }

export class Region implements Link {
  readonly #time: FleetTime
  readonly #random: SimRandom
  readonly #watchers = new Set<(state: LinkState) => void>()
  #up = true

  constructor(time: FleetTime, random: SimRandom) {
    this.#time = time
    this.#random = random
  }

  change(up: boolean): void {
    this.#up = up
    for (const watcher of this.#watchers)
      this.#time.after(this.#random.below(lookMs), () => {
        if (this.#watchers.has(watcher)) watcher(this.state())
      })
  }

  state(): LinkState {
    return this.#up ? there : away
  }

  async route(): Promise<Route> {
    return { leads: this.#up }
  }

  watch(changed: (state: LinkState) => void): Cancel {
    const watcher = (state: LinkState) => changed(state)
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }
}
