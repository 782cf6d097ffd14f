import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { instant } from '../clock.ts'
import { type Certificate, NetError, type TlsOptions } from '../net.ts'

/**
 * Trust: whether what a server showed is who we wanted. Pure: the chain and the verdict of OpenSSL about its authorities go in.
 *
 * Pins are fingerprints of the whole certificate, not of its key: that is what a browser, the page of a box on the LAN and `openssl x509
 * -fingerprint` show, so a person can compare it. Whoever renews certificates should be trusted by name and `ca` instead.
 */
export type Shown = {
  peer: string
  chain: readonly X509Certificate[]
  /** OpenSSL's name for what is wrong with the chain; undefined when authorities of ours vouch for it. */
  verdict: string | undefined
}

const namesLimit = 20
const textChars = 200

/** What is wrong, or nothing. */
export function judge(shown: Shown, options: TlsOptions, now: number): NetError | undefined {
  if (options.unverified) return undefined
  const [leaf] = shown.chain
  const chain = shown.chain.map(certificateOf)
  const refused = (code: string, why: string) => new NetError('tls', code, `${shown.peer} was not trusted: ${why}`, { chain })
  if (!leaf) return refused('ENOCERT', 'it showed no certificate')
  if (options.check) {
    const why = options.check(shown.chain.map((one) => one.raw))
    return why === undefined ? undefined : refused('ECHECK', why)
  }
  if (options.pins) {
    const found = flat(leaf.fingerprint256)
    if (options.pins.some((pin) => flat(pin) === found)) return undefined
    const expected = options.pins.map(pairs).join(' or ')
    return refused('EPIN', `its certificate has the SHA-256 fingerprint ${leaf.fingerprint256}, but the pin is ${expected}`)
  }
  if (shown.verdict !== undefined) return refused(shown.verdict, sentenceOf(shown.verdict, chain, now))
  // A resumed session was verified when it began: since then the certificate may have expired.
  for (const [code, bad] of [
    ['CERT_HAS_EXPIRED', leaf.validToDate.getTime() < now],
    ['CERT_NOT_YET_VALID', leaf.validFromDate.getTime() > now],
  ] as const)
    if (bad) return refused(code, sentenceOf(code, chain, now))
  if (!bearsName(leaf, options.serverName))
    return refused(
      'ERR_TLS_CERT_ALTNAME_INVALID',
      `its certificate is not for ${options.serverName}, but for ${chain[0]?.names.join(', ') || chain[0]?.subject || 'nobody'}`,
    )
  return undefined
}

/**
 * RFC 7817 section 3 by way of RFC 6125: a DNS name of the certificate, with "*" for the whole left-most label only; an address only where it is
 * an address there; the common name only where a certificate bears no names of the newer kind at all.
 */
export function bearsName(certificate: X509Certificate, serverName: string): boolean {
  if (isIP(serverName)) return certificate.checkIP(serverName) !== undefined
  return (
    certificate.checkHost(serverName.replace(/\.$/, ''), {
      subject: certificate.subjectAltName === undefined ? 'always' : 'never',
      partialWildcards: false,
      multiLabelWildcards: false,
    }) !== undefined
  )
}

export function certificateOf(one: X509Certificate): Certificate {
  return {
    subject: commonName(one.subject),
    issuer: commonName(one.issuer),
    names: (one.subjectAltName ?? '')
      .split(', ')
      .flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? [])
      .slice(0, namesLimit)
      .map(clean),
    validFrom: instant(one.validFromDate.getTime()),
    validTo: instant(one.validToDate.getTime()),
    fingerprint: one.fingerprint256,
    selfSigned: one.checkIssued(one),
  }
}

/** `CN=…` of a name as Node writes it, or its last line. */
const commonName = (name: string | undefined): string =>
  clean(/^CN=(.*)$/m.exec(name ?? '')?.[1] ?? (name ?? '').split('\n').at(-1)?.replace(/^\w+=/, '') ?? '')

/** Whoever made the certificate chose these characters. */
const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, textChars)

const flat = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase()
const pairs = (fingerprint: string): string => flat(fingerprint).toUpperCase().match(/../g)?.join(':') ?? fingerprint

const unknownAuthority = 'its certificate comes from an authority that is not trusted here'

function sentenceOf(verdict: string, chain: readonly Certificate[], now: number): string {
  const day = (at: number | undefined) => (at === undefined ? 'a day that is not known' : new Date(at).toISOString().slice(0, 10))
  const old = chain.find((one) => one.validTo < now) ?? chain[0]
  const young = chain.find((one) => one.validFrom > now) ?? chain[0]
  switch (verdict) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `its certificate is self-signed (SHA-256 fingerprint ${chain[0]?.fingerprint})`
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `${unknownAuthority} (${chain.at(-1)?.subject})`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return `${unknownAuthority} (${chain.at(-1)?.issuer})`
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${old?.subject} expired on ${day(old?.validTo)}`
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${young?.subject} is valid only from ${day(young?.validFrom)} on`
    default:
      return `OpenSSL says ${verdict} of its certificate`
  }
}
