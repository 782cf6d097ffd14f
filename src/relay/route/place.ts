/**
 * Place: where an address lives, as the DNS is asked for it: a domain in ASCII letters, or the address of a host itself (RFC 5321 section 4.1.3).
 * Pure.
 */
export type Place =
  | { kind: 'domain'; domain: string }
  | { kind: 'literal'; address: string }
  /** No mail can ever go there. */
  | { kind: 'nowhere'; why: string }

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const hostPattern = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`)
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4Pattern = new RegExp(`^${octet}(?:\\.${octet}){3}$`)

/** A name that a host can have. What looks like an IPv4 address is none, whatever the DNS says: no top-level domain is a number (RFC 3696 section 2). */
export const isHost = (name: string): boolean => hostPattern.test(name) && !/(?:^|\.)\d+$/.test(name)

/** Of `ops@example.org`, of `example.org`, or of `ops@[192.0.2.1]`. */
export function placeOf(address: string): Place {
  const domain = address.slice(address.lastIndexOf('@') + 1).replace(/\.$/, '')
  if (domain.startsWith('[')) return literalOf(domain)
  if (ipv4Pattern.test(domain)) return { kind: 'nowhere', why: `${domain} is an address, not a domain: write [${domain}] behind the @.` }
  const ascii = asciiDomain(domain)
  return ascii === undefined ? { kind: 'nowhere', why: `${domain} is not the name of a domain.` } : { kind: 'domain', domain: ascii }
}

/** Letters of other scripts, and none that would end the host in a URL. */
const oneHost = /^(?=.*[^\u0000-\u007f])[A-Za-z0-9.\u0080-\u{10ffff}-]+$/u

/** The domain in A-labels (RFC 5891), small letters: `bücher.example` is `xn--bcher-kva.example`. undefined when it is no domain. */
export function asciiDomain(domain: string): string | undefined {
  const name = oneHost.test(domain) ? URL.parse(`http://${domain}/`)?.hostname : domain.toLowerCase()
  return name !== undefined && isHost(name) ? name : undefined
}

function literalOf(text: string): Place {
  const inside = /^\[(.*)\]$/.exec(text)?.[1] ?? ''
  if (ipv4Pattern.test(inside)) return { kind: 'literal', address: inside }
  const ipv6 = /^ipv6:([0-9a-f:.]{2,45})$/i.exec(inside)?.[1]
  if (ipv6 !== undefined && URL.canParse(`http://[${ipv6}]/`)) return { kind: 'literal', address: ipv6.toLowerCase() }
  return { kind: 'nowhere', why: `${text} is not an address literal such as [192.0.2.1] or [IPv6:2001:db8::1].` }
}
