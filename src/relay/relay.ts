import type { Clock } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import { NetError, type TlsOptions } from '../ports/net.ts'
import type { Approach } from './cure/cure.ts'
import type { Login } from './login/login.ts'
import type { Tokens } from './login/token.ts'
import type { Fault } from './outcome.ts'
import type { ChainCheck } from './route/dane-chain.ts'
import type { Security } from './security.ts'

/** A relay as the courier knows it. */
export type RelayOptions = {
  id: string
  host: string
  port: number
  security: Security
  /** A host of the recipient's domain (RFC 5321 section 5.1), found by the DNS and not by the settings. */
  direct?: true
  /** Addresses of the host, in the order to try; its name is then not looked up again. */
  addresses?: readonly string[]
  /** The name to ask for in the TLS handshake, where it is not the host's (RFC 7672 section 8.1). */
  serverName?: string
  /** Decides alone about the certificates that are shown (DANE): see `TlsOptions`. */
  check?: ChainCheck
  /** Further trusted certificates, PEM. */
  ca?: string
  /** SHA-256 fingerprints of certificates that are trusted in themselves. */
  pins?: readonly string[]
  auth: Login
  /** Present: asked for the login before each flight, in place of `auth`. */
  tokens?: Tokens
  ehlo: string
  /** Longest wait for any answer but the last one of a letter, in ms. */
  timeoutMs?: number
}

export const approachOf = ({ host, port, security, direct, auth }: RelayOptions): Approach => ({
  host,
  port,
  security,
  ...(direct ? { direct } : {}),
  ...('user' in auth ? { user: auth.user } : {}),
})
export const tlsOptions = (relay: RelayOptions): TlsOptions => ({
  serverName: relay.serverName ?? relay.host,
  ...(relay.ca === undefined ? {} : { ca: relay.ca }),
  ...(relay.pins === undefined ? {} : { pins: relay.pins }),
  ...(relay.check === undefined ? {} : { check: relay.check }),
  // Nobody is believed who shall hear a password.
  ...(relay.security === 'opportunistic' && relay.auth.kind === 'none' && !relay.tokens ? { unverified: true } : {}),
})

/** What kept us from the greeting. */
export function connectFault(error: unknown, clock: Clock): Fault {
  if (!(error instanceof NetError)) return { stage: 'connect', why: sentence(error) }
  const stage = error.stage === 'stream' ? 'connect' : error.stage
  const byClock = (error.code === 'CERT_NOT_YET_VALID' || error.code === 'CERT_HAS_EXPIRED') && clock.synchronised() !== 'yes'
  if (byClock)
    return {
      stage,
      clock: true,
      code: error.code,
      chain: error.chain,
      why: `${error.message}, or the clock of this device is wrong: it says ${new Date(clock.wall()).toISOString()} and was not set from outside.`,
    }
  return { stage, code: error.code, chain: error.chain, why: error.message }
}

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
