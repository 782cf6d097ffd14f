import { isIP } from '../settings/address.ts'

/**
 * Guard: whether a request is meant for this box, and comes from its own page. Pure.
 */

/** The host of a Host header or an origin, without its port, in small letters; undefined when it is none. */
export function hostIn(header: string | null): string | undefined {
  const found = /^(?:\[(?<six>[0-9a-f:.]{2,45})\]|(?<name>[a-z0-9._-]{1,253}?)\.?)(?::\d{1,5})?$/i.exec(header ?? '')?.groups
  return (found?.six ?? found?.name)?.toLowerCase()
}

/**
 * DNS rebinding: a foreign page may point its own name at this box, and then speak to it as to itself. It cannot do so with an address, so addresses are welcome,
 * and names only when they are known.
 */
export function isOurs(host: string | undefined, names: ReadonlySet<string>): boolean {
  return host !== undefined && (isIP(host) || names.has(host))
}

/**
 * Whether a write comes from the page itself: browsers say so in Sec-Fetch-Site, older ones only in Origin. `strict`: one of them must say it; otherwise it is enough
 * that neither says something else.
 */
export function isOwnPage(headers: Headers, secure: boolean, strict: boolean): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return false
  const origin = headers.get('origin')
  if (origin !== null && origin !== `${secure ? 'https' : 'http'}://${headers.get('host')}`) return false
  return !strict || site !== null || origin !== null
}

/** The value of a cookie. */
export function cookieIn(headers: Headers, name: string): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2)
    if (key === name && value !== undefined && /^[\w-]{1,200}$/.test(value)) return value
  }
  return undefined
}
