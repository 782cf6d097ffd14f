import type { Instant } from './clock.ts'

/**
 * Net: byte streams to other hosts, with or without TLS. Who is at the other end is always verified: by the authorities of this machine, `ca`
 * beside them, or the pins instead of them. Nothing switches that off.
 */
export type TlsOptions = {
  /** The host name that the certificate must bear (RFC 7817), or an IP address: as configured, never what a look-up made of it. */
  serverName: string
  /** Further trusted certificates, PEM. */
  ca?: string
  /**
   * SHA-256 fingerprints of certificates, hexadecimal, colons at will. Then the server must show one of these, and that is enough: neither its
   * name, its dates nor its issuer count.
   */
  pins?: readonly string[]
  /**
   * Looks at the chain (DER, the server's own certificate first) and decides alone, instead of authorities, name and pins; a sentence refuses. It
   * is asked for every connection, also when a session is resumed.
   */
  check?: (chain: readonly Uint8Array[]) => string | undefined
  /** False: a whole handshake, so that the server has to show now what it has. */
  resume?: boolean
}

export type Target = {
  host: string
  port: number
  /** Present: TLS from the first octet. */
  tls?: TlsOptions
  timeoutMs: number
}

export type Certificate = {
  /** The common name, or what stands for it. */
  subject: string
  issuer: string
  /** DNS names and IP addresses that it bears; at most 20 of them. */
  names: readonly string[]
  validFrom: Instant
  validTo: Instant
  /** SHA-256, hex pairs joined by colons. */
  fingerprint: string
  selfSigned: boolean
}

/** `chain`: the server's own certificate first. */
export type TlsFacts = { protocol: string; cipher: string; resumed: boolean; chain: readonly Certificate[] }

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

/** One question over HTTPS. For what mail needs of the web: tokens, policies; small answers. */
export type WebRequest = {
  method: 'GET' | 'POST'
  /** https, or http to this very machine. */
  url: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Further trusted certificates, PEM. */
  ca?: string
  /** For everything from the name to the last octet of the answer. */
  timeoutMs: number
  /** Of the answer's body; more is an error. */
  maxBytes: number
}

/** Names of headers are in small letters; of one that came twice, both values, joined by a comma. */
export type WebResponse = { status: number; headers: Readonly<Record<string, string>>; body: Uint8Array }

export interface Net {
  /** Resolves the name, connects, and does the TLS handshake when asked. Rejects with NetError. */
  connect(target: Target): Promise<Wire>
  /** A stream to a Unix socket. */
  connectPath(path: string): Promise<Wire>
  /** A Unix socket that only this user may open (0600). A stale file is replaced: take `Disk.lock` first. */
  listenPath(path: string, onWire: (wire: Wire) => void): Promise<Listener>
  /** Addresses of a name, in the resolver's order. Rejects with NetError of stage `dns`. */
  resolve(host: string, timeoutMs: number): Promise<string[]>
  /**
   * Asks, and resolves with whatever the server answered; redirects are not followed. Rejects with NetError: code `EINSECURE` for plain http
   * to another machine, `EFBIG` above `maxBytes`, `ETIMEDOUT` after `timeoutMs`, `EPROTO` for what is no HTTP.
   */
  request(request: WebRequest): Promise<WebResponse>
}

export type NetStage = 'dns' | 'connect' | 'tls' | 'stream'

/** A connection that could not be had or broke. Never says anything about the letter. */
export class NetError extends Error {
  override name = 'NetError'
  readonly stage: NetStage
  /** An errno or OpenSSL name: ENOTFOUND, ECONNREFUSED, ETIMEDOUT, CERT_NOT_YET_VALID, DEPTH_ZERO_SELF_SIGNED_CERT, EPLAINTEXT, EPIN, ECHECK … */
  readonly code: string
  /** What the other end showed when it was not trusted. */
  readonly chain: readonly Certificate[]
  constructor(stage: NetStage, code: string, message: string, options?: { cause?: unknown; chain?: readonly Certificate[] }) {
    super(message, options)
    this.stage = stage
    this.code = code
    this.chain = options?.chain ?? []
  }
}

/** The address of a request, when it may be asked at all: over TLS, or without leaving this machine. Throws NetError. */
export function webAddress(url: string): URL {
  const found = URL.parse(url)
  if (found?.protocol === 'https:' && found.username === '') return found
  if (found?.protocol === 'http:' && found.username === '' && isLoopbackName(found.hostname)) return found
  throw new NetError(
    'connect',
    'EINSECURE',
    `${found?.origin ?? 'what is no web address'} is not asked: only https is, or http on this machine`,
  )
}

const isLoopbackName = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
