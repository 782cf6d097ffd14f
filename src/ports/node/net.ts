import { promises as dns } from 'node:dns'
import { chmod, type FileHandle, open, rm } from 'node:fs/promises'
import { connect as connectSocket, createServer, isIP, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import {
  checkServerIdentity,
  connect as connectTls,
  getCACertificates,
  type PeerCertificate,
  rootCertificates,
  type TLSSocket,
} from 'node:tls'
import { type Listener, type Net, NetError, type Target, type TlsFacts, type TlsOptions, type Wire } from '../net.ts'

/** The Net port over Node's sockets. */
const bufferLimit = 256 * 1024
const sessionsLimit = 32
/** A Unix socket's name may have 107 octets; a longer one is reached by way of its open directory. */
const pathLimit = 100

export class NodeNet implements Net {
  /** TLS sessions by host and port, so that the next connection saves a round trip and 3 kB. */
  readonly #sessions = new Map<string, Buffer>()

  async connect(target: Target): Promise<Wire> {
    const deadline = performance.now() + target.timeoutMs
    const addresses = await this.resolve(target.host, target.timeoutMs)
    let last: unknown
    for (const [index, address] of addresses.entries()) {
      const left = deadline - performance.now()
      if (left <= 0) break
      try {
        const socket = await opened(address, target.port, left / Math.min(2, addresses.length - index))
        const wire = new NodeWire(socket, `${target.host}:${target.port}`, this.#sessions)
        if (target.tls) await wire.startTls(target.tls, Math.max(1000, deadline - performance.now()))
        return wire
      } catch (error) {
        last = error
        if (error instanceof NetError && error.stage === 'tls') break
      }
    }
    throw last instanceof NetError ? last : new NetError('connect', 'ETIMEDOUT', `no answer from ${target.host}:${target.port} in time`)
  }

  async resolve(host: string, timeoutMs: number): Promise<string[]> {
    if (isIP(host)) return [host]
    try {
      const found = await limited(
        dns.lookup(host, { all: true, verbatim: true }),
        timeoutMs,
        () => new NetError('dns', 'ETIMEOUT', `no name server answered for ${host}`),
      )
      return found.map((one) => one.address)
    } catch (error) {
      throw error instanceof NetError
        ? error
        : new NetError('dns', codeOf(error), `the name ${host} could not be looked up: ${codeOf(error)}`, { cause: error })
    }
  }

  async connectPath(path: string): Promise<Wire> {
    const near = await reachable(path)
    try {
      return await new Promise((resolve, reject) => {
        const socket = connectSocket(near.path)
        socket.once('error', (error) =>
          reject(new NetError('connect', codeOf(error), `cannot reach ${path}: ${codeOf(error)}`, { cause: error })),
        )
        socket.once('connect', () => resolve(new NodeWire(socket, path, this.#sessions)))
      })
    } finally {
      await near.done()
    }
  }

  async listenPath(path: string, onWire: (wire: Wire) => void): Promise<Listener> {
    const near = await reachable(path)
    await rm(near.path, { force: true })
    const server = createServer((socket) => onWire(new NodeWire(socket, path, this.#sessions)))
    server.maxConnections = 32
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) =>
          reject(new NetError('connect', codeOf(error), `cannot listen on ${path}: ${codeOf(error)}`, { cause: error })),
        )
        server.listen(near.path, resolve)
      })
      await chmod(near.path, 0o600)
    } finally {
      await near.done()
    }
    return {
      address: path,
      close: () =>
        new Promise((resolve) => {
          server.close(() => void rm(path, { force: true }).then(() => resolve()))
        }),
    }
  }
}

class NodeWire implements Wire {
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
    // A session is only as good as what vouched for it.
    const sessionKey = `${this.peer} ${options.serverName} ${options.ca ?? ''}`
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
    this.#wake?.()
  }

  #listen(socket: Socket): void {
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      if (this.#bytes >= bufferLimit) socket.pause()
      this.#wake?.()
    })
    socket.on('end', () => {
      this.#ended = true
      this.#wake?.()
    })
    socket.on('error', (error) => {
      this.#error ??= new NetError('stream', codeOf(error), `the connection to ${this.peer} broke: ${codeOf(error)}`, { cause: error })
      this.#wake?.()
    })
    socket.on('close', () => {
      if (!this.#ended) this.#error ??= new NetError('stream', 'ECONNRESET', `the connection to ${this.peer} broke`)
      this.#wake?.()
    })
  }
}

function opened(address: string, port: number, timeoutMs: number): Promise<Socket> {
  const socket = connectSocket({ host: address, port })
  const done = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error) =>
      reject(new NetError('connect', codeOf(error), `${address} port ${port} cannot be reached: ${codeOf(error)}`, { cause: error })),
    )
  })
  return limited(done, timeoutMs, () => {
    socket.on('error', () => {})
    socket.destroy()
    return new NetError('connect', 'ETIMEDOUT', `${address} port ${port} did not answer in ${Math.round(timeoutMs)} ms`)
  })
}

let trust: string[] | undefined
/** What Node and the system trust. */
export function trusted(): string[] {
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

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code ?? 'EUNKNOWN')

function limited<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

async function reachable(path: string): Promise<{ path: string; done(): Promise<void> }> {
  if (Buffer.byteLength(path) <= pathLimit) return { path, done: async () => {} }
  const dir: FileHandle = await open(dirname(path), 'r')
  return { path: `/proc/self/fd/${dir.fd}/${basename(path)}`, done: () => dir.close() }
}
