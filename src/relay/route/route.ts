import type { Looked, MailExchange, Names } from '../../ports/names.ts'
import type { Random } from '../../ports/random.ts'
import { type Dane, daneOf } from './dane.ts'
import { isHost, placeOf } from './place.ts'
import { allows, type Policy } from './sts.ts'

/**
 * Route: which hosts take mail for a domain, in which order, and what each wants of TLS (RFC 5321 section 5). The decisions are `exchangesOf` and
 * `routeOf`; `route` asks the names in between.
 */

/** What the way to a host must be, before anything is said of a letter. */
export type Wants =
  /** STARTTLS when it is offered, whoever answers: better than nothing (RFC 7435). */
  | { security: 'opportunistic' }
  /** STARTTLS with a certificate that is trusted and bears the host's name (RFC 8461 section 4). */
  | { security: 'verified' }
  /** STARTTLS with a certificate as the DNS describes it; any one when `dane.records` is empty (RFC 7672 section 2.2). */
  | { security: 'dane'; dane: Dane }

/** `addresses` are never empty, and in the order to try. */
export type Host = { name: string; addresses: readonly string[]; port: number } & Wants

export type Route =
  /** `passed`: hosts that were left out, and why, as sentences. */
  | { kind: 'hosts'; hosts: readonly Host[]; passed: readonly string[] }
  /** `status` is for the delivery report (RFC 3463). */
  | { kind: 'refused'; status: string; why: string }
  | { kind: 'deferred'; why: string }

export type RouteTools = {
  names: Names
  random: Random
  port: number
  /** Names of this gateway: whoever finds itself among the hosts must not go round in a circle. */
  own: readonly string[]
  /** The name servers verify signatures, and the way to them is safe: the AD bit counts. */
  dane: boolean
  /** MTA-STS, when it is looked at. */
  policyOf?(domain: string): Promise<Policy | undefined>
}

/** More hosts than anybody tries; each costs two questions. */
const hostsLimit = 8

/** The hosts for a recipient's address or domain. Never rejects. */
export async function route(address: string, tools: RouteTools): Promise<Route> {
  const place = placeOf(address)
  if (place.kind === 'nowhere') return { kind: 'refused', status: '5.1.3', why: place.why }
  if (place.kind === 'literal') {
    const host: Host = { name: `[${place.address}]`, addresses: [place.address], port: tools.port, security: 'opportunistic' }
    return { kind: 'hosts', hosts: [host], passed: [] }
  }
  const { domain } = place
  const [looked, policy] = await Promise.all([tools.names.mx(domain), tools.policyOf?.(domain)])
  const exchanges = exchangesOf(looked, domain, tools.own, () => tools.random.unit())
  if (exchanges.kind !== 'exchanges') return exchanges
  const secure = tools.dane && looked.kind !== 'fault' && looked.authenticated
  const references = looked.kind === 'found' ? [domain, looked.name] : [domain]
  const found = await Promise.all(exchanges.names.map((name) => lookAt(name, references, secure, tools)))
  return routeOf(domain, found, policy)
}

export type Exchanges = { kind: 'exchanges'; names: readonly string[] } | Exclude<Route, { kind: 'hosts' }>

/**
 * Whom to ask, by what the DNS says of the domain's MX: best preference first, equals in a random order. `unit` gives numbers in [0, 1). The A record
 * stands in only where there is no MX at all.
 */
export function exchangesOf(looked: Looked<MailExchange>, domain: string, own: readonly string[], unit: () => number): Exchanges {
  if (looked.kind === 'fault') return { kind: 'deferred', why: looked.why }
  if (looked.kind === 'nxdomain') return { kind: 'refused', status: '5.1.2', why: `The domain ${domain} does not exist.` }
  const ours = (name: string) => own.some((mine) => mine.toLowerCase() === name)
  const circle = {
    kind: 'refused',
    status: '5.4.6',
    why: `Mail for ${domain} would come back to this gateway: it is the best host for it.`,
  } as const
  if (looked.kind === 'none') return ours(domain) ? circle : { kind: 'exchanges', names: [domain] }
  if (looked.records.every(({ exchange }) => exchange === ''))
    return { kind: 'refused', status: '5.1.10', why: `The domain ${domain} takes no mail (null MX, RFC 7505: 556 5.1.10).` }
  const usable = looked.records.filter(({ exchange }) => isHost(exchange))
  if (usable.length === 0) return { kind: 'refused', status: '5.4.4', why: `The MX records of ${domain} name no host.` }
  // RFC 5321 section 5.1: from our own place in the list on, everybody would send it to us.
  const limit = Math.min(...usable.filter(({ exchange }) => ours(exchange)).map(({ preference }) => preference))
  const better = usable.filter(({ preference }) => preference < limit)
  if (better.length === 0) return circle
  const ordered = better
    .map((one) => ({ ...one, lot: unit() }))
    .sort((one, other) => one.preference - other.preference || one.lot - other.lot)
  return { kind: 'exchanges', names: [...new Set(ordered.map(({ exchange }) => exchange))].slice(0, hostsLimit) }
}

