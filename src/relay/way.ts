import type { LinkState, Route } from '../ports/link.ts'

/**
 * Way: whether it is worth trying to reach a relay as the link stands. Pure. A closed way is certain: nothing could leave; an open one promises
 * nothing. Where the system does not tell, the way is open.
 */
export type Way = {
  open: boolean
  why: string
  /** The interface that it leads out by, where that is known. */
  by?: string
}

/** `route` is the system's look-up of `host`, where that is an address. */
export function wayTo(host: string, link: LinkState, route?: Route): Way {
  if (isLoopback(host)) return { open: true, why: 'The relay is on this machine.' }
  if (!link.known) return { open: true, why: 'The system does not tell whether there is a link.' }
  if (route) {
    // A route stays for a while when its cable is pulled.
    const isCut = link.interfaces.some((one) => one.name === route.by && !one.up)
    if (!route.leads || isCut) return { open: false, why: `There is no route to ${host}. ${linkWay(link).why}` }
    return { open: true, why: `There is a route to ${host}.`, ...(route.by === undefined ? {} : { by: route.by }) }
  }
  return linkWay(link)
}

/** Whether anything can leave this machine. Without a default route there may still be a name of the neighbourhood. */
export function linkWay(link: LinkState): Way {
  if (!link.known) return { open: true, why: 'The system does not tell whether there is a link.' }
  if (link.defaultRoute !== undefined)
    return { open: true, why: `The default route leads out by ${link.defaultRoute}.`, by: link.defaultRoute }
  const up = link.interfaces.filter((one) => one.up)
  const usable = up.find((one) => one.addresses.length > 0)
  if (usable) return { open: true, why: `There is no default route; ${usable.name} reaches its neighbours only.`, by: usable.name }
  const first = up[0]
  return {
    open: false,
    why: first ? `The interface ${first.name} has no address yet.` : 'No network interface has a link: cable, modem or radio is away.',
  }
}

/** A carrier, an address or a default route is there that was not: what failed before may work now. */
export function isBetter(now: LinkState, before: LinkState): boolean {
  const addressesBefore = new Set(before.interfaces.flatMap((one) => (one.up ? one.addresses : [])))
  return (
    (now.defaultRoute !== undefined && now.defaultRoute !== before.defaultRoute) ||
    now.interfaces.some((one) => one.up && one.addresses.some((address) => !addressesBefore.has(address)))
  )
}

export const isAddress = (host: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':')

/** This very machine: no link is needed. */
const isLoopback = (host: string): boolean => /^(?:.*\.)?localhost$|^::1$|^127\.\d+\.\d+\.\d+$/i.test(host)
