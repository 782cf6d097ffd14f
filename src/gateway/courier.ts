import type { Letter } from '../mail/letter.ts'
import type { Cancel } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { Ports } from '../ports/ports.ts'
import { jitter } from '../ports/random.ts'
import type { Queue } from '../queue/queue.ts'
import { nextTry } from '../queue/schedule.ts'
import { RelayHealth } from '../relay/courier.ts'
import { fly, type RelayOptions } from '../relay/flight.ts'
import type { Outcome } from '../relay/outcome.ts'
import type { Way } from '../relay/way.ts'
import type { Lookout } from './lookout.ts'
import type { Postmaster } from './postmaster.ts'
import type { Cargo, Purser } from './purser.ts'
import type { Scribe, Written } from './scribe.ts'

/**
 * Courier: takes letters from the queue to the relays, one connection at a time, and writes down what became of each recipient.
 * Local people are served by the postmaster, whether or not there is a relay.
 */
export type CourierOptions = {
  ports: Ports
  queue: Queue
  scribe: Scribe
  postmaster: Postmaster
  lookout: Lookout
  purser: Purser
  relays: readonly RelayOptions[]
  retryMs: readonly number[]
  keepMs: number
}

/** Letters that are composed (and, when late, frozen under one sync) ahead of the relay. */
const prefetchLetters = 24
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
  readonly #stopping = new AbortController()
  readonly #cutting = new AbortController()
  #wake: (() => void) | undefined
  /** Somebody nudged while nobody waited: the round in hand may have looked before. */
  #nudged = false
  #running: Promise<void> | undefined
  #expiryAt = 0

  constructor(options: CourierOptions) {
    this.#options = options
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
    const { ports, queue, lookout } = this.#options
    const departure = lookout.depart(way)
    const load = new Load(this.#options, this.#stopping.signal)
    const report = await fly(ports.net, ports.clock, relay, {
      next: () => load.next(),
      settle: (id, to, outcome) => load.settle(id, to, outcome),
      signal: AbortSignal.any([this.#cutting.signal, departure.signal]),
    })
    const { linkIsBetter } = departure.landed()
    await load.finish(report.sent)
    const now = ports.clock.monotonic()
    if (report.fault) {
      this.health.failed(relay.id, report.fault, now)
      if (linkIsBetter) this.health.wayIsBack(now)
      ports.log('warning', 'relay: letters wait', { relay: relay.id, stage: report.fault.stage, why: report.fault.why })
    } else this.health.succeeded(relay.id)
    if (report.letters > 0)
      ports.log('info', 'relay: flight over', {
        relay: relay.id,
        letters: report.letters,
        sent: report.sent,
        received: report.received,
        turns: report.turns,
        waiting: queue.waiting.size,
      })
    if (report.fault && this.health.choose(now).relay === undefined) queue.ground()
    return report.letters > 0 || report.fault !== undefined
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

/** What one flight carries: letters on their way, and the outcomes as they come. */
class Load {
  readonly #options: CourierOptions
  readonly #signal: AbortSignal
  readonly #ready: Written[] = []
  readonly #aboard = new Map<number, Written>()
  readonly #deferred = new Map<number, string>()
  readonly #uncertain = new Set<number>()
  #notices: Promise<unknown>[] = []
  readonly #cargo: Cargo

  constructor(options: CourierOptions, signal: AbortSignal) {
    this.#options = options
    this.#cargo = options.purser.flight()
    this.#signal = signal
  }

  async next(): Promise<Letter | undefined> {
    if (this.#signal.aborted) return undefined
    for (;;) {
      if (this.#ready.length === 0) await this.#compose()
      const next = this.#ready.shift()
      if (!next || (!this.#keptBack(next.letter.id) && this.#cargo.board(next.letter))) return next?.letter
    }
  }

  /** An elder of the same source and key was deferred in this very flight: it goes first. */
  #keptBack(id: number): boolean {
    const { waiting } = this.#options.queue
    return [...this.#deferred.keys()].some((elder) => elder < id && waiting.orderOf(elder) === waiting.orderOf(id))
  }

  /** A group is composed at once, so that the late ones among them are frozen under one sync. */
  async #compose(): Promise<void> {
    const { queue, scribe, ports, purser } = this.#options
    const ids = queue.waiting.due(ports.clock.monotonic(), prefetchLetters, purser.leave())
    for (const id of ids) queue.waiting.away(id, true)
    const written = await Promise.all(ids.map((id) => scribe.write(id)))
    for (const [index, one] of written.entries()) {
      if (one) {
        this.#aboard.set(one.letter.id, one)
        this.#ready.push(one)
        continue
      }
      const id = ids[index] ?? 0
      queue.waiting.away(id, false)
      // Nobody behind a relay is left: the postmaster has the rest.
      queue.waiting.local(
        id,
        scribe.recipients(id).every((recipient) => recipient.local),
      )
    }
  }

  settle(id: number, address: string, outcome: Outcome): void {
    const { queue, postmaster } = this.#options
    const written = this.#aboard.get(id)
    if (!written) return
    this.#cargo.settled(id, outcome)
    const to = written.recipients.filter((recipient) => recipient.address === address).map((recipient) => recipient.ref)
    switch (outcome.kind) {
      case 'delivered':
        queue.mark(id, { kind: 'delivered', to })
        return
      case 'refused':
        // The notice is on the disk before the letter leaves the queue.
        this.#notices.push(
          postmaster
            .refuse(written, address, outcome)
            .then((kept) => (kept ? queue.mark(id, { kind: 'refused', to, why: outcome.why }) : this.#deferred.set(id, outcome.why))),
        )
        return
      case 'deferred':
        this.#deferred.set(id, outcome.why)
        return
      case 'uncertain':
        this.#uncertain.add(id)
        return
    }
  }

  /** Everybody who is still aboard waits again; what was left in the air keeps its octets. */
  async finish(sent: number): Promise<void> {
    const { queue, ports, retryMs } = this.#options
    this.#cargo.over(sent)
    await Promise.all(this.#notices)
    this.#notices = []
    for (const [id, written] of this.#aboard) {
      const state = queue.waiting.get(id)
      if (!state) continue
      if (this.#uncertain.has(id)) {
        if (!queue.isFrozen(id))
          await queue
            .freeze(id, written.letter.content)
            .catch((error) => ports.log('error', 'a letter could not be frozen', { id, why: sentence(error) }))
      } else if (!written.kept) queue.thaw(id)
      const why = this.#deferred.get(id)
      if (why !== undefined) {
        const attempts = state.attempts + 1
        queue.mark(id, { kind: 'deferred', attempts, why })
        queue.waiting.defer(
          id,
          attempts,
          nextTry(ports.clock.monotonic(), attempts, retryMs, (ms) => jitter(ports.random, ms)),
        )
        ports.log('info', 'letter: deferred', { id, attempts, why })
      }
      queue.waiting.away(id, false)
    }
  }
}
