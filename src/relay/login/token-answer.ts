import type { WebResponse } from '../../ports/net.ts'
import { hush } from './login-fault.ts'

/** What a token endpoint said (RFC 6749 sections 5.1 and 5.2), read from whatever came. Pure. */
export type TokenAnswer =
  | { kind: 'token'; token: string; lifeMs: number; refreshToken?: string }
  /** `again`: the refresh token is not taken any more, somebody must log in. `settings`: we are not taken. `later`: not now. */
  | { kind: 'again' | 'settings' | 'later'; why: string }

/** RFC 6749 section 5.1: a provider may keep the life of its tokens to itself. */
const silentLifeMs = 600_000
/** Whatever a provider says, a token is not believed for longer. */
const longestLifeMs = 86_400_000
/** Tokens of providers have some hundred to some thousand characters. */
const tokenPattern = /^[\x21-\x7e]{1,16384}$/
/** Of what the provider explains. */
const quoteChars = 300

/** The grant is over: RFC 6749 section 5.2, and what OpenID providers say when a person must come (OpenID Connect Core 3.1.2.6). */
const again = ['invalid_grant', 'interaction_required', 'login_required', 'consent_required']
const later = ['temporarily_unavailable', 'server_error', 'slow_down']

/** `secrets`: what was sent; an endpoint that quotes it is quoted without. */
export function readTokenAnswer({ status, body }: WebResponse, secrets: readonly string[]): TokenAnswer {
  const json = members(body)
  const said = (words: string) =>
    hush(words, secrets)
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ')
      .slice(0, quoteChars)
  const { error, error_description: description } = json
  if (typeof error === 'string') {
    const why = said([error, typeof description === 'string' ? description : ''].filter(Boolean).join(': '))
    if (status >= 500 || status === 429 || later.includes(error)) return { kind: 'later', why }
    return { kind: again.includes(error) ? 'again' : 'settings', why }
  }
  if (status !== 200) return { kind: 'later', why: `it answered with HTTP status ${status}` }
  const { access_token: token, token_type: type = 'Bearer' } = json
  if (typeof token !== 'string' || !tokenPattern.test(token)) return { kind: 'later', why: 'there was no access token in its answer' }
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    return { kind: 'settings', why: `it gives tokens of type ${said(String(type))}, and mail needs Bearer` }
  const { refresh_token: next } = json
  return {
    kind: 'token',
    token,
    lifeMs: lifeMs(json.expires_in),
    ...(typeof next === 'string' && tokenPattern.test(next) ? { refreshToken: next } : {}),
  }
}

function lifeMs(seconds: unknown): number {
  const ms = Number(typeof seconds === 'string' || typeof seconds === 'number' ? seconds : Number.NaN) * 1000
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, longestLifeMs) : silentLifeMs
}

function members(body: Uint8Array): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(Buffer.from(body).toString())
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
