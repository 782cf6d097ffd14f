import { hash } from 'node:crypto'
import { instant } from '../../../src/ports/clock.ts'
import { NetError, type TlsFacts, type TlsOptions, type Wire } from '../../../src/ports/net.ts'
import type { Timeline } from './timeline.ts'

/** Of a certificate only what decides whether it is trusted. An authority is its name. */
export type SimCertificate = { subject: string; issuer: string; names: string[]; from: number; to: number }

/** The other end of a wire, for who plays the server. */
export type ServerEnd = {
  onData: (bytes: Uint8Array) => void
  onEnd: () => void
  send(octets: string | Uint8Array): void
  hangUp(): void
  /** The connection breaks. */
  reset(): void
  /** From now on a TLS handshake is answered with this certificate. */
  secure(certificate: SimCertificate): void
}

/** What judges a certificate: who is trusted, and what time it is believed to be. */
export type Trust = { readonly trusted: ReadonlySet<string>; wall(): number }

type WireOptions = { peer: string; latencyMs: number; net: Trust; onClose(): void }

/** One byte stream on the timeline. Nothing slows down who sends, and no TLS session is resumed: no peer here sends much or often enough. */
export class SimWire implements Wire {
  readonly peer: string
  tls: TlsFacts | undefined
  readonly far: ServerEnd
  readonly #timeline: Timeline
  readonly #options: WireOptions
  #chunks: Uint8Array[] = []
  #ended = false
  #broken = false
  #stalled = false
  #closed = false
  #certificate: SimCertificate | undefined
  #wake: (() => void) | undefined

  constructor(timeline: Timeline, options: WireOptions) {
    this.peer = options.peer
    this.#timeline = timeline
    this.#options = options
    const later = (call: () => void) => void timeline.at(options.latencyMs, () => !this.#broken && !this.#stalled && this.#news(call))
    this.far = {
      onData: () => {},
      onEnd: () => {},
      send: (octets) => later(() => this.#chunks.push(typeof octets === 'string' ? Buffer.from(octets) : octets.slice())),
      hangUp: () =>
        later(() => {
          this.#ended = true
        }),
      reset: () => later(() => this.break()),
      secure: (certificate) => {
        this.#certificate = certificate
      },
    }
  }

  /** Two wires as the two ends of one stream. */
  join(other: SimWire): void {
    for (const [one, another] of [
      [this, other],
      [other, this],
    ] as const) {
      one.far.onData = (bytes) => another.far.send(bytes)
      one.far.onEnd = () => another.far.hangUp()
    }
  }

  /** Nothing comes through any more, and nobody is told. */
  stall(): void {
    this.#stalled = true
  }

  break(): void {
    this.#news(() => {
      this.#broken = true
    })
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#wake) throw new Error(`two readers of one wire, ${this.peer}`)
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) return chunk
      if (this.#closed || this.#ended) return undefined
      if (this.#broken) throw new NetError('stream', 'ECONNRESET', `the connection to ${this.peer} broke`)
      await this.#waitForNews()
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new NetError('stream', 'ECLOSED', `the connection to ${this.peer} is closed`)
    if (this.#broken) throw new NetError('stream', 'ECONNRESET', `the connection to ${this.peer} broke`)
    const copy = bytes.slice()
    this.#timeline.at(this.#options.latencyMs, () => !this.#broken && !this.#stalled && this.far.onData(copy))
  }

  async startTls(options: TlsOptions, timeoutMs: number): Promise<void> {
    if (this.#chunks.length > 0) throw new NetError('tls', 'EPLAINTEXT', `octets came before the TLS handshake of ${this.peer}`)
    try {
      this.tls = factsOf(await this.#shake(options, timeoutMs))
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    if (this.#closed) return
    this.#news(() => {
      this.#closed = true
    })
    this.#options.onClose()
    this.#timeline.at(this.#options.latencyMs, () => !this.#broken && !this.#stalled && this.far.onEnd())
  }

  async #shake(options: TlsOptions, timeoutMs: number): Promise<SimCertificate> {
    let late = false
    let answered = false
    const soon = (ms: number, what: () => void) => void this.#timeline.at(ms, () => this.#news(what))
    soon(this.#options.latencyMs * 2, () => {
      answered = true
    })
    soon(timeoutMs, () => {
      late = true
    })
    const fault = (code: string) => new NetError('tls', code, `the TLS handshake with ${this.peer} failed: ${code}`)
    for (;;) {
      if (this.#broken || this.#ended || this.#closed) throw fault('ECONNRESET')
      if (this.#chunks.length > 0) throw fault('ERR_SSL_WRONG_VERSION_NUMBER')
      if (answered && this.#certificate) break
      if (late) throw fault('ETIMEDOUT')
      await this.#waitForNews()
    }
    const doubt = doubtOf(this.#certificate, options, this.#options.net)
    if (doubt) throw fault(doubt)
    return this.#certificate
  }

  #news(what: () => void): void {
    what()
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #waitForNews(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function factsOf({ subject, issuer, names, from, to }: SimCertificate): TlsFacts {
  const fingerprint = hash('sha256', `${subject} ${issuer} ${from} ${to}`)
  const own = { subject, issuer, names, validFrom: instant(from), validTo: instant(to), fingerprint, selfSigned: subject === issuer }
  return { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', resumed: false, chain: [own] }
}

/** OpenSSL's name for what is wrong with a certificate; undefined when nothing is. */
function doubtOf(certificate: SimCertificate, { serverName, ca }: TlsOptions, { trusted, wall }: Trust): string | undefined {
  const { subject, issuer, names, from, to } = certificate
  if (!trusted.has(issuer) && issuer !== ca) return issuer === subject ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  if (wall() < from) return 'CERT_NOT_YET_VALID'
  if (wall() > to) return 'CERT_HAS_EXPIRED'
  return names.includes(serverName) ? undefined : 'ERR_TLS_CERT_ALTNAME_INVALID'
}
