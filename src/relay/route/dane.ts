import type { Looked, Names, Tlsa } from '../../ports/names.ts'

/**
 * DANE (RFC 7672): what the signed DNS says of a host's certificate. Only asked where every answer up to here was authenticated; then the absence of
 * TLSA records is as good as their presence, and only a missing answer is a fault.
 */
export type Dane = {
  /** Those that can be used. Empty: there are records, but none that can be; TLS is then a must, and any certificate will do (section 2.2). */
  records: readonly Tlsa[]
  /** The name under which the records stand: it is asked for in the TLS handshake (section 8.1). */
  serverName: string
  /** Names of which a certificate must bear one, where it is not described itself (section 3.2.2). */
  names: readonly string[]
}

export type DaneFound = { kind: 'none' } | { kind: 'dane'; dane: Dane } | { kind: 'fault'; why: string }

type About = {
  host: string
  addresses: Extract<Looked<string>, { kind: 'found' }>
  port: number
  /** The recipient's domain, and what it is an alias of. */
  references: readonly string[]
}

/** The TLSA records for a host, from the end of its aliases or, failing that, from its own name (section 2.1.3). Never rejects. */
export async function daneOf(names: Names, { host, addresses, port, references }: About): Promise<DaneFound> {
  const bases = await basesOf(names, host, addresses)
  if (typeof bases === 'string') return { kind: 'fault', why: bases }
  for (const base of bases) {
    const looked = await names.tlsa(`_${port}._tcp.${base}`)
    if (looked.kind === 'fault') return looked
    if (looked.kind === 'found' && looked.authenticated)
      return { kind: 'dane', dane: { records: usable(looked.records), serverName: base, names: [...new Set([base, ...references])] } }
  }
  return { kind: 'none' }
}

async function basesOf(names: Names, host: string, addresses: About['addresses']): Promise<string[] | string> {
  const isAlias = addresses.name !== host
  if (addresses.authenticated) return isAlias ? [addresses.name, host] : [host]
  if (!isAlias) return []
  // The host's own zone may be signed, though that of its alias is not.
  const alias = await names.alias(host)
  if (alias.kind === 'fault') return alias.why
  return alias.kind === 'found' && alias.authenticated ? [host] : []
}

const usageTrustAnchor = 2
const usageEndEntity = 3
const digestOctets: Readonly<Record<number, number>> = { 1: 32, 2: 64 }

/**
 * DANE-TA and DANE-EE with a selector and a matching type that are known, and a digest of the right length (section 3.1: the usages 0 and 1 say nothing to a
 * mail server). Of two digests of one thing the stronger counts (RFC 7671 section 9).
 */
export function usable(records: readonly Tlsa[]): Tlsa[] {
  const fit = records.filter(
    ({ usage, selector, matching, data }) =>
      (usage === usageTrustAnchor || usage === usageEndEntity) &&
      (selector === 0 || selector === 1) &&
      (matching === 0 ? data.length > 0 : digestOctets[matching] === data.length),
  )
  const stronger = (one: Tlsa) => fit.some((other) => other.usage === one.usage && other.selector === one.selector && other.matching === 2)
  return fit.filter((one) => one.matching !== 1 || !stronger(one))
}
