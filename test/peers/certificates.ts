import { writeFileSync } from 'node:fs'
import { run } from './process.ts'

/** Certificates by openssl, as PEM files in a directory. */
export type Pair = { cert: string; key: string }

const dayMs = 86_400_000
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate that signs itself: an authority. */
export function makeAuthority(dir: string, name: string, subject: string): Pair {
  const pair = { cert: `${dir}/${name}.pem`, key: `${dir}/${name}.key` }
  run('openssl', ['req', '-x509', ...newKey, '-keyout', pair.key, '-out', pair.cert, '-subj', `/CN=${subject}`, '-days', '30'])
  return pair
}

export type Wanted = { name: string; subject: string; altNames: string; from?: Date; to?: Date }

/** A certificate by an authority; `openssl x509` of this age cannot choose when it begins, `openssl ca` can. */
export function makeCertificate(dir: string, by: Pair, wanted: Wanted): Pair {
  const { name, subject, altNames, from = new Date(Date.now() - dayMs), to = new Date(Date.now() + 30 * dayMs) } = wanted
  const pair = { cert: `${dir}/${name}.pem`, key: `${dir}/${name}.key` }
  const request = `${dir}/${name}.csr`
  const settings = `${dir}/${name}.cnf`
  writeFileSync(`${dir}/${name}.index`, '')
  writeFileSync(
    settings,
    `[ca]\ndefault_ca=one\n[one]\ndatabase=${dir}/${name}.index\nnew_certs_dir=${dir}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\n` +
      `x509_extensions=more\n[any]\ncommonName=supplied\n[more]\nsubjectAltName=${altNames}\n`,
  )
  run('openssl', ['req', ...newKey, '-keyout', pair.key, '-out', request, '-subj', `/CN=${subject}`])
  const dates = ['-startdate', asn1(from), '-enddate', asn1(to)]
  const signer = ['-cert', by.cert, '-keyfile', by.key]
  run('openssl', ['ca', '-batch', '-notext', '-config', settings, ...signer, ...dates, '-in', request, '-out', pair.cert])
  return pair
}

/** YYYYMMDDHHMMSSZ */
const asn1 = (date: Date): string => date.toISOString().replace(/[-:T]|\.\d+/g, '')

/** A certificate authority and a server certificate for localhost, 127.0.0.1 and further addresses, or for other names. */
export function makeCertificates(
  dir: string,
  addresses: readonly string[] = [],
  names = ['DNS:localhost', 'IP:127.0.0.1'],
): { ca: string } & Pair {
  const authority = makeAuthority(dir, 'ca', 'Test CA')
  const altNames = [...names, ...addresses.map((address) => `IP:${address}`)].join(',')
  const server = makeCertificate(dir, authority, { name: 'server', subject: 'localhost', altNames })
  return { ca: authority.cert, ...server }
}
