/**
 * Net: byte streams to other hosts, with or without TLS. Certificates are always verified; settings can add trust (`ca`), nothing removes it.
 */
export type TlsOptions = {
  /** The host name that the certificate must bear (RFC 7817), or an IP address. */
  serverName: string
  /** Further trusted certificates, PEM. */
  ca?: string
}

export type Target = {
  host: string
  port: number
  /** Present: TLS from the first octet. */
  tls?: TlsOptions
  timeoutMs: number
}

export type Certificate = {
  subject: string
  issuer: string
  validFrom: string
  validTo: string
  /** SHA-256, hex pairs joined by colons. */
  fingerprint: string
}

export type TlsFacts = { protocol: string; cipher: string; resumed: boolean; certificate?: Certificate }

/** One byte stream. Octets that arrive before anybody reads are kept (bounded: the peer is slowed down). */
export interface Wire {
  /** `address:port` of the other end. */
  readonly peer: string
  /** Set once the stream is encrypted. */
  readonly tls: TlsFacts | undefined
  /**
   * The next octets; undefined when the peer has closed in order. Rejects with NetError when the stream broke. A second reader beside one
   * that waits is a bug, and throws.
   */
  read(): Promise<Uint8Array | undefined>
  /** Resolves when the system has taken the octets, which says nothing about the peer. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Turns the stream into TLS. Rejects with code `EPLAINTEXT` when unread octets are there: whoever sits on the line may have put them
   * in front of the handshake (RFC 3207 section 6).
   */
  startTls(options: TlsOptions, timeoutMs: number): Promise<void>
  /** Closes at once; a pending read resolves with undefined. Safe to call twice. */
  close(): void
}

export interface Listener {
  /** What it listens on: `host:port` or a path. */
  readonly address: string
  /** Stops listening. Wires that came have a second to be closed, then they are: who is connected and says nothing holds nobody up. */
  close(): Promise<void>
}

export interface Net {
  /** Resolves the name, connects, and does the TLS handshake when asked. Rejects with NetError. */
  connect(target: Target): Promise<Wire>
  /** A stream to a Unix socket. */
  connectPath(path: string): Promise<Wire>
  /** A Unix socket that only this user may open (0600). A stale file is replaced: take `Disk.lock` first. */
  listenPath(path: string, onWire: (wire: Wire) => void): Promise<Listener>
  /** Addresses of a name, in the resolver's order. Rejects with NetError of stage `dns`. */
  resolve(host: string, timeoutMs: number): Promise<string[]>
}

export type NetStage = 'dns' | 'connect' | 'tls' | 'stream'

/** A connection that could not be had or broke. Never says anything about the letter. */
export class NetError extends Error {
  override name = 'NetError'
  readonly stage: NetStage
  /** An errno or OpenSSL name: ENOTFOUND, ECONNREFUSED, ETIMEDOUT, CERT_NOT_YET_VALID, DEPTH_ZERO_SELF_SIGNED_CERT, EPLAINTEXT … */
  readonly code: string
  constructor(stage: NetStage, code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.stage = stage
    this.code = code
  }
}
