import { writeFileSync } from 'node:fs'
import { Authority } from './authority.ts'

/** An authority and a server certificate for localhost, 127.0.0.1 and further addresses, or for other names, as PEM files in `dir`. */
export function makeCertificates(
  dir: string,
  addresses: readonly string[] = [],
  names: readonly string[] = ['DNS:localhost', 'IP:127.0.0.1'],
): { ca: string; cert: string; key: string } {
  const authority = new Authority(dir)
  const { cert, key } = authority.issue({ names: [...names, ...addresses.map((address) => `IP:${address}`)], commonName: 'localhost' })
  const file = (name: string, pem: string) => {
    writeFileSync(`${dir}/${name}`, pem, { mode: 0o600 })
    return `${dir}/${name}`
  }
  return { ca: file('ca.pem', authority.pem), cert: file('server.pem', cert), key: file('server.key', key) }
}
