import type { Clock } from '../../ports/clock.ts'
import { type Net, NetError, type WebResponse } from '../../ports/net.ts'
import { Ended } from '../dialogue/ask.ts'
import type { Fault } from '../outcome.ts'
import type { Login } from './login.ts'
import { readTokenAnswer, type TokenAnswer } from './token-answer.ts'

/**
 * Tokens: an OAuth2 login, as access tokens that are fetched with a refresh token (RFC 6749 section 6), kept until shortly before they expire,
 * and fetched anew, once, when the relay does not want one any more.
 */
export interface Tokens {
  /** A login that is good now. Rejects with NetError (the way to the provider) or Ended (what the provider said). */
  login(net: Net, clock: Clock, signal?: AbortSignal): Promise<Login>
  /** A fault of a flight that used the login: a refused token holds the relay only when it was a new one. */
  judge(fault: Fault): Fault
}

export type OAuth2 = {
  user: string
  tokenUrl: string
  clientId: string
  clientSecret?: string
  /** Further trusted certificates, PEM. */
  ca?: string
}

/** The refresh token. A provider may change it whenever it is used; then the old one is worth nothing. */
export type RefreshToken = {
  /** As it is stored now: another process may have been given a newer one. */
  read(): Promise<string | undefined>
  /** Stores a new one; durable when it resolves. Never rejects: what cannot be stored is told by whoever stores. */
  keep(value: string): Promise<void>
}

/** For name, connection, TLS and answer together. */
const fetchMs = 30_000
/** A token and what stands around it have some kilobytes. */
const answerBytes = 64 * 1024
/** Tokens are not used in the last part of their life: a flight takes a while. */
const marginMs = 120_000

type Held = { token: string; until: number; uses: number }

export class RefreshedTokens implements Tokens {
  readonly #options: OAuth2
  readonly #refresh: RefreshToken
  #held: Held | undefined
  #fetching: Promise<Held> | undefined
  /** What came in place of the stored refresh token, in case it could not be stored. */
  #newer: { of: string | undefined; value: string } | undefined

  constructor(options: OAuth2, refresh: RefreshToken) {
    this.#options = options
    this.#refresh = refresh
  }

  async login(net: Net, clock: Clock, signal?: AbortSignal): Promise<Login> {
    const held = this.#held && clock.monotonic() < this.#held.until ? this.#held : await this.#fresh(net, clock, signal)
    held.uses++
    return { kind: 'token', user: this.#options.user, token: held.token }
  }

  judge(fault: Fault): Fault {
    if (!fault.token) return fault
    const wasNew = this.#held?.uses === 1
    this.#held = undefined
    if (wasNew) return fault
    const { hint: _, ...rest } = fault
    return { ...rest, hold: false, again: true, why: `${fault.why} The access token may have expired: a new one is fetched.` }
  }

  /** One fetch for all who wait. It goes on when somebody stops waiting: a new refresh token must not be lost. */
  async #fresh(net: Net, clock: Clock, signal?: AbortSignal): Promise<Held> {
    this.#fetching ??= this.#renew(net, clock).finally(() => {
      this.#fetching = undefined
    })
    return unlessAborted(this.#fetching, signal)
  }

  async #renew(net: Net, clock: Clock): Promise<Held> {
    const used = await this.#current()
    if (!used) throw this.#ended('There is no refresh token', 'put it into secrets.json under the name that auth.refreshToken has', true)
    const first = await this.#redeem(net, clock, used)
    if ('token' in first) return first
    // Another process (outpost doctor) may have been given a newer one meanwhile.
    const other = first.kind === 'again' ? await this.#current() : undefined
    const last = other === undefined || other === used ? first : await this.#redeem(net, clock, other)
    if ('token' in last) return last
    throw this.#refused(last)
  }

  /** The newer one counts as long as nobody has put another one into the store. */
  async #current(): Promise<string | undefined> {
    const stored = await this.#refresh.read()
    return this.#newer && this.#newer.of === stored ? this.#newer.value : stored
  }

  async #redeem(net: Net, clock: Clock, refreshToken: string): Promise<Held | Exclude<TokenAnswer, { kind: 'token' }>> {
    // The life of a token is counted from before it was asked for: the answer may take long.
    const asked = clock.monotonic()
    const answer = readTokenAnswer(await this.#post(net, refreshToken), [refreshToken, this.#options.clientSecret ?? ''])
    if (answer.kind !== 'token') return answer
    if (answer.refreshToken !== undefined && answer.refreshToken !== refreshToken) {
      this.#newer = { of: await this.#refresh.read(), value: answer.refreshToken }
      await this.#refresh.keep(answer.refreshToken)
    }
    this.#held = { token: answer.token, until: asked + answer.lifeMs - Math.min(marginMs, answer.lifeMs / 2), uses: 0 }
    return this.#held
  }

  async #post(net: Net, refreshToken: string): Promise<WebResponse> {
    const { tokenUrl, clientId, clientSecret, ca, user } = this.#options
    // Client id and secret in the body (RFC 6749 section 2.3.1): every mail provider takes them there, not every one in a header.
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId })
    if (clientSecret !== undefined) form.set('client_secret', clientSecret)
    try {
      return await net.request({
        method: 'POST',
        url: tokenUrl,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: form.toString(),
        timeoutMs: fetchMs,
        maxBytes: answerBytes,
        ...(ca === undefined ? {} : { ca }),
      })
    } catch (error) {
      if (!(error instanceof NetError)) throw error
      throw new NetError(error.stage, error.code, `the access token for ${user} could not be fetched: ${error.message}`, { cause: error })
    }
  }

  #refused({ kind, why }: Exclude<TokenAnswer, { kind: 'token' }>): Ended {
    const { tokenUrl } = this.#options
    const host = URL.parse(tokenUrl)?.host ?? tokenUrl
    if (kind === 'later') return this.#ended(`${host} gave no access token (${why})`, undefined, false)
    return kind === 'again'
      ? this.#ended(
          `${host} does not take the refresh token any more (${why})`,
          'log in again at the provider and put the new refresh token into secrets.json',
          true,
        )
      : this.#ended(`${host} does not take this gateway (${why})`, 'check tokenUrl, clientId and clientSecret under auth', true)
  }

  #ended(what: string, cure: string | undefined, hold: boolean): Ended {
    const why = `${what}: ${this.#options.user} cannot log in.`
    return new Ended({
      stage: 'auth',
      hold,
      why,
      ...(cure === undefined ? {} : { hint: `${cure[0]?.toUpperCase()}${cure.slice(1)}. Then: outpost queue retry.` }),
    })
  }
}

/** The promise's result, or a rejection as soon as the signal aborts; the promise goes on. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Ended({ stage: 'auth', why: 'The gateway stops.' }))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
