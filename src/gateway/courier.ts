import type { Cancel } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Ports } from '../ports/ports.ts'
import type { Queue } from '../queue/queue.ts'
import type { RelayOptions } from '../relay/flight.ts'
import { RelayHealth } from '../relay/health.ts'
import { type Traits, unknownTraits } from '../relay/traits.ts'
import type { Way } from '../relay/way.ts'
import type { Backlog } from './backlog.ts'
import { Crossing } from './crossing.ts'
import { Load } from './load.ts'
import type { Lookout } from './lookout.ts'
import type { Postmaster } from './postmaster.ts'
import type { Purser } from './purser.ts'
import type { Scribe } from './scribe.ts'

/**
 * Courier: takes letters from the queue to the relays, one relay at a time in their order, when there is something to take and a way to take it.
 * Local people are served by the postmaster, whether or not there is a relay.
 */
export type CourierOptions = {
  ports: Ports
  queue: Queue
  scribe: Scribe
  postmaster: Postmaster
  backlog: Backlog
  lookout: Lookout
  purser: Purser
  relays: readonly RelayOptions[]
  retryMs: readonly number[]
  keepMs: number
  /** What relays showed of themselves in earlier lives, and where it is kept. */
  traits: Readonly<Record<string, Traits>>
  keepRelay(id: string, traits: Traits): void
}

/** Letters that are composed ahead of a single connection; several share them. */
const aheadLetters = 24
/** Nobody waits longer than this without looking again, whatever was computed. */
const longestWaitMs = 60_000
/** Rest after a flight without a letter. */
const idleMs = 1000
/** Rest after a round that broke. */
const faultMs = 5000
const expiryEveryMs = 600_000
const expiredAtOnce = 100
/** How long a flight may go on after `stop`. */
const lastFlightMs = 10_000

export class Courier {
  readonly health: RelayHealth
  readonly #options: CourierOptions
  readonly #traits: Map<string, Traits>
  readonly #stopping = new AbortController()
  readonly #cutting = new AbortController()
  #wake: (() => void) | undefined
  /** Somebody nudged while nobody waited: the round in hand may have looked before. */
  #nudged = false
  #running: Promise<void> | undefined
  #expiryAt = 0

  constructor(options: CourierOptions) {
    this.#options = options
    this.#traits = new Map(Object.entries(options.traits))
    this.health = new RelayHealth(
      options.relays.map((relay) => relay.id),
      options.ports.random,
    )
    options.lookout.onBetter = () => {
      this.health.wayIsBack(options.ports.clock.monotonic())
      this.nudge()
    }
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Something may leave now: a new letter, a retry, a link that came back. */
  nudge(): void {
    this.#nudged = true
    this.#wake?.()
  }

  /** The letter in the air is finished, for at most 10 s; then the line is cut and it stays uncertain. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.nudge()
    const cancel: Cancel = this.#options.ports.clock.after(lastFlightMs, () => this.#cutting.abort())
    await this.#running
    this.#options.lookout.rest()
    cancel()
  }

  async #run(): Promise<void> {
    const { log } = this.#options.ports
    while (!this.#stopping.signal.aborted) {
      try {
        this.#nudged = false
        const waitMs = await this.#round()
        if (waitMs > 0 && !this.#nudged && !this.#stopping.signal.aborted) await this.#wait(Math.min(waitMs, longestWaitMs))
      } catch (error) {
        // A round must not end the courier: whatever broke, letters still wait.
        log('error', 'courier: a round failed', { why: sentence(error) })
        await this.#wait(faultMs)
      }
    }
  }

  /** One look at everything; returns how long nothing can be done, in ms. */
  async #round(): Promise<number> {
    const { clock } = this.#options.ports
    const { queue, postmaster, relays, lookout, purser } = this.#options
    const now = clock.monotonic()
    if (now >= this.#expiryAt) {
      await this.#expire(now)
      await queue.measure()
      this.#expiryAt = now + expiryEveryMs
    }
    await postmaster.deliverWaiting()
    if (this.#stopping.signal.aborted) return 0
    const idle = () => Math.max(1, Math.min(queue.waiting.nextDue(now) ?? Number.POSITIVE_INFINITY, this.#expiryAt) - now)
    if (queue.waiting.due(now, 1).length === 0) {
      lookout.rest()
      return idle()
    }
    const ways = await lookout.ways(relays)
    if (queue.waiting.due(now, 1, purser.leave()).length === 0) {
      // Another link may give leave; another day is looked for once a minute.
      if (lookout.metered) lookout.watch()
      else lookout.rest()
      return idle()
    }
    const chosen = this.health.choose(now, (id) => ways.get(id)?.open === true)
    const relay = relays.find((one) => one.id === chosen.relay)
    if (!relay) {
      queue.ground()
      lookout.watch()
      return Math.max(1, (chosen.nextTry ?? Number.POSITIVE_INFINITY) - now)
    }
    return (await this.#flight(relay, ways.get(relay.id))) ? 0 : idleMs
  }

  /** False when nothing came of it and no fault says why: it must not be tried in a circle. */
  async #flight(relay: RelayOptions, way: Way | undefined): Promise<boolean> {
    const { ports, queue, lookout, purser } = this.#options
    const departure = lookout.depart(way)
    const before = this.#traits.get(relay.id) ?? unknownTraits
    const crossing = new Crossing({
      net: ports.net,
      clock: ports.clock,
      random: ports.random,
      relay,
      traits: before,
      load: (lane, ahead) =>
        new Load({
          ...this.#options,
          lane,
          ahead: () => ahead(aheadLetters),
          signal: this.#stopping.signal,
          ...(lane === 0 ? { begin: () => this.#options.backlog.gather() } : {}),
        }),
      due: (limit) => queue.waiting.due(ports.clock.monotonic(), limit, purser.leave()).length,
      signal: AbortSignal.any([this.#cutting.signal, departure.signal]),
    })
    await crossing.fly()
    const { linkIsBetter } = departure.landed()
    this.#remember(relay.id, before, crossing.traits)
    return this.#judge(relay, crossing, linkIsBetter)
  }

  /** The window changes with the weather: it is not worth the wear of the card. */
  #remember(id: string, before: Traits, after: Traits): void {
    this.#traits.set(id, after)
    if (after.skills !== before.skills || after.connections !== before.connections) this.#options.keepRelay(id, after)
  }

  #judge(relay: RelayOptions, { report }: Crossing, linkIsBetter: boolean): boolean {
    const { ports, queue } = this.#options
    const now = ports.clock.monotonic()
    if (report.fault) {
      this.health.failed(relay.id, report.fault, now)
      if (linkIsBetter) this.health.wayIsBack(now)
      ports.log('warning', 'relay: letters wait', {
        relay: relay.id,
        stage: report.fault.stage,
        why: report.fault.why,
        hint: report.fault.hint,
      })
    } else this.health.succeeded(relay.id)
    const { letters, sent, received, turns } = report
    if (letters > 0)
      ports.log('info', 'relay: flight over', { relay: relay.id, letters, sent, received, turns, waiting: queue.waiting.size })
    if (report.fault && this.health.choose(now).relay === undefined) queue.ground()
    return letters > 0 || report.fault !== undefined
  }

  async #expire(now: number): Promise<void> {
    const { queue, keepMs, postmaster } = this.#options
    for (const id of queue.waiting.olderThan(now - keepMs, expiredAtOnce)) await postmaster.expire(id)
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        this.#wake = undefined
        resolve()
      }
      const cancel = this.#options.ports.clock.after(delayMs, done)
      this.#wake = done
    })
  }
}
