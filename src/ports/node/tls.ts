import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { type Certificate, NetError, type TlsFacts, type TlsOptions } from '../net.ts'
import { codeOf, limited } from './error.ts'
import type { TlsMemory } from './trust.ts'

/** One TLS handshake as a client, over a socket that nobody listens to. Rejects with NetError of stage `tls`, and the socket is gone then. */
export async function shake(
  plain: Socket,
  peer: string,
  options: TlsOptions,
  timeoutMs: number,
  memory: TlsMemory,
): Promise<{ socket: TLSSocket; facts: TlsFacts }> {
  const context = memory.context(options.ca)
  const name = memory.nameOf(peer, options)
  const known = memory.session(name)
  const socket = connect({
    socket: plain,
    secureContext: context,
    checkServerIdentity: (_, certificate) => checkServerIdentity(options.serverName, certificate),
    ...(isIP(options.serverName) === 0 ? { servername: options.serverName } : {}),
    ...(known ? { session: known.ticket } : {}),
  })
  // It stays: what breaks between the handshake and the wire's listening must not end the process.
  socket.on('error', () => {})
  let facts: TlsFacts | undefined
  let early: Buffer | undefined
  const keep = (ticket: Buffer) => memory.keep(name, { ticket, ...(facts?.certificate ? { certificate: facts.certificate } : {}) })
  // TLS 1.2 gives its ticket before the certificate is looked at, TLS 1.3 with the first octets.
  socket.on('session', (ticket: Buffer) => {
    if (facts) keep(ticket)
    else early = ticket
  })
  try {
    await limited(
      shaken(socket, peer),
      timeoutMs,
      () => new NetError('tls', 'ETIMEDOUT', `the TLS handshake with ${peer} took longer than ${timeoutMs} ms`),
    )
  } catch (error) {
    memory.forget(name)
    socket.destroy()
    plain.destroy()
    throw error
  }
  facts = factsOf(socket, known?.certificate)
  if (early) keep(early)
  return { socket, facts }
}

function shaken(socket: TLSSocket, peer: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(new NetError('tls', codeOf(error), tlsSentence(peer, error), { cause: error }))
    const closed = () => reject(new NetError('tls', 'ECONNRESET', `${peer} hung up during the TLS handshake`))
    socket.once('error', failed)
    socket.once('close', closed)
    socket.once('secureConnect', () => {
      socket.off('error', failed)
      socket.off('close', closed)
      resolve()
    })
  })
}

function factsOf(socket: TLSSocket, remembered: Certificate | undefined): TlsFacts {
  const resumed = socket.isSessionReused()
  const facts = { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name, resumed }
  const peer: PeerCertificate | undefined = socket.getPeerCertificate()
  if (!peer?.subject) return resumed && remembered ? { ...facts, certificate: remembered } : facts
  const { subject, issuer, valid_from: validFrom, valid_to: validTo, fingerprint256: fingerprint } = peer
  return {
    ...facts,
    certificate: { subject: String(subject.CN ?? ''), issuer: String(issuer.CN ?? issuer.O ?? ''), validFrom, validTo, fingerprint },
  }
}

const stranger = 'its certificate comes from an authority that is not trusted here; name that authority under `ca` if it is yours'

const tlsSentences: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; name it under `ca` if it is yours',
  SELF_SIGNED_CERT_IN_CHAIN: stranger,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: stranger,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: stranger,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

const tlsSentence = (peer: string, error: Error): string => {
  const code = codeOf(error)
  return `${peer} was not trusted: ${tlsSentences[code] ?? error.message}${code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? ` (${error.message})` : ''}`
}
