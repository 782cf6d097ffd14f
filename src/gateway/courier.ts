import type { Cancel } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Ports } from '../ports/ports.ts'
import type { Queue } from '../queue/queue.ts'
import type { RelayHealth } from '../relay/health.ts'
import type { Ferry } from './ferry.ts'
import type { Lookout } from './lookout.ts'
import type { Outbound } from './outbound.ts'
import type { Postmaster } from './postmaster.ts'
import type { Purser } from './purser.ts'

/**
 * Courier: sends what waits on its way when there is something to take and a way to take it, and gives up what is too old. Local people are served
 * by the postmaster, whether or not there is a way and whatever is in the air.
 */
export type CourierOptions = {
  ports: Ports
  queue: Queue
  postmaster: Postmaster
  lookout: Lookout
  purser: Purser
  ferry: Ferry
  outbound: Outbound
  keepMs: number
  /** Of a recipient as the alert names it: one of this box. */
  isLocal(ref: string): boolean
}

/** Nobody waits longer than this without looking again, whatever was computed. */
const longestWaitMs = 60_000
/** Rest after a flight without a letter. */
const idleMs = 1000
/** Rest after a round that broke. */
const faultMs = 5000
const expiryEveryMs = 600_000
const expiredAtOnce = 100
/** So long after a boot no letter of an earlier one is given up: whatever sets a clock right asks at least once in an hour. */
const settlingMs = 3_600_000
/** Rest after so many, while there are more: a site that is away for days has letters that get too old by the thousand. */
const expiryRestMs = 1000
/** At most, before a backlog knocks at its relay again. */
const patienceMs = 60_000
/** How long a flight may go on after `stop`. */
const lastFlightMs = 10_000

export class Courier {
  readonly #options: CourierOptions
  #stopped = false
  #wake: (() => void) | undefined
  /** Somebody nudged while nobody waited: the round in hand may have looked before. */
  #nudged = false
  #running: Promise<void> | undefined
  #expiryAt = 0
  #roundSince: number | undefined
  /** From when on any letter may leave (monotonic ms), since the link came back to this backlog; critical ones need not wait for it. */
  #knockAt: number | undefined

  constructor(options: CourierOptions) {
    this.#options = options
    options.lookout.onBetter = () => {
      const now = options.ports.clock.monotonic()
      options.outbound.wayIsBack(now)
      this.#knockAt ??= now + this.#patience(now)
      this.nudge()
    }
  }

  /** Everybody may be tried at once. */
  release(): void {
    this.#knockAt = 0
    this.#options.outbound.release()
  }

  /** When the round in hand began (monotonic ms); undefined while it waits for something to do. */
  get roundSince(): number | undefined {
    return this.#roundSince
  }

  get health(): RelayHealth {
    return this.#options.outbound.health
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
    const { ferry, lookout, ports } = this.#options
    this.#stopped = true
    ferry.stop()
    this.nudge()
    const cancel: Cancel = ports.clock.after(lastFlightMs, () => ferry.cut())
    await this.#running
    lookout.rest()
    cancel()
  }

  async #run(): Promise<void> {
    const { log } = this.#options.ports
    while (!this.#stopped) {
      try {
        this.#nudged = false
        this.#roundSince = this.#options.ports.clock.monotonic()
        const waitMs = await this.#round()
        this.#roundSince = undefined
        const restMs = Math.min(waitMs, longestWaitMs, Math.max(1, this.#expiryAt - this.#options.ports.clock.monotonic()))
        if (waitMs > 0 && !this.#nudged && !this.#stopped) await this.#wait(restMs)
      } catch (error) {
        // A round must not end the courier: whatever broke, letters still wait.
        this.#roundSince = undefined
        log('error', 'courier: a round failed', { why: sentence(error) })
        await this.#wait(faultMs)
      }
    }
  }

  /** One look at everything; returns how long nothing can be done, in ms. */
  async #round(): Promise<number> {
    const { clock } = this.#options.ports
    const { queue, outbound, lookout, purser, isLocal } = this.#options
    const now = clock.monotonic()
    if (now >= this.#expiryAt) {
      const isMore = await this.#expire(now)
      await queue.measure()
      this.#expiryAt = now + (isMore ? expiryRestMs : expiryEveryMs)
    }
    if (this.#stopped) return 0
    const idle = () => Math.max(1, Math.min(queue.waiting.nextDue(now) ?? Number.POSITIVE_INFINITY, this.#expiryAt) - now)
    const serves = (ref: string) => !isLocal(ref)
    if (queue.waiting.due(now, 1, { serves }).length === 0) {
      this.#knockAt = undefined
      lookout.rest()
      return idle()
    }
    const ways = await lookout.ways(outbound.places)
    const leave = purser.leave()
    if (queue.waiting.due(now, 1, { leave, serves }).length === 0) {
      // Another link may give leave; another day is looked for once a minute.
      if (lookout.metered) lookout.watch()
      else lookout.rest()
      return idle()
    }
    const waitMs = (this.#knockAt ?? 0) - now
    if (waitMs > 0 && queue.waiting.due(now, 1, { leave: { ...leave, least: 'critical' }, serves }).length === 0) return Math.ceil(waitMs)
    return (await outbound.try(now, ways)) ?? idleMs
  }

  /**
   * A link comes back to all boxes of a region at once, and they would all knock within the same second. Who has waited for long may wait a little longer: up to a
   * sixtieth of that, drawn by lot, and once for a backlog, however the link flaps.
   */
  #patience(now: number): number {
    const { queue, ports, isLocal } = this.#options
    const [first] = queue.waiting.due(now, 1, { serves: (ref) => !isLocal(ref) })
    const waitedMs = now - (queue.waiting.get(first ?? 0)?.accepted ?? now)
    return ports.random.unit() * Math.min(patienceMs, waitedMs / 60)
  }

  /** True: there may be more. Where none could be given up, as when the mailbox takes nothing, there is no hurry. */
  async #expire(now: number): Promise<boolean> {
    const { queue, keepMs, postmaster } = this.#options
    const limit = now - keepMs
    const old = queue.waiting.olderThan(limit, expiredAtOnce, now < settlingMs ? 0 : undefined)
    for (const id of old) if (await this.#isOld(id, limit)) await postmaster.expire(id)
    return old.length === expiredAtOnce && old.some((id) => queue.waiting.get(id) === undefined)
  }

  /** A clock that was ahead at the start made it older than it is. What cannot be read says so itself. */
  async #isOld(id: number, limit: number): Promise<boolean> {
    const accepted = await this.#options.queue.reckon(id).catch(() => undefined)
    return accepted === undefined || accepted < limit
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
