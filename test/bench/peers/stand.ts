import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { sleep } from '../../peers/process.ts'
import { type Account, accountOf } from './account.ts'
import { nameOf, now, numbersIn, textOf } from './alert.ts'
import type { Peer, Running } from './peer.ts'
import { account, type Relay } from './relay.ts'
import type { Site } from './site.ts'
import { Tap } from './tap.ts'

/** One peer at work in one run: what was published for it, what it acknowledged, what the relay took of it. */
const readyMs = 60_000
/** After that long without a letter a peer is taken to have no more. */
const quietMs = 15_000
const settleMs = 300

export class Stand {
  readonly peer: Peer
  readonly run: string
  readonly dir: string
  readonly tap: Tap
  /** When each alert was published, by its name. */
  readonly published = new Map<string, number>()
  readonly #site: Site
  readonly #relay: Relay
  readonly #host: string
  #running: Running | undefined

  private constructor(site: Site, peer: Peer, run: string, relay: Relay, host: string, dir: string) {
    this.peer = peer
    this.run = `alert-${peer.id}-${run}`
    this.dir = dir
    this.tap = new Tap(site.field.port)
    this.#site = site
    this.#relay = relay
    this.#host = host
  }

  /** `run`: small letters and digits. `host`: by which address it knows the relay. `dir`: where it keeps what must survive. */
  static async open(site: Site, peer: Peer, run: string, at: { relay?: Relay; host?: string; dir?: string } = {}): Promise<Stand> {
    const relay = at.relay ?? site.relay
    const stand = new Stand(site, peer, run, relay, at.host ?? relay.host, at.dir ?? `${site.dir}/${run}-${peer.id}`)
    mkdirSync(stand.dir, { recursive: true })
    mkdirSync(stand.#scratch, { recursive: true })
    await stand.tap.open()
    return stand
  }

  get #scratch(): string {
    return `${this.#site.dir}/${this.run}-scratch`
  }

  /** Until it listens; how many milliseconds that took. */
  async begin(): Promise<number> {
    const before = this.tap.subscriptions
    const from = performance.now()
    this.#running = await this.peer.start({
      dir: this.dir,
      scratch: this.#scratch,
      broker: { port: this.tap.port, topic: `${this.run}/#`, clientId: this.run },
      relay: { host: this.#host, port: this.#relay.port, ca: this.#site.tls.ca, ...account },
    })
    const end = from + readyMs
    while (this.tap.subscriptions === before) {
      if (performance.now() > end) throw new Error(`${this.peer.title} does not subscribe; see ${this.#scratch}`)
      await sleep(1)
    }
    return performance.now() - from
  }

  publish(): void {
    const name = nameOf(this.peer.id, this.run.split('-').at(-1) ?? '', this.published.size + 1)
    this.published.set(name, now())
    this.#site.field.publish(`${this.run}/pump`, textOf(name))
  }

  /** So many of them at so many a second; 0: all at once. */
  async publishAll(count: number, perSecond: number): Promise<void> {
    const from = performance.now()
    for (let n = 0; n < count; n++) {
      if (perSecond > 0) await sleep(Math.max(0, from + (n * 1000) / perSecond - performance.now()))
      this.publish()
    }
  }

  pids(): number[] {
    return this.#running?.pids() ?? []
  }

  async kill(): Promise<void> {
    await this.#running?.kill()
    this.#running = undefined
  }

  async linkUp(): Promise<void> {
    await this.#running?.linkUp?.()
  }

  async close(): Promise<void> {
    await this.#running?.stop()
    this.#running = undefined
    await this.tap.close()
  }

  get deliveredCount(): number {
    return new Set(this.#relay.letters(this.run).flatMap(({ alerts }) => alerts)).size
  }

  onLetter(listener: () => void): void {
    this.#relay.onLetter(this.run, listener)
  }

  /** Until everything that was published was delivered, or nothing comes any more; false: not all came. */
  async drained(limitMs: number, quiet = quietMs): Promise<boolean> {
    const end = performance.now() + limitMs
    let [count, since] = [this.deliveredCount, performance.now()]
    while (count < this.published.size) {
      const at = performance.now()
      if (at > end || at - since > quiet) return false
      await sleep(50)
      const next = this.deliveredCount
      if (next !== count) since = performance.now()
      count = next
    }
    // The acknowledgements of the last ones may be on their way.
    await sleep(settleMs)
    return true
  }

  account(): Account {
    const file = this.#running?.handed
    const handed = file === undefined || !existsSync(file) ? undefined : new Set(numbersIn(readFileSync(file, 'utf8')))
    return accountOf([...this.published.keys()], new Set(this.tap.acknowledged.keys()), this.#relay.letters(this.run), handed)
  }

  /** When each alert was delivered first. */
  #arrivals(): [name: string, at: number][] {
    const first = new Map<string, number>()
    for (const { at, alerts } of this.#relay.letters(this.run)) for (const name of alerts) if (!first.has(name)) first.set(name, at)
    return [...first]
  }

  /** Milliseconds from the sensor to the relay's 250, of each alert that came. */
  latencies(): number[] {
    return this.#arrivals().map(([name, at]) => at - (this.published.get(name) ?? Number.NaN))
  }

  /** Milliseconds from `moment` until the last alert that had been published before it was delivered, of those that came. */
  caughtUp(moment: number): number {
    const late = this.#arrivals().filter(([name, at]) => at > moment && (this.published.get(name) ?? moment) < moment)
    return late.length === 0 ? Number.NaN : Math.max(...late.map(([, at]) => at)) - moment
  }

  /** Milliseconds from the first publication until the last alert was acknowledged, and delivered. */
  spans(): { accepted: number; delivered: number } {
    const from = Math.min(...this.published.values())
    return {
      accepted: Math.max(...this.tap.acknowledged.values()) - from,
      delivered: Math.max(...this.#relay.letters(this.run).map(({ at }) => at)) - from,
    }
  }
}
