import { hash } from 'node:crypto'
import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from 'node:tls'
import type { Certificate, TlsOptions } from '../net.ts'

/** Trust: the authorities whose certificates are believed. `ca` adds some, nothing removes any. */
export const trustedWith = (ca?: string): string[] => (ca === undefined ? trusted() : [...trusted(), ca])

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

/** What a connection leaves for the next one to the same place: a resumed handshake saves a round trip and 3 kB, and shows no certificate. */
export type TlsSession = { ticket: Buffer; certificate?: Certificate }

const sessionsLimit = 32
/** One for each `ca` that is in the settings. */
const contextsLimit = 8

/**
 * TLS memory: sessions, and the contexts that they belong to. A context holds all authorities: making one takes 10 ms on a PC. A resumed
 * handshake is verified no more, so a session is only taken up under the trust and the name that it was made with.
 */
export class TlsMemory {
  readonly #contexts = new Map<string, SecureContext>()
  readonly #sessions = new Map<string, TlsSession>()

  context(ca?: string): SecureContext {
    const known = this.#contexts.get(ca ?? '')
    if (known) return known
    const context = createSecureContext({ minVersion: 'TLSv1.2', ca: trustedWith(ca) })
    remember(this.#contexts, ca ?? '', context, contextsLimit)
    return context
  }

  nameOf(peer: string, { serverName, ca = '' }: TlsOptions): string {
    return `${peer} ${serverName} ${ca === '' ? '' : hash('sha256', ca)}`
  }

  session(name: string): TlsSession | undefined {
    return this.#sessions.get(name)
  }

  keep(name: string, session: TlsSession): void {
    remember(this.#sessions, name, session, sessionsLimit)
  }

  forget(name: string): void {
    this.#sessions.delete(name)
  }
}

/** The oldest goes first. */
function remember<T>(map: Map<string, T>, name: string, value: T, limit: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size > limit) map.delete(map.keys().next().value ?? '')
}
