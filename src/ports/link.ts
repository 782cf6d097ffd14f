import type { Cancel } from './clock.ts'

/**
 * Link: whether this machine has a way to others, as its own system sees it. Nothing is sent to find out, and whether anybody answers at the
 * other end is not known here.
 */
export type LinkInterface = {
  /** Never the loopback: it leads nowhere. */
  name: string
  /** Switched on, and with a carrier where it has such a thing. */
  up: boolean
  /** Addresses that others could answer to. IPv6 link-local ones are there as soon as a carrier is and are not counted. */
  addresses: readonly string[]
}

export type LinkState = {
  /** False: the system does not tell, and nothing else here means anything. */
  known: boolean
  interfaces: readonly LinkInterface[]
  /** The interface that carries the default route, IPv4 before IPv6; it is up. Undefined: there is none. */
  defaultRoute?: string
}

/** What the routing table says of one address; `by` is the interface where that can be told. */
export type Route = { leads: boolean; by?: string }

export interface Link {
  /** As of this moment; cheap enough to ask before each try. Never throws. */
  state(): LinkState
  /** The system's own look-up for an IPv4 or IPv6 address. Never rejects; where it cannot be told, it leads. */
  route(address: string): Promise<Route>
  /** Calls with each new state, within a second of the change, until cancelled. Costs something while it lasts. */
  watch(changed: (state: LinkState) => void): Cancel
}

export const sameLink = (a: LinkState, b: LinkState): boolean => JSON.stringify(a) === JSON.stringify(b)
