import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { run } from './process.ts'

/** A certificate authority by openssl that makes what a test asks for: any names, any dates, an intermediate, self-signed. */
export type Wanted = {
  /** Such as DNS:mail.example.org or IP:127.0.0.1; none: a certificate without the extension. */
  names?: readonly string[]
  commonName?: string
  /** Days from now. */
  fromDays?: number
  toDays?: number
  /** An authority of its own right. */
  authority?: boolean
}

/** PEM texts; `cert` has the intermediates behind it, as a server shows them. */
export type Identity = { cert: string; key: string; fingerprint: string }

export class Authority {
  readonly #dir: string
  readonly #own: { cert: string; key: string }
  readonly #behind: string
  static #made = 0

  /** The root, or what `above` vouches for. */
  constructor(dir: string, name = 'Test CA', above?: Authority) {
    this.#dir = `${dir}/ca-${++Authority.#made}`
    mkdirSync(`${this.#dir}/made`, { recursive: true })
    writeFileSync(`${this.#dir}/index.txt`, '')
    writeFileSync(
      `${this.#dir}/ca.conf`,
      `[ca]\ndefault_ca = own\n[own]\ndatabase = ${this.#dir}/index.txt\nnew_certs_dir = ${this.#dir}/made\nrand_serial = yes\nunique_subject = no\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n`,
    )
    const made = above ? above.issue({ commonName: name, authority: true }) : this.selfSigned({ commonName: name, authority: true })
    this.#own = { cert: this.#file('own.pem', made.cert), key: this.#file('own.key', made.key) }
    this.#behind = above ? made.cert : ''
  }

  /** PEM of the authority itself. */
  get pem(): string {
    return readFileSync(this.#own.cert, 'utf8')
  }

  issue(wanted: Wanted): Identity {
    return this.#make(wanted, ['-cert', this.#own.cert, '-keyfile', this.#own.key], this.#behind)
  }

  /** Vouched for by nobody but itself. */
  selfSigned(wanted: Wanted): Identity {
    return this.#make(wanted, ['-selfsign', '-keyfile', `${this.#dir}/key.pem`], '')
  }

  #make({ names, commonName = 'test', fromDays = -1, toDays = 30, authority = false }: Wanted, by: string[], behind: string): Identity {
    const at = (name: string) => `${this.#dir}/${name}`
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    run('openssl', ['req', ...curve, '-keyout', at('key.pem'), '-out', at('csr.pem'), '-subj', `/CN=${commonName}`])
    this.#file(
      'ext',
      `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}\n${names?.length ? `subjectAltName=${names.join(',')}\n` : ''}`,
    )
    const dates = ['-startdate', day(fromDays), '-enddate', day(toDays)]
    run('openssl', [
      ...['ca', '-batch', '-notext', '-config', at('ca.conf'), '-in', at('csr.pem'), '-out', at('cert.pem'), '-extfile', at('ext')],
      ...dates,
      ...by,
    ])
    const cert = readFileSync(at('cert.pem'), 'utf8')
    return { cert: cert + behind, key: readFileSync(at('key.pem'), 'utf8'), fingerprint: new X509Certificate(cert).fingerprint256 }
  }

  #file(name: string, text: string): string {
    writeFileSync(`${this.#dir}/${name}`, text)
    return `${this.#dir}/${name}`
  }
}

/** As ASN.1 GeneralizedTime. */
const day = (days: number): string =>
  new Date(Date.now() + days * 86_400_000)
    .toISOString()
    .replace(/[-:T]/g, '')
    .replace(/\.\d+Z$/, 'Z')
