import type { Wire } from './net.ts'

/** Serve: other hosts come to this one. For protocols that begin in clear and may turn into TLS. */
export type ServerKey = { key: string; cert: string }

export interface ServedWire extends Wire {
  /** The address of the other end, without its port. */
  readonly address: string
  /**
   * Turns the stream into TLS (1.2 or later), as the server. Rejects with NetError; with code `EPLAINTEXT` when octets came before the handshake
   * (RFC 2595 section 4): whoever sits on the line may have put them there.
   */
  serveTls(key: ServerKey, timeoutMs: number): Promise<void>
  /** The other end has logged in: it keeps its seat, whoever comes. */
  welcome(): void
}

/** `maxConnections`: when so many are open, a newcomer takes the place of one that has not logged in, if there is any. */
export type ServeOptions = { host: string; port: number; maxConnections: number }

export interface Server {
  readonly port: number
  /** No more wires; those that are open are cut after a second. */
  close(): Promise<void>
}

export interface Serve {
  /** Rejects with NetError when the port cannot be had. */
  listen(options: ServeOptions, onWire: (wire: ServedWire) => void): Promise<Server>
}
