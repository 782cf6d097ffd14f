import type { Monotonic } from '../../ports/clock.ts'
import type { Names } from '../../ports/names.ts'
import type { Ports } from '../../ports/ports.ts'
import type { Fault } from '../outcome.ts'
import type { RelayOptions } from '../relay.ts'
import { chainCheck } from './dane-chain.ts'
import { DeadHosts } from './dead-hosts.ts'
import { placeOf } from './place.ts'
import { Policies } from './policies.ts'
import { type Host, route, triesOf } from './route.ts'

/**
 * Hosts: for a domain, the relays that its letters fly to when there is none of ours (RFC 5321 section 5.1), each with what the way to it must be. This is
 * the deed behind route.ts: it asks the names, keeps the policies, and leaves out hosts that were just found dead.
 */
export type Hosted =
  /** In the order to try, never empty. `passed`: hosts that were left out, and why, as sentences. */
  | { kind: 'hosts'; relays: readonly RelayOptions[]; passed: readonly string[] }
  /** No mail can go there: for every recipient of this domain. `status` is for the delivery report (RFC 3463). */
  | { kind: 'refused'; status: string; why: string }
  /** `until`: nothing can have changed before; undefined when that is not known. */
  | { kind: 'deferred'; why: string; until?: Monotonic }

export type HostsOptions = {
  ports: Pick<Ports, 'clock' | 'disk' | 'log' | 'names' | 'net' | 'random'>
  /** The data directory: policies are kept there. */
  dir: string
  /** As the settings have them under `delivery`. */
  dns: readonly string[]
  port: number
  mtaSts: boolean
  dane: boolean
  /** Our name in EHLO. A host that bears it is this gateway itself. */
  ehlo: string
  /** Longest wait for any answer but the last one of a letter, in ms. */
  timeoutMs?: number
  /** Further trusted certificates, PEM, for hosts and policies that must be verified. */
  ca?: string
}

/** Letters may go together when this is the same: a domain in ASCII letters, an address literal, or what is no place at all. */
export function destinationOf(address: string): string {
  const place = placeOf(address)
  if (place.kind === 'domain') return place.domain
  return place.kind === 'literal' ? `[${place.address}]` : address.slice(address.lastIndexOf('@') + 1)
}

export class Hosts {
  readonly #options: HostsOptions
  readonly #names: Names
  readonly #dead: DeadHosts
  readonly #policies: Policies | undefined

  private constructor(options: HostsOptions, names: Names, policies: Policies | undefined) {
    this.#options = options
    this.#names = names
    this.#dead = new DeadHosts(options.ports.random)
    this.#policies = policies
  }

  /** Reads the policies that an earlier life kept. */
  static async open(options: HostsOptions): Promise<Hosts> {
    const { ports, dir, dns, mtaSts, ca } = options
    const { clock, disk, log, net } = ports
    const names = ports.names(dns)
    const more = ca === undefined ? {} : { ca }
    const request = net.request.bind(net)
    return new Hosts(options, names, mtaSts ? await Policies.open({ clock, disk, log, names, request, dir, ...more }) : undefined)
  }

  /** `recipient` is an address or its domain. Asks the names anew each time. Never rejects. */
  async of(recipient: string): Promise<Hosted> {
    const { ports, port, ehlo, dane } = this.#options
    const policies = this.#policies
    const found = await route(recipient, {
      names: this.#names,
      random: ports.random,
      port,
      own: [ehlo],
      dane,
      ...(policies ? { policyOf: (domain: string) => policies.of(domain) } : {}),
    })
    if (found.kind !== 'hosts') return found
    const now = ports.clock.monotonic()
    const tries = triesOf(found.hosts, (address) => this.#dead.rests(address, now))
    if (tries.length === 0) return this.#allRest(found.hosts, now)
    return { kind: 'hosts', relays: tries.map((host) => this.#relayOf(host)), passed: found.passed }
  }

  /** A flight to one of these ended with this fault: its addresses rest, where the fault is the host's. */
  failed({ addresses = [] }: RelayOptions, fault: Fault): void {
    const now = this.#options.ports.clock.monotonic()
    for (const address of addresses) this.#dead.failed(address, fault, now)
  }

  /** A flight to this one got as far as a letter. */
  reached({ addresses = [] }: RelayOptions): void {
    for (const address of addresses) this.#dead.reached(address)
  }

  /** Everybody may be tried at once: somebody asked, or the link is back. */
  release(): void {
    this.#dead.release()
  }

  #allRest(hosts: readonly Host[], now: Monotonic): Hosted {
    const addresses = hosts.flatMap((host) => host.addresses)
    const why = addresses.map((address) => this.#dead.why(address)).find((one) => one !== undefined)
    return { kind: 'deferred', why: why ?? 'All hosts rest.', until: this.#dead.nextTry(addresses, now) }
  }

  #relayOf(host: Host): RelayOptions {
    const { ehlo, timeoutMs, ca, ports } = this.#options
    const { name, port, addresses } = host
    const at: Omit<RelayOptions, 'security'> = {
      id: name,
      // A literal is an address with brackets around it.
      host: name.startsWith('[') ? (addresses[0] ?? name) : name,
      port,
      addresses,
      direct: true,
      auth: { kind: 'none' },
      ehlo,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
    switch (host.security) {
      case 'opportunistic':
        return { ...at, security: 'opportunistic' }
      case 'verified':
        return { ...at, security: 'starttls', ...(ca === undefined ? {} : { ca }) }
      case 'dane': {
        const { dane } = host
        return {
          ...at,
          security: 'starttls',
          serverName: dane.serverName,
          check: (chain) => chainCheck(dane, ports.clock.wall())(chain),
        }
      }
    }
  }
}
