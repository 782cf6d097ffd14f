import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { bearsName, certificateOf, judge } from '../../src/ports/node/trust.ts'
import { Authority, type Wanted } from '../peers/authority.ts'
import { missing } from '../peers/process.ts'

/** Who is believed to be the server that was asked for: RFC 7817 section 3, pins, and a check of somebody else. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-trust-`)
after(() => rmSync(dir, { recursive: true, force: true }))
const authority = skip ? undefined : new Authority(dir)
const made = (wanted: Wanted): X509Certificate => {
  assert.ok(authority)
  return new X509Certificate(authority.issue(wanted).cert)
}

const names: [wanted: Wanted, host: string, borne: boolean, why: string][] = [
  [{ names: ['DNS:mail.example.org'] }, 'mail.example.org', true, 'the very name'],
  [{ names: ['DNS:mail.example.org'] }, 'MAIL.Example.ORG', true, 'in other letters'],
  [{ names: ['DNS:mail.example.org'] }, 'mail.example.org.', true, 'with the dot of the root'],
  [{ names: ['DNS:a.example.org', 'DNS:mail.example.org'] }, 'mail.example.org', true, 'the second name'],
  [{ names: ['DNS:mail.example.org'] }, 'example.org', false, 'not the domain above'],
  [{ names: ['DNS:mail.example.org'] }, 'mail.example.org.evil.test', false, 'not a name that begins so'],
  [{ names: ['DNS:*.example.org'] }, 'mail.example.org', true, 'a star for the left-most label'],
  [{ names: ['DNS:*.example.org'] }, 'a.mail.example.org', false, 'a star is one label'],
  [{ names: ['DNS:*.example.org'] }, 'example.org', false, 'a star is a label'],
  [{ names: ['DNS:mail.*.org'] }, 'mail.example.org', false, 'no star further right'],
  [{ names: ['DNS:m*.example.org'] }, 'mail.example.org', false, 'no star as a part of a label'],
  [{ names: ['DNS:*.org'] }, 'example.org', false, 'no star in front of a top-level domain'],
  [{ names: ['DNS:other.example.org'], commonName: 'mail.example.org' }, 'mail.example.org', false, 'no common name beside DNS names'],
  [{ names: ['IP:192.0.2.1'], commonName: 'mail.example.org' }, 'mail.example.org', false, 'no common name beside addresses'],
  [
    { names: ['email:x@example.org'], commonName: 'mail.example.org' },
    'mail.example.org',
    false,
    'no common name beside names of any kind',
  ],
  [{ commonName: 'mail.example.org' }, 'mail.example.org', true, 'the common name of an old certificate without names'],
  [{ names: ['IP:192.0.2.1'] }, '192.0.2.1', true, 'an address as an address'],
  [{ names: ['IP:2001:db8::1'] }, '2001:db8:0:0::1', true, 'an IPv6 address in any spelling'],
  [{ names: ['DNS:192.0.2.1'] }, '192.0.2.1', false, 'no address as a name'],
  [{ commonName: '192.0.2.1' }, '192.0.2.1', false, 'no address as a common name'],
  [{ names: ['DNS:*.0.2.1'] }, '192.0.2.1', false, 'no star in an address'],
]
for (const [wanted, host, borne, why] of names)
  test(`${wanted.names?.join(' ') ?? `CN ${wanted.commonName}`} ${borne ? 'is' : 'is not'} ${host}: ${why}`, { skip }, () =>
    assert.equal(bearsName(made(wanted), host), borne),
  )

const now = Date.now()
const shown = (leaf: X509Certificate, verdict?: string) => ({ peer: 'box:465', chain: [leaf], verdict })

test('a pin is trust in itself: name, dates and issuer do not count', { skip }, () => {
  const leaf = made({ names: ['DNS:other.test'], fromDays: -20, toDays: -10 })
  const flat = leaf.fingerprint256.replaceAll(':', '').toLowerCase()
  for (const pin of [leaf.fingerprint256, flat])
    assert.equal(judge(shown(leaf, 'CERT_HAS_EXPIRED'), { serverName: 'box', pins: ['AB'.repeat(32), pin] }, now), undefined)
})

test('a pin that does not match is a fault that shows what was found and what was expected, also of a certificate that authorities vouch for', {
  skip,
}, () => {
  const leaf = made({ names: ['DNS:box'] })
  const fault = judge(shown(leaf), { serverName: 'box', pins: ['ab'.repeat(32)] }, now)
  assert.equal(fault?.code, 'EPIN')
  assert.ok(fault.message.includes(leaf.fingerprint256))
  assert.ok(fault.message.includes('AB:AB:AB'))
  assert.equal(fault.chain[0]?.fingerprint, leaf.fingerprint256)
})

test('the pin is looked for in the server’s own certificate, not in what it shows beside it', { skip }, () => {
  const [leaf, other] = [made({ names: ['DNS:box'] }), made({ names: ['DNS:box'] })]
  const chain = [leaf, other]
  assert.equal(
    judge({ peer: 'box:465', chain, verdict: undefined }, { serverName: 'box', pins: [other.fingerprint256] }, now)?.code,
    'EPIN',
  )
})

test('a check decides alone: it gets the chain as DER, and its sentence refuses', { skip }, () => {
  const leaf = made({ names: ['DNS:other.test'] })
  const seen: (readonly Uint8Array[])[] = []
  const check = (chain: readonly Uint8Array[]) => void seen.push(chain)
  assert.equal(judge(shown(leaf, 'DEPTH_ZERO_SELF_SIGNED_CERT'), { serverName: 'box', check }, now), undefined)
  assert.deepEqual(seen, [[leaf.raw]])
  const fault = judge(shown(leaf), { serverName: 'other.test', check: () => 'no TLSA record names it' }, now)
  assert.equal(fault?.code, 'ECHECK')
  assert.match(fault.message, /box:465 was not trusted: no TLSA record names it/)
})

test('without a certificate nobody is trusted, whatever else is said', () => {
  for (const options of [
    { serverName: 'box' },
    { serverName: 'box', pins: ['ab'.repeat(32)] },
    { serverName: 'box', check: () => undefined },
  ])
    assert.equal(judge({ peer: 'box:465', chain: [], verdict: undefined }, options, now)?.code, 'ENOCERT')
})

test('a certificate that has expired since its session began is refused', { skip }, () => {
  const leaf = made({ names: ['DNS:box'], toDays: 1 })
  assert.equal(judge(shown(leaf), { serverName: 'box' }, now), undefined)
  assert.equal(judge(shown(leaf), { serverName: 'box' }, now + 2 * 86_400_000)?.code, 'CERT_HAS_EXPIRED')
  assert.equal(judge(shown(leaf), { serverName: 'box' }, now - 2 * 86_400_000)?.code, 'CERT_NOT_YET_VALID')
})

const sentences: [verdict: string | undefined, says: RegExp][] = [
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /self-signed \(SHA-256 fingerprint [0-9A-F:]{95}\)/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /authority that is not trusted here \(Test CA\)/],
  ['CERT_HAS_EXPIRED', /the certificate of leaf expired on 20\d\d-\d\d-\d\d/],
  ['CERT_NOT_YET_VALID', /the certificate of leaf is valid only from 20\d\d-\d\d-\d\d on/],
  ['INVALID_PURPOSE', /INVALID_PURPOSE/],
  [undefined, /not for box, but for a\.example\.org, 192\.0\.2\.7/],
]
for (const [verdict, says] of sentences)
  test(`the sentence for ${verdict ?? 'another name'} says ${says}`, { skip }, () => {
    const leaf = made({ names: ['DNS:a.example.org', 'IP:192.0.2.7'], commonName: 'leaf' })
    const fault = judge(shown(leaf, verdict), { serverName: 'box' }, now)
    assert.equal(fault?.stage, 'tls')
    assert.match(fault.message, says)
  })

test('what a certificate says of itself reaches nobody’s terminal as it is', { skip }, () => {
  const own = certificateOf(made({ commonName: 'evil\u001b[31m', names: ['DNS:a.example.org'] }))
  assert.doesNotMatch(own.subject, /[\u0000-\u001f]/)
  assert.deepEqual(own.names, ['a.example.org'])
})
