import type { Link } from '../ports/link.ts'

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
