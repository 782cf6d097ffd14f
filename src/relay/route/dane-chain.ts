import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto'
import type { Instant } from '../../ports/clock.ts'
import type { Tlsa } from '../../ports/names.ts'
import type { Dane } from './dane.ts'

/**
 * A chain of certificates, held against what the DNS says of it (RFC 7671, RFC 7672 section 3). Pure: octets and the time go in, a sentence comes out when
 * the host is not who it should be. For whoever does the TLS handshake this is the whole verification.
 */
/** DER, the host's own certificate first, as the host sent them. */
export type ChainCheck = (chain: readonly Uint8Array[]) => string | undefined

/** Longer chains are no chains. */
const chainLimit = 10

export const chainCheck =
  (dane: Dane, now: Instant): ChainCheck =>
  (chain) => {
    if (dane.records.length === 0) return undefined
    const certificates = chain.slice(0, chainLimit).map(certificateOf)
    const own = certificates[0]
    if (!own) return `${dane.serverName} showed no certificate that can be read.`
    const endEntity = dane.records.filter((record) => record.usage === 3)
    // DANE-EE: the DNS names this very certificate or key; what it says of itself does not count, not even its dates (RFC 7671 section 5.1).
    if (endEntity.some((record) => matches(own, record))) return undefined
    const anchors = dane.records.filter((record) => record.usage === 2)
    if (anchors.length === 0) return `The certificate of ${dane.serverName} is not the one that the DNS names (DANE).`
    return anchored(
      certificates.filter((one) => one !== undefined),
      anchors,
      dane,
      now,
    )
  }

/** DANE-TA: a way from the host's certificate to one that the DNS names, every step signed and in its time, and the host's name at its beginning. */
function anchored(chain: readonly X509Certificate[], anchors: readonly Tlsa[], dane: Dane, now: Instant): string | undefined {
  const [own, ...others] = chain
  if (!own) return undefined
  const pool = [...others, ...anchors.flatMap(certificateInside)]
  const keys = anchors.flatMap(keyInside)
  let at = own
  for (let steps = 0; steps <= chainLimit; steps++) {
    if (now < at.validFromDate.getTime() || now > at.validToDate.getTime())
      return `The certificate of ${dane.serverName} is not valid at this time (${at.validFrom} to ${at.validTo}).`
    if ((at !== own && anchors.some((anchor) => matches(at, anchor))) || keys.some((key) => at.verify(key))) return nameFault(own, dane)
    const issuer = pool.find((one) => one !== at && one.ca && at.checkIssued(one) && at.verify(one.publicKey))
    if (!issuer) break
    at = issuer
  }
  return `The certificate of ${dane.serverName} was not issued by the authority that the DNS names (DANE).`
}

const nameFault = (own: X509Certificate, dane: Dane): string | undefined =>
  dane.names.some((name) => own.checkHost(name, { partialWildcards: false }) !== undefined)
    ? undefined
    : `The certificate of ${dane.serverName} bears none of the names ${dane.names.join(', ')}.`

/** RFC 6698 section 2.1: the whole certificate or its key; as it is, or its digest. */
function matches(certificate: X509Certificate, { selector, matching, data }: Tlsa): boolean {
  const thing = selector === 0 ? certificate.raw : spkiOf(certificate)
  if (!thing) return false
  const shown = matching === 0 ? thing : hash(matching === 1 ? 'sha256' : 'sha512', thing, 'buffer')
  return Buffer.from(data).equals(shown)
}

function spkiOf(certificate: X509Certificate): Buffer | undefined {
  try {
    return certificate.publicKey.export({ type: 'spki', format: 'der' })
  } catch {
    // A key of a kind that is not known here.
    return undefined
  }
}

function certificateOf(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** The DNS may hold the authority itself, which the host then need not send (RFC 7671 section 5.2.3). */
const certificateInside = ({ selector, matching, data }: Tlsa): X509Certificate[] => {
  const certificate = selector === 0 && matching === 0 ? certificateOf(data) : undefined
  return certificate ? [certificate] : []
}

function keyInside({ selector, matching, data }: Tlsa): KeyObject[] {
  if (selector !== 1 || matching !== 0) return []
  try {
    return [createPublicKey({ key: Buffer.from(data), format: 'der', type: 'spki' })]
  } catch {
    return []
  }
}
