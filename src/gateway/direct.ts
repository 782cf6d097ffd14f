import type { Log } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import type { RelayHealth } from '../relay/health.ts'
import type { Fault } from '../relay/outcome.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { destinationOf, type Hosts } from '../relay/route/hosts.ts'
import type { Way } from '../relay/way.ts'
import type { Ferry } from './ferry.ts'
import type { Service } from './load.ts'
import type { Lookout } from './lookout.ts'
import type { Outbound } from './outbound.ts'
import type { Recipient } from './people.ts'
import type { Purser } from './purser.ts'
import type { Scribe } from './scribe.ts'

/**
 * Direct: letters go straight to the servers of their recipients' domains (RFC 5321 section 5). Each domain is tried, rests and returns on its
 * own; what the DNS refuses is refused, what it cannot tell just now waits.
 */
export type DirectOptions = {
  queue: Queue
  scribe: Scribe
  purser: Purser
  ferry: Ferry
  lookout: Lookout
  log: Log
  health: RelayHealth
  hosts: Pick<Hosts, 'of' | 'failed' | 'reached' | 'release'>
  now(): number
}

/** Letters that are looked at for the domains that may be tried; beyond them the oldest go first. */
const lookedAt = 1000
/** Addresses whose domain is kept in mind. */
const addressesLimit = 1000
const anywhere = { id: 'mx', host: 'mx.invalid' }

export class Direct implements Outbound {
  readonly health: RelayHealth
  readonly places = [anywhere]
  readonly #options: DirectOptions
  readonly #domains = new Map<string, string>()

  constructor(options: DirectOptions) {
    this.#options = options
    this.health = options.health
  }

  async try(now: number, ways: ReadonlyMap<string, Way>): Promise<number | undefined> {
    const { queue, lookout } = this.#options
    const way = ways.get(anywhere.id)
    const awake = way?.open === false ? new Set<string>() : this.#awake(now)
    for (const domain of awake) this.health.know(domain)
    const { relay } = this.health.choose(now, (domain) => awake.has(domain))
    if (relay !== undefined) return this.#deliver(relay, way)
    queue.ground()
    lookout.watch()
    return Math.max(1, (this.health.nextReturn(now) ?? Number.POSITIVE_INFINITY) - now)
  }

  /**
   * Domains that do not rest and for which a letter could leave now. Letters of those that rest are passed by before the limit counts: the worst and
   * the oldest may all be of one that is dead.
   */
  #awake(now: number): Set<string> {
    const { queue, scribe, purser } = this.#options
    const isAwake = (one: Recipient) => !one.local && !this.health.rests(this.#domainOf(one), now)
    const serves = (ref: string) => isAwake(scribe.recipient(ref))
    const leaving = queue.waiting.leaving(now, lookedAt, { leave: purser.leave(), serves })
    return new Set(
      leaving.flatMap(({ id, behind }) =>
        scribe
          .recipients(id)
          .filter((one) => isAwake(one) && !behind?.has(one.ref))
          .map((one) => this.#domainOf(one)),
      ),
    )
  }

  async #deliver(domain: string, way: Way | undefined): Promise<number | undefined> {
    const { hosts, log } = this.#options
    const hosted = await hosts.of(domain)
    switch (hosted.kind) {
      case 'refused':
        return this.#refuse(domain, `${hosted.status} ${hosted.why}`)
      case 'deferred':
        log('warning', 'mx: letters wait', { domain, why: hosted.why })
        return this.#failed(domain, { stage: 'dns', why: hosted.why })
      case 'hosts':
        for (const why of hosted.passed) log('info', 'mx: a host is left out', { domain, why })
        return this.#carry(domain, hosted.relays, way)
    }
  }

  /** Hosts in their order, until one has taken or answered for every letter. */
  async #carry(domain: string, relays: readonly RelayOptions[], way: Way | undefined): Promise<number | undefined> {
    const { ferry, hosts } = this.#options
    let last: Fault | undefined
    for (const relay of relays) {
      const { report, linkIsBetter } = await ferry.carry(relay, way, this.#serviceOf(domain))
      last = report.fault
      if (report.letters > 0 || !last) hosts.reached(relay)
      if (last) hosts.failed(relay, last)
      else this.health.succeeded(domain, this.#options.now())
      if (report.letters > 0) return 0
      if (!last) return undefined
      if (linkIsBetter) break
    }
    return this.#failed(domain, last ?? { stage: 'dns', why: `No host of ${domain} can be tried just now.` })
  }

  release(): void {
    this.health.release()
    this.#options.hosts.release()
  }

  wayIsBack(now: number): void {
    this.health.wayIsBack(now)
    this.#options.hosts.release()
  }

  #failed(domain: string, fault: Fault): number {
    const { queue } = this.#options
    this.health.failed(domain, fault, this.#options.now())
    if (this.health.choose(this.#options.now()).relay === undefined) queue.ground()
    return 0
  }

  /** The DNS says that nobody takes mail for this domain: each letter is refused, with a notice in the mailbox. */
  async #refuse(domain: string, why: string): Promise<number> {
    const { ferry } = this.#options
    const load = ferry.load(this.#serviceOf(domain))
    for (let letter = await load.next(); letter; letter = await load.next())
      for (const to of letter.to) load.settle(letter.id, to, { kind: 'refused', why })
    await load.finish(0)
    return 0
  }

  #serviceOf(domain: string): Service {
    return { serves: (recipient) => !recipient.local && this.#domainOf(recipient) === domain }
  }

  /** A backlog of 100,000 letters is asked for it in every round, and is for a few people: to make it out each time would cost ten times as much. */
  #domainOf({ address }: Recipient): string {
    const known = this.#domains.get(address)
    if (known !== undefined) return known
    if (this.#domains.size >= addressesLimit) this.#domains.clear()
    const domain = destinationOf(address)
    this.#domains.set(address, domain)
    return domain
  }
}
