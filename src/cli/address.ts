import type { Link, LinkState } from '../ports/link.ts'
import { isIP, isLoopbackHost } from '../settings/address.ts'

/** Where the page is, for a person: the addresses of this machine that others can reach, the one of the default route first, or the one that it listens on. */
export function pageAddresses(link: Link, { listen, tls }: { listen: string; tls: string }): string[] {
  const colon = listen.lastIndexOf(':')
  const [host, port] = [listen.slice(0, colon), listen.slice(colon)]
  const urlOf = (name: string) => `${tls === 'off' ? 'http' : 'https'}://${name}${port}/`
  if (host !== '0.0.0.0' && host !== '[::]') return [urlOf(host)]
  const { interfaces, defaultRoute } = link.state()
  const up = interfaces.filter((one) => one.up).sort((a, b) => Number(b.name === defaultRoute) - Number(a.name === defaultRoute))
  const addresses = up.flatMap((one) => one.addresses.filter((address) => !address.includes(':')))
  return [...new Set(addresses)].map(urlOf).concat(urlOf('localhost')).slice(0, 4)
}

/** The same with the claim code behind the #, where no server and no log sees it; the page fills it in. */
export const claimAddress = (address: string, code: string): string => `${address}#/claim/${code}`

/** An address that came with a cable, and the cable is out: that nothing answers there is no fault of the software. Never a name, or an address of this machine alone. */
export const isAbsent = (host: string, { known, interfaces }: LinkState): boolean =>
  known && isIP(host) && !isLoopbackHost(host) && !interfaces.some(({ addresses }) => addresses.includes(host))
