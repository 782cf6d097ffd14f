import type { Clock } from '../ports/clock.ts'
import type { Net } from '../ports/net.ts'
import type { Random } from '../ports/random.ts'
import { fly } from '../relay/flight.ts'
import type { Fault, FlightReport, Offers, Stage } from '../relay/outcome.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { connectionsAt, knownAt, learned, limited, type Skill, type Traits, widened } from '../relay/traits.ts'
import type { Load } from './load.ts'

/**
 * Crossing: the flights that go to one relay at the same time. One connection is enough where letters go as a chain; where a relay takes them one
 * round trip each, two to five connections share the waiting, as many as the relay tolerates. What it shows of itself is remembered.
 */
export type CrossingOptions = {
  net: Net
  clock: Clock
  random: Random
  relay: RelayOptions
  traits: Traits
  /** A load for one more connection; `ahead` shares a number of letters among all of them. */
  load(lane: number, ahead: (letters: number) => number): Pick<Load, 'next' | 'settle' | 'finish'>
  /** Letters that could leave now. */
  due(limit: number): number
  /** Cuts every line at once. */
  signal: AbortSignal
  /** Gives up connecting: a better link is there. */
  connecting?: AbortSignal
}

/** Fewer letters than this for each do not pay for another TLS session (3.3 kB and six round trips). */
const lettersAConnection = 6

/** Where a further connection fails because the relay has enough of us. */
const limits: readonly Stage[] = ['connect', 'tls', 'greeting', 'ehlo', 'auth']

export class Crossing {
  readonly #options: CrossingOptions
  readonly #flights: Promise<void>[] = []
  readonly report: FlightReport = { letters: 0, uncertain: 0, sent: 0, received: 0, turns: 0 }
  traits: Traits
  connections = 0
  #lanes = 0

  constructor(options: CrossingOptions) {
    this.#options = options
    this.traits = options.traits
  }

  /** Flies until no letter is left that could leave. Never rejects for a fault of the relay: the report of the first flight has it. */
  async fly(): Promise<void> {
    this.#begin()
    // Flights begin others; each is waited for.
    for (let index = 0; index < this.#flights.length; index++) await this.#flights[index]
    const { uncertain, letters } = this.report
    if (uncertain > 0) this.traits = widened(this.traits, false)
    else if (letters > 0) this.traits = widened(this.traits, true)
  }

  #begin(): void {
    this.#flights.push(this.#flight(this.#lanes++))
  }

  async #flight(lane: number): Promise<void> {
    const { net, clock, random, relay, signal, connecting } = this.#options
    this.connections++
    const load = this.#options.load(lane, (letters) => Math.ceil(letters / Math.max(1, this.connections)))
    const report = await fly(net, clock, random, relay, {
      next: () => load.next(),
      settle: (id, to, outcome) => load.settle(id, to, outcome),
      known: knownAt(this.traits, clock.wall()),
      learn: (skill, good) => this.#learn(skill, good),
      offers: (offers) => lane === 0 && this.#widen(offers),
      signal,
      ...(connecting ? { connecting } : {}),
    })
    await load.finish(report.sent, report.fault)
    this.connections--
    this.#add(report)
    if (lane === 0) {
      if (report.fault) this.report.fault = report.fault
    } else if (report.fault) this.#tooMany(report.fault)
  }

  #learn(skill: Skill, good: boolean): void {
    this.traits = learned(this.traits, skill, good, this.#options.clock.wall())
  }

  /** The first connection stands: further ones if letters would have to queue for it. */
  #widen(offers: Offers): void {
    const known = knownAt(this.traits, this.#options.clock.wall())
    if (offers.chunking && offers.pipelining && known.chunking !== false && known.pipelining !== false) return
    while (this.#lanes < this.#wanted()) this.#begin()
  }

  #wanted(): number {
    const most = connectionsAt(this.traits, this.#options.clock.wall())
    return Math.max(1, Math.min(most, Math.floor(this.#options.due(most * lettersAConnection) / lettersAConnection)))
  }

  #tooMany(fault: Fault): void {
    // Only while others stand does it say how many may.
    if (this.connections === 0 || !limits.includes(fault.stage) || fault.hold) return
    this.traits = limited(this.traits, this.connections, this.#options.clock.wall())
  }

  #add(report: FlightReport): void {
    for (const what of ['letters', 'uncertain', 'sent', 'received', 'turns'] as const) this.report[what] += report[what]
  }
}
