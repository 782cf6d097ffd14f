import { hash, type X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, createSecureContext, getCACertificates, rootCertificates, type SecureContext, type TLSSocket } from 'node:tls'
import { NetError, type TlsFacts, type TlsOptions } from '../net.ts'
import { codeOf, limited } from './limited.ts'
import { certificateOf, judge, type Shown } from './trust.ts'

/**
 * Tls: a socket becomes an encrypted one to the server that we wanted, or is destroyed. TLS 1.2 at least (RFC 8996).
 *
 * Nothing of ours is written before the judgement is passed. It is passed here and not by Node, so that a pin can be trust in itself, and so that
 * what was shown can be told to the person who has to mend it.
 */
const chainLimit = 10

export async function encrypted(
  plain: Socket,
  peer: string,
  options: TlsOptions,
  timeoutMs: number,
  sessions: Sessions,
): Promise<{ socket: TLSSocket; facts: TlsFacts }> {
  const key = sessionKey(peer, options)
  const kept = options.resume === false ? undefined : sessions.get(key)
  const socket = begun(plain, peer, options, kept?.session)
  // It stays: what breaks between the handshake and the wire's listening must not end the process.
  socket.on('error', () => {})
  let known: Evidence | undefined
  let ticket: Buffer | undefined
  socket.on('session', (fresh: Buffer) => {
    ticket = fresh
    if (known) sessions.put(key, { session: fresh, ...known })
  })
  try {
    await limited(
      shaken(socket, peer),
      timeoutMs,
      () => new NetError('tls', 'ETIMEDOUT', `the TLS handshake with ${peer} took longer than ${Math.round(timeoutMs)} ms`),
    )
    const resumed = socket.isSessionReused()
    const evidence = resumed && kept ? { chain: kept.chain, verdict: kept.verdict } : evidenceOf(socket)
    const fault = judge({ peer, ...evidence }, options, Date.now())
    if (fault) throw fault
    known = evidence
    if (ticket) sessions.put(key, { session: ticket, ...known })
    const facts = { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name, resumed }
    return { socket, facts: { ...facts, chain: evidence.chain.map(certificateOf) } }
  } catch (error) {
    sessions.drop(key)
    socket.destroy()
    plain.destroy()
    throw error
  }
}

function begun(plain: Socket, peer: string, options: TlsOptions, session: Buffer | undefined): TLSSocket {
  try {
    return connect({
      socket: plain,
      secureContext: contextOf(options.ca),
      // See above: `authorized` is looked at afterwards, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(isIP(options.serverName) ? {} : { servername: options.serverName.replace(/\.$/, '') }),
      ...(session ? { session } : {}),
    })
  } catch (error) {
    plain.destroy()
    throw new NetError('tls', codeOf(error), `TLS with ${peer} cannot begin: ${(error as Error).message}`, { cause: error })
  }
}

function shaken(socket: TLSSocket, peer: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const clear = () => socket.off('secureConnect', done).off('error', failed).off('close', gone)
    const done = () => {
      clear()
      resolve()
    }
    const failed = (error: Error) => {
      clear()
      const code = codeOf(error)
      reject(new NetError('tls', code, `the TLS handshake with ${peer} failed: ${failures[code] ?? error.message}`, { cause: error }))
    }
    const gone = () => {
      clear()
      reject(new NetError('tls', 'ECONNRESET', `${peer} hung up during the TLS handshake`))
    }
    socket.once('secureConnect', done).once('error', failed).once('close', gone)
  })
}

/** OpenSSL names its source lines; these are for people. */
const failures: Readonly<Record<string, string>> = {
  ECONNRESET: 'it hung up',
  ERR_SSL_WRONG_VERSION_NUMBER: 'its answer is not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'its answer is not TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks only TLS 1.1 or older',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks only TLS 1.1 or older',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'there is no cipher that both sides know',
}

/** A handshake that Node's HTTPS client made, in words; `error` is what it failed with. */
export const explained = (peer: string, error: Error): string => {
  const code = codeOf(error)
  const failure = failures[code]
  return failure === undefined
    ? `${peer} was not trusted: ${untrusted[code] ?? error.message}`
    : `the TLS handshake with ${peer} failed: ${failure}`
}

const untrusted: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** What a server showed, and what OpenSSL found when it looked at its authorities. */
type Evidence = Omit<Shown, 'peer'>

function evidenceOf(socket: TLSSocket): Evidence {
  const chain: X509Certificate[] = []
  for (let one = socket.getPeerX509Certificate(); one && chain.length < chainLimit; one = one.issuerCertificate) chain.push(one)
  return { chain, verdict: socket.authorized ? undefined : String(socket.authorizationError) }
}

/**
 * TLS sessions, so that the next connection saves a round trip and 3 kB. In a resumed one no certificate is shown: what was shown when it began is
 * kept beside it, and judged again each time.
 */
export class Sessions {
  readonly #kept = new Map<string, Evidence & { session: Buffer }>()
  static readonly limit = 32

  get(key: string): (Evidence & { session: Buffer }) | undefined {
    return this.#kept.get(key)
  }

  put(key: string, kept: Evidence & { session: Buffer }): void {
    this.#kept.set(key, kept)
    if (this.#kept.size > Sessions.limit) this.#kept.delete(this.#kept.keys().next().value ?? '')
  }

  drop(key: string): void {
    this.#kept.delete(key)
  }
}

/** OpenSSL looked at the authorities when the session began; so what it is trusted by is part of its key. */
const sessionKey = (peer: string, { serverName, ca, pins, check, unverified }: TlsOptions): string =>
  hash('sha256', JSON.stringify([peer, serverName, ca ?? '', pins ?? '', check !== undefined, unverified === true]))

/** Who is believed: what Node and the system trust, and `ca`, which adds to it and removes nothing. */
export const trustedWith = (ca?: string): string[] => (ca === undefined ? trusted() : [...trusted(), ca])

/** One for each `ca` that is in the settings. */
const contextsLimit = 8
const contexts = new Map<string, SecureContext>()

/**
 * A context holds all authorities, some hundreds: to make one takes 9 ms on a PC and more than a MiB, which only the collector of garbage gives back. So none is
 * made for a connection, least of all for one to a host that is away and is tried for days.
 */
export function contextOf(ca?: string): SecureContext {
  const name = ca ?? ''
  const known = contexts.get(name)
  if (known) return known
  const context = createSecureContext({ minVersion: 'TLSv1.2', ca: trustedWith(ca) })
  contexts.set(name, context)
  if (contexts.size > contextsLimit) contexts.delete(contexts.keys().next().value ?? '')
  return context
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
