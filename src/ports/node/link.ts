import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Cancel } from '../clock.ts'
import { type Link, type LinkInterface, type LinkState, type Route, sameLink } from '../link.ts'

/** The Link port over /proc and /sys of Linux; on other systems nothing is known. Why it looks and does not listen: docs/architecture.md. */
const lookMs = 500
/** Flags of a route (linux/route.h): in use; one that refuses. */
const routeUp = 0x1
const routeReject = 0x200
/** linux/if_addr.h */
const tentativeFlag = 0x40
const noWay = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']
/** Discard (RFC 863); nothing is ever sent to it. */
const anyPort = 9

export class NodeLink implements Link {
  state(): LinkState {
    try {
      const interfaces = interfacesNow()
      const isUp = (name: string) => interfaces.some((one) => one.name === name && one.up)
      const defaultRoute = [...defaultRoutes4(), ...defaultRoutes6()].find(isUp)
      return { known: true, interfaces, ...(defaultRoute === undefined ? {} : { defaultRoute }) }
    } catch {
      return { known: false, interfaces: [] }
    }
  }

  /** Connecting a datagram socket looks the route up, policy rules and all, and sends nothing. */
  route(address: string): Promise<Route> {
    return new Promise((resolve) => {
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
      const tell = (route: Route) => {
        socket.close()
        resolve(route)
      }
      socket.once('error', (error: NodeJS.ErrnoException) => tell({ leads: !noWay.includes(error.code ?? '') }))
      socket.once('connect', () => tell(routeFrom(socket.address().address)))
      socket.connect(anyPort, address)
    })
  }

  watch(changed: (state: LinkState) => void): Cancel {
    let last = this.state()
    const timer = setInterval(() => {
      const now = this.state()
      if (sameLink(last, now)) return
      last = now
      changed(now)
    }, lookMs)
    return () => clearInterval(timer)
  }
}

/** Node lists an interface only while it is on and has a carrier: a source address that it does not know leads into an unplugged cable. */
function routeFrom(source: string): Route {
  for (const [name, addresses] of Object.entries(networkInterfaces()))
    for (const one of addresses ?? []) if (one.address === source) return one.internal ? { leads: true } : { leads: true, by: name }
  return { leads: false }
}

function interfacesNow(): LinkInterface[] {
  const running = networkInterfaces()
  const tentative = tentativeAddresses()
  const names = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? [])
  return names.sort().flatMap((name) => {
    const addresses = running[name] ?? []
    if (name === 'lo' || addresses.some((one) => one.internal)) return []
    const counted = addresses.map((one) => one.address).filter((address) => !/^fe[89ab]/i.test(address) && !tentative.has(hexOf(address)))
    return [{ name, up: isUp(name, addresses.length > 0), addresses: counted.sort() }]
  })
}

/**
 * RFC 2863: a serial line or a tunnel has no carrier to tell of and is `unknown`. The kernel may be a second late to tell that a carrier is gone; the
 * carrier itself is asked, too.
 */
function isUp(name: string, runs: boolean): boolean {
  const told = (what: string) => readFileSync(`/sys/class/net/${name}/${what}`, 'utf8').trim()
  try {
    return ['up', 'unknown'].includes(told('operstate')) && told('carrier') !== '0'
  } catch {
    return runs
  }
}

/** IPv6 addresses that may not be used yet: the neighbours are asked first whether they have them (RFC 4862 section 5.4). Seen once in use. */
const tentativeAddresses = (): Set<string> =>
  new Set(
    rows('/proc/net/if_inet6').flatMap(([address = '', , , , flags = '']) =>
      (Number.parseInt(flags, 16) & tentativeFlag) !== 0 ? [address] : [],
    ),
  )

/** `fd00::2` as /proc writes it: 32 hexadecimal digits. An IPv4 address is none of them. */
function hexOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':')).map((group) => group.padStart(4, '0'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  return [...before, ...Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0000'), ...after].join('')
}

const rows = (path: string): string[][] => {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
  } catch {
    return []
  }
}

type Candidate = { name: string; metric: number }
const best = (routes: Candidate[]): string[] => routes.sort((a, b) => a.metric - b.metric).map((route) => route.name)
const works = (flags: string): boolean => (Number.parseInt(flags, 16) & (routeUp | routeReject)) === routeUp

/** Iface Destination Gateway Flags RefCnt Use Metric Mask … */
const defaultRoutes4 = (): string[] =>
  best(
    rows('/proc/net/route').flatMap(([name = '', to, , flags = '', , , metric, mask]) =>
      to === '00000000' && mask === '00000000' && works(flags) ? [{ name, metric: Number(metric) }] : [],
    ),
  )

/** Destination Length Source Length NextHop Metric RefCnt Use Flags Iface */
const defaultRoutes6 = (): string[] =>
  best(
    rows('/proc/net/ipv6_route').flatMap(([to, length, , , , metric = '', , , flags = '', name = '']) =>
      /^0{32}$/.test(to ?? '') && length === '00' && name !== 'lo' && works(flags) ? [{ name, metric: Number.parseInt(metric, 16) }] : [],
    ),
  )
