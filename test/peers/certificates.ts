import { writeFileSync } from 'node:fs'
import { run } from './process.ts'

/** A certificate authority and a server certificate for localhost, 127.0.0.1 and further addresses, or for other names, as PEM files in `dir`. */
export function makeCertificates(
  dir: string,
  addresses: readonly string[] = [],
  names = ['DNS:localhost', 'IP:127.0.0.1'],
): { ca: string; cert: string; key: string } {
  const at = (name: string) => `${dir}/${name}`
  writeFileSync(at('san'), `subjectAltName=${[...names, ...addresses.map((address) => `IP:${address}`)].join(',')}\n`)
  run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=Test CA',
    '-days',
    '30',
  ])
  run('openssl', [
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
    '-subj',
    '/CN=localhost',
  ])
  run('openssl', [
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-out',
    at('server.pem'),
    '-days',
    '30',
    '-extfile',
    at('san'),
  ])
  return { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') }
}
