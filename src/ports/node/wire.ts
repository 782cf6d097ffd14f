import type { Socket } from 'node:net'
import { NetError, type TlsFacts, type TlsOptions, type Wire } from '../net.ts'
import { codeOf } from './error.ts'
import { shake } from './tls.ts'
import type { TlsMemory } from './trust.ts'

/** One byte stream over a socket of Node, in clear or in TLS. */
const bufferLimit = 256 * 1024

export class NodeWire implements Wire {
  readonly peer: string
  tls: TlsFacts | undefined
  readonly #memory: TlsMemory
  #socket: Socket
  #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: NetError | undefined
  #closed = false
  #wake: (() => void) | undefined
  /** Takes its own listeners off the socket, and only those. */
  #deaf: () => void = () => {}

  constructor(socket: Socket, peer: string, memory: TlsMemory) {
    this.peer = peer
    this.#socket = socket
    this.#memory = memory
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
    this.#deaf()
    try {
      const { socket, facts } = await shake(this.#socket, this.peer, options, timeoutMs, this.#memory)
      this.#socket = socket
      this.tls = facts
    } catch (error) {
      this.#closed = true
      this.#news()
      throw error
    }
    this.#listen(this.#socket)
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
    const broke = (error?: Error) => {
      const code = error ? codeOf(error) : 'ECONNRESET'
      this.#error ??= new NetError('stream', code, `the connection to ${this.peer} broke: ${code}`, { cause: error })
      this.#news()
    }
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
    const close = () => (this.#ended ? this.#news() : broke())
    socket.on('data', data).on('end', end).on('error', broke).on('close', close)
    if (socket.destroyed) close()
    this.#deaf = () => void socket.off('data', data).off('end', end).off('error', broke).off('close', close)
  }
}