/** What was found of one host: itself, or why it is left out, and whether that may change soon. */
export type Found = { kind: 'host'; host: Host } | { kind: 'passed'; why: string; soon: boolean }

async function lookAt(name: string, references: readonly string[], secure: boolean, tools: RouteTools): Promise<Found> {
  const looked = await tools.names.addresses(name)
  if (looked.kind === 'fault') return { kind: 'passed', why: looked.why, soon: true }
  if (looked.kind !== 'found') return { kind: 'passed', why: `The host ${name} has no address.`, soon: false }
  const at = { name, addresses: alternating(looked.records), port: tools.port }
  if (!secure) return { kind: 'host', host: { ...at, security: 'opportunistic' } }
  const dane = await daneOf(tools.names, { host: name, addresses: looked, port: tools.port, references })
  switch (dane.kind) {
    case 'none':
      return { kind: 'host', host: { ...at, security: 'opportunistic' } }
    case 'dane':
      return { kind: 'host', host: { ...at, security: 'dane', dane: dane.dane } }
    case 'fault':
      // Without the answer nobody knows whom to trust: whoever can suppress it must not gain by it (RFC 7672 section 2.1.2).
      return { kind: 'passed', why: `The host ${name} is left out: ${dane.why}`, soon: true }
  }
}

/**
 * The route by what was found of each host, in their order. A policy that is to be enforced leaves out hosts that it does not name, and wants a verified
 * certificate of the others; where DANE binds, that says more of the certificate (RFC 8461 section 2).
 */
export function routeOf(domain: string, found: readonly Found[], policy: Policy | undefined): Route {
  const judged = found.map((one) => (one.kind === 'host' && policy?.mode === 'enforce' ? underPolicy(domain, one.host, policy) : one))
  const hosts = judged.flatMap((one) => (one.kind === 'host' ? [one.host] : []))
  const passed = judged.flatMap((one) => (one.kind === 'passed' ? [one] : []))
  if (hosts.length > 0) return { kind: 'hosts', hosts, passed: passed.map(({ why }) => why) }
  const soon = passed.find((one) => one.soon)
  if (soon) return { kind: 'deferred', why: soon.why }
  return { kind: 'refused', status: '5.4.4', why: `No host takes mail for ${domain}. ${passed.map(({ why }) => why).join(' ')}` }
}

function underPolicy(domain: string, host: Host, policy: Policy): Found {
  if (!allows(policy, host.name))
    return { kind: 'passed', why: `The host ${host.name} is not one that the MTA-STS policy of ${domain} names.`, soon: true }
  return { kind: 'host', host: host.security === 'dane' ? host : { ...host, security: 'verified' } }
}

/**
 * IPv4, IPv6, IPv4 … so that two tries are two families. IPv4 first: where a site has IPv6 at all, its addresses seldom have names, and big receivers
 * refuse mail from those.
 */
function alternating(addresses: readonly string[]): string[] {
  const six = addresses.filter((address) => address.includes(':'))
  const four = addresses.filter((address) => !address.includes(':'))
  return Array.from({ length: Math.max(four.length, six.length) }, (_, index) => [four[index], six[index]])
    .flat()
    .filter((address) => address !== undefined)
}

/** Addresses of one host that are worth a try, and tries in all, before a letter waits. */
const addressesLimit = 3
const triesLimit = 6

/**
 * Whom to try, one after the other, each with the addresses that are worth it: at least two where there are two (RFC 5321 section 5.1), those that rest
 * left out.
 */
export function triesOf(hosts: readonly Host[], rests: (address: string) => boolean): Host[] {
  let left = triesLimit
  return hosts.flatMap((host) => {
    const addresses = host.addresses.filter((address) => !rests(address)).slice(0, Math.min(addressesLimit, left))
    left -= addresses.length
    return addresses.length === 0 ? [] : [{ ...host, addresses }]
  })
}
