import { isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  getCACertificates,
  type PeerCertificate,
  rootCertificates,
  type TLSSocket,
} from 'node:tls'
import { NetError, type TlsFacts, type TlsOptions, type Wire } from '../net.ts'

/** One byte stream over a socket of Node, in clear or in TLS. */
const bufferLimit = 256 * 1024
const sessionsLimit = 32

export class NodeWire implements Wire {
  readonly peer: string
  tls: TlsFacts | undefined
  readonly #sessions: Map<string, Buffer>
  #socket: Socket
  #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: NetError | undefined
  #closed = false
  #wake: (() => void) | undefined

  constructor(socket: Socket, peer: string, sessions: Map<string, Buffer>) {
    this.peer = peer
    this.#socket = socket
    this.#sessions = sessions
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    this.#listen(socket)
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#wake) throw new Error(`two readers of one wire, ${this.peer}`)
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk) {
        this.#bytes -= chunk.length
        if (this.#bytes < bufferLimit) this.#socket.resume()
        return chunk
      }
      if (this.#closed || this.#ended) return undefined
      if (this.#error) throw this.#error
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#error)
        return reject(this.#error ?? new NetError('stream', 'ECLOSED', `the connection to ${this.peer} is closed`))
      this.#socket.write(bytes, (error) =>
        error
          ? reject(new NetError('stream', codeOf(error), `the connection to ${this.peer} broke: ${codeOf(error)}`, { cause: error }))
          : resolve(),
      )
    })
  }

  async startTls(options: TlsOptions, timeoutMs: number): Promise<void> {
    if (this.#bytes > 0)
      throw new NetError('tls', 'EPLAINTEXT', `octets came before the TLS handshake of ${this.peer}; somebody may have put them there`)
    const plain = this.#socket
    plain.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').removeAllListeners('error')
    const byName = isIP(options.serverName) === 0
    const sessionKey = `${this.peer} ${options.serverName}`
    const session = this.#sessions.get(sessionKey)
    const secure = connectTls({
      socket: plain,
      minVersion: 'TLSv1.2',
      ca: options.ca === undefined ? trusted() : [...trusted(), options.ca],
      checkServerIdentity: (_, certificate) => checkServerIdentity(options.serverName, certificate),
      ...(byName ? { servername: options.serverName } : {}),
      ...(session ? { session } : {}),
    })
    secure.on('session', (ticket: Buffer) => {
      this.#sessions.set(sessionKey, ticket)
      if (this.#sessions.size > sessionsLimit) this.#sessions.delete(this.#sessions.keys().next().value ?? '')
    })
    const shaken = new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve)
      secure.once('error', (error) => reject(new NetError('tls', codeOf(error), tlsSentence(this.peer, error), { cause: error })))
      secure.once('close', () => reject(new NetError('tls', 'ECONNRESET', `${this.peer} hung up during the TLS handshake`)))
    })
    try {
      await limited(
        shaken,
        timeoutMs,
        () => new NetError('tls', 'ETIMEDOUT', `the TLS handshake with ${this.peer} took longer than ${timeoutMs} ms`),
      )
    } catch (error) {
      this.#sessions.delete(sessionKey)
      secure.on('error', () => {})
      secure.destroy()
      plain.destroy()
      this.#closed = true
      throw error
    }
    secure.removeAllListeners('error').removeAllListeners('close')
    this.#socket = secure
    this.tls = factsOf(secure)
    this.#listen(secure)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.end()
    // A peer that never answers the FIN must not keep the descriptor.
    setTimeout(() => this.#socket.destroy(), 2000).unref()
    this.#news()
  }

  #news(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      if (this.#bytes >= bufferLimit) socket.pause()
      this.#news()
    })
    socket.on('end', () => {
      this.#ended = true
      this.#news()
    })
    socket.on('error', (error) => {
      this.#error ??= new NetError('stream', codeOf(error), `the connection to ${this.peer} broke: ${codeOf(error)}`, { cause: error })
      this.#news()
    })
    socket.on('close', () => {
      if (!this.#ended) this.#error ??= new NetError('stream', 'ECONNRESET', `the connection to ${this.peer} broke`)
      this.#news()
    })
  }
}

let trust: string[] | undefined
function trusted(): string[] {
  trust ??= [...new Set([...rootCertificates, ...systemCertificates()])]
  return trust
}

function systemCertificates(): string[] {
  try {
    return getCACertificates('system')
  } catch {
    return []
  }
}

function factsOf(socket: TLSSocket): TlsFacts {
  const peer: PeerCertificate | undefined = socket.getPeerCertificate()
  const facts = { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name, resumed: socket.isSessionReused() }
  if (!peer?.subject) return facts
  const { subject, issuer, valid_from: validFrom, valid_to: validTo, fingerprint256: fingerprint } = peer
  return {
    ...facts,
    certificate: { subject: String(subject.CN ?? ''), issuer: String(issuer.CN ?? issuer.O ?? ''), validFrom, validTo, fingerprint },
  }
}

const tlsSentences: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name it under `ca` if it is yours',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate comes from an authority that is not trusted here; name that authority under `ca` if it is yours',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate comes from an authority that is not trusted here; name that authority under `ca` if it is yours',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate comes from an authority that is not trusted here; name that authority under `ca` if it is yours',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

const tlsSentence = (peer: string, error: Error): string => {
  const code = codeOf(error)
  return `${peer} was not trusted: ${tlsSentences[code] ?? error.message}${code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? ` (${error.message})` : ''}`
}

export const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code ?? 'EUNKNOWN')

export function limited<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
