import type { Socket } from 'node:net'
import { NetError, type TlsFacts, type TlsOptions } from '../net.ts'
import type { ServedWire, ServerKey } from '../serve.ts'
import { codeOf } from './limited.ts'
import { encrypted, type Sessions } from './tls.ts'

/** The Wire of the Net port over a socket of Node: octets wait here until they are read, up to a bound, and the peer waits beyond it. */
const bufferLimit = 256 * 1024

export class NodeWire implements ServedWire {
  readonly peer: string
  readonly welcome: () => void
  tls: TlsFacts | undefined
  readonly #sessions: Sessions
  #socket: Socket
  #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: NetError | undefined
  #closed = false
  #wake: (() => void) | undefined
  /** Takes our ears off the socket. */
  #deaf: () => void = () => {}

  constructor(socket: Socket, peer: string, sessions: Sessions, welcome: () => void = () => {}) {
    this.peer = peer
    this.welcome = welcome
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
    if (this.#bytes > 0 || this.#socket.readableLength > 0)
      throw new NetError('tls', 'EPLAINTEXT', `octets came before the TLS handshake of ${this.peer}; somebody may have put them there`)
    this.#deaf()
    // What breaks below the handshake is told by the handshake.
    this.#socket.on('error', () => {})
    try {
      const { socket, facts } = await encrypted(this.#socket, this.peer, options, timeoutMs, this.#sessions)
      this.#socket = socket
      this.tls = facts
      this.#listen(socket)
    } catch (error) {
      this.#closed = true
      this.#news()
      throw error
    }
  }

  /** The address of the other end, without its port. */
  get address(): string {
    return (this.#socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  }

  async serveTls({ key, cert }: ServerKey, timeoutMs: number): Promise<void> {
    if (this.#bytes > 0 || this.#socket.readableLength > 0)
      throw new NetError('tls', 'EPLAINTEXT', `octets came before the TLS handshake of ${this.peer}; somebody may have put them there`)
    this.#deaf()
    this.#socket.on('error', () => {})
    const { accepted } = await import('./tls-server.ts')
    try {
      const { socket, facts } = await accepted(this.#socket, this.peer, { key, cert }, timeoutMs)
      this.#socket = socket
      this.tls = facts
      this.#listen(socket)
    } catch (error) {
      this.#closed = true
      this.#news()
      throw error
    }
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
    const data = (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      if (this.#bytes >= bufferLimit) socket.pause()
      this.#news()
    }
    const end = () => {
      this.#ended = true
      this.#news()
    }
    const error = (why: Error) => {
      this.#error ??= new NetError('stream', codeOf(why), `the connection to ${this.peer} broke: ${codeOf(why)}`, { cause: why })
      this.#news()
    }
    const close = () => {
      if (!this.#ended) this.#error ??= new NetError('stream', 'ECONNRESET', `the connection to ${this.peer} broke`)
      this.#news()
    }
    socket.on('data', data).on('end', end).on('error', error).on('close', close)
    if (socket.destroyed) close()
    this.#deaf = () => socket.off('data', data).off('end', end).off('error', error).off('close', close)
  }
}
