import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto'
import { groupsOf, isIP } from '../settings/address.ts'

/**
 * Certificate: one that a box makes for itself, ECDSA with P-256 (RFC 5280, RFC 5480). Nobody vouches for it; whoever sets the box up compares the fingerprint. Its DER is
 * written here, since Node reads certificates and makes none.
 */
const oids = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  basicConstraints: '2.5.29.19',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const

const tags = { integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 24, sequence: 0x30, set: 0x31 } as const

/**
 * A certificate in PEM for a private key (P-256, PKCS #8 in PEM). `names` are host names and addresses; the first is also the common name. `serial`: 16 random octets.
 * Valid from `from` to `to`, in ms; there is no need for the clock to be right.
 */
export function selfSigned(key: string, names: readonly string[], serial: Uint8Array, from: number, to: number): string {
  const algorithm = der(tags.sequence, oid(oids.ecdsaWithSha256))
  const name = der(
    tags.sequence,
    der(tags.set, der(tags.sequence, oid(oids.commonName), der(tags.utf8, Buffer.from((names[0] ?? 'outpost').slice(0, 64))))),
  )
  const body = der(
    tags.sequence,
    der(0xa0, der(tags.integer, Buffer.of(2))),
    // Positive, and not longer than 20 octets (RFC 5280 section 4.1.2.2).
    der(tags.integer, Buffer.concat([Buffer.of(1), serial])),
    algorithm,
    name,
    der(tags.sequence, time(from), time(to)),
    name,
    createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(tags.sequence, ...extensions(names))),
  )
  const signature = sign('sha256', body, key)
  const whole = der(tags.sequence, body, algorithm, der(tags.bits, Buffer.concat([Buffer.of(0), signature])))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

export type CertificateFacts = { fingerprint: string; subject: string; names: string; validTo: number }

/** What there is to say of the first certificate of a PEM; a sentence when key and certificate are no pair, or are none. */
export function certificateFacts(key: string, pem: string): CertificateFacts | string {
  try {
    const certificate = new X509Certificate(pem)
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'This key does not belong to this certificate.'
    return {
      fingerprint: createHash('sha256').update(certificate.raw).digest('hex').toUpperCase().match(/../g)?.join(':') ?? '',
      subject: certificate.subject.replace(/^CN=/, ''),
      names: certificate.subjectAltName ?? '',
      validTo: Date.parse(certificate.validTo),
    }
  } catch {
    return 'This is no certificate and key in PEM form.'
  }
}

function extensions(names: readonly string[]): Buffer[] {
  const alternatives = names.map((name) => (isIP(name) ? der(0x87, addressOctets(name)) : der(0x82, Buffer.from(name))))
  return [
    extension(oids.basicConstraints, true, der(tags.sequence)),
    // digitalSignature
    extension(oids.keyUsage, true, der(tags.bits, Buffer.of(7, 0x80))),
    extension(oids.extendedKeyUsage, false, der(tags.sequence, oid(oids.serverAuth))),
    extension(oids.subjectAltName, false, der(tags.sequence, ...alternatives)),
  ]
}

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  der(tags.sequence, oid(id), ...(critical ? [der(1, Buffer.of(0xff))] : []), der(tags.octets, value))

/** Tag, length, content (X.690 section 8.1). */
function der(tag: number, ...pieces: Uint8Array[]): Buffer {
  const content = Buffer.concat(pieces)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const octets = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    octets.push(...groups)
  }
  return der(tags.oid, Buffer.from(octets))
}

/** GeneralizedTime, which years after 2049 need (RFC 5280 section 4.1.2.5); before that UTCTime is required. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return Number(text.slice(0, 4)) < 2050 ? der(23, Buffer.from(text.slice(2))) : der(tags.time, Buffer.from(text))
}

const addressOctets = (address: string): Buffer =>
  address.includes(':') ? Buffer.from(groupsOf(address).join(''), 'hex') : Buffer.from(address.split('.').map(Number))
