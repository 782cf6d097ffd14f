import type { Log } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import type { RelayHealth } from '../relay/health.ts'
import type { Fault } from '../relay/outcome.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { destinationOf, type Hosts } from '../relay/route/hosts.ts'
import type { Way } from '../relay/way.ts'
import type { Ferry } from './ferry.ts'
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

/** Letters that are looked at for the domains that wait; beyond them the oldest go first. */
const lookedAt = 1000
const anywhere = { id: 'mx', host: 'mx.invalid' }

export class Direct implements Outbound {
  readonly health: RelayHealth
  readonly places = [anywhere]
  readonly #options: DirectOptions

  constructor(options: DirectOptions) {
    this.#options = options
    this.health = options.health
  }

  async try(now: number, ways: ReadonlyMap<string, Way>): Promise<number | undefined> {
    const { queue, lookout } = this.#options
    const way = ways.get(anywhere.id)
    const domains = this.#domains(now)
    for (const domain of domains) this.health.know(domain)
    const chosen = way?.open === false ? {} : this.health.choose(now, (domain) => domains.has(domain))
    if (chosen.relay === undefined) {
      queue.ground()
      lookout.watch()
      return Math.max(1, (chosen.nextTry ?? Number.POSITIVE_INFINITY) - now)
    }
    return this.#deliver(chosen.relay, way)
  }

  /** Domains for which a letter could leave now. */
  #domains(now: number): Set<string> {
    const { queue, scribe, purser } = this.#options
    const serves = (ref: string) => !scribe.recipient(ref).local
    const leaving = queue.waiting.leaving(now, lookedAt, { leave: purser.leave(), serves })
    return new Set(
      leaving.flatMap(({ id, behind }) =>
        scribe
          .recipients(id)
          .filter((one) => !one.local && !behind?.has(one.ref))
          .map(domainOf),
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
      const { report, linkIsBetter } = await ferry.carry(relay, way, servesOf(domain))
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
    const serves = servesOf(domain)
    const load = ferry.load(serves)
    for (let letter = await load.next(); letter; letter = await load.next())
      for (const to of letter.to) load.settle(letter.id, to, { kind: 'refused', why })
    await load.finish(0)
    return 0
  }
}

const domainOf = (recipient: Recipient): string => destinationOf(recipient.address)

const servesOf =
  (domain: string) =>
  (recipient: Recipient): boolean =>
    !recipient.local && domainOf(recipient) === domain
