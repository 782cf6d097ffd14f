import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import fc from 'fast-check'
import type { WebResponse } from '../../src/ports/net.ts'
import { Ended } from '../../src/relay/dialogue/ask.ts'
import { fly } from '../../src/relay/flight.ts'
import type { Login } from '../../src/relay/login/login.ts'
import { RefreshedTokens } from '../../src/relay/login/token.ts'
import { readTokenAnswer } from '../../src/relay/login/token-answer.ts'
import type { Fault } from '../../src/relay/outcome.ts'
import type { RelayOptions } from '../../src/relay/relay.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { Timeline } from '../sim/world/timeline.ts'
import type { ServerEnd } from '../sim/world/wire.ts'

/** A relay that logs in whoever shows a token that it knows, by XOAUTH2. */
class TokenRelay extends SimRelay {
  good = new Set<string>()
  override serve(wire: ServerEnd): void {
    let shown = ''
    wire.onData = (bytes) => {
      for (const line of Buffer.from(bytes).toString().split('\r\n').slice(0, -1)) {
        const [verb, , response = ''] = line.split(' ')
        if (verb === 'EHLO') wire.send('250-relay\r\n250 AUTH XOAUTH2\r\n')
        else if (verb === 'AUTH') {
          shown = /Bearer (.*)\u0001\u0001$/.exec(Buffer.from(response, 'base64').toString())?.[1] ?? ''
          wire.send(this.good.has(shown) ? '235 welcome\r\n' : '334 eyJzdGF0dXMiOiI0MDEifQ==\r\n')
        } else if (verb === '') wire.send(`535 5.7.8 ${shown} is not known\r\n`)
        else wire.send('221 bye\r\n')
      }
    }
    wire.send('220 relay\r\n')
  }
}

const origin = 'https://provider.example'
let timeline: Timeline
let net: SimNet
let relay: TokenRelay
let clock: SimClock
let stored: string | undefined
let kept: string[]
let tokens: RefreshedTokens
/** Refresh tokens that the provider was shown. */
let shown: string[]
let provider: (refreshToken: string) => { status?: number; json: unknown }

beforeEach(() => {
  timeline = new Timeline()
  relay = new TokenRelay(timeline, new SimRandom(1))
  net = new SimNet(timeline, relay)
  clock = new SimClock(timeline, 'boot')
  stored = 'first-refresh'
  kept = []
  shown = []
  let count = 0
  provider = () => {
    const token = `access-${++count}`
    relay.good.add(token)
    return { json: { access_token: token, token_type: 'Bearer', expires_in: 3600 } }
  }
  net.webs.set(origin, ({ body = '' }): WebResponse => {
    const form = new URLSearchParams(body)
    assert.equal(form.get('grant_type'), 'refresh_token')
    assert.equal(form.get('client_id'), 'id')
    const refreshToken = form.get('refresh_token') ?? ''
    shown.push(refreshToken)
    const { status = 200, json } = provider(refreshToken)
    return { status, headers: {}, body: Buffer.from(JSON.stringify(json)) }
  })
  tokens = new RefreshedTokens(
    { user: 'ps7@example.org', tokenUrl: `${origin}/token`, clientId: 'id', clientSecret: 'client-secret' },
    {
      read: async () => stored,
      keep: async (value) => {
        kept.push(value)
        stored = value
      },
    },
  )
})

const soon = async <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {})
  await timeline.run(timeline.now + 10_000)
  return promise
}
const login = (): Promise<Login> => soon(tokens.login(net, clock))
const tokenOf = async (): Promise<string> => {
  const found = await login()
  return found.kind === 'token' ? found.token : ''
}
const faultOf = async (promise: Promise<unknown>): Promise<Fault> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof Ended) return error.fault
    throw error
  }
  return assert.fail('it should not have succeeded')
}
const options = (): RelayOptions => ({
  id: 'isp',
  host: 'relay',
  port: 465,
  security: 'tls',
  auth: { kind: 'none' },
  tokens,
  ehlo: 'ps7.example.org',
})
const flight = () =>
  soon(fly(net, clock, new SimRandom(2), options(), { next: async () => undefined, settle: () => {} })).then((report) => report.fault)

test('a token is fetched once and used until shortly before it expires', async () => {
  assert.equal(await tokenOf(), 'access-1')
  assert.equal(await tokenOf(), 'access-1')
  await timeline.run(timeline.now + 3_400_000)
  assert.equal(await tokenOf(), 'access-1')
  await timeline.run(timeline.now + 100_000)
  assert.equal(await tokenOf(), 'access-2', 'two minutes before its end it is not used any more')
  assert.equal(shown.length, 2)
})

test('a wall clock that jumps changes nothing about it', async () => {
  await tokenOf()
  clock.wrongBy = 400 * 86_400_000
  assert.equal(await tokenOf(), 'access-1')
})

test('who wait for a token at the same time share one', async () => {
  const found = await soon(Promise.all([tokens.login(net, clock), tokens.login(net, clock)]))
  assert.deepEqual(
    found.map((one) => one.kind === 'token' && one.token),
    ['access-1', 'access-1'],
  )
  assert.equal(shown.length, 1)
})

test('a changed refresh token is kept before the access token is used, and used from then on', async () => {
  provider = () => ({ json: { access_token: 'a', token_type: 'bearer', expires_in: 1, refresh_token: 'second-refresh' } })
  await login()
  assert.deepEqual(kept, ['second-refresh'])
  await login()
  assert.deepEqual(shown, ['first-refresh', 'second-refresh'])
  assert.deepEqual(kept, ['second-refresh'], 'the same one again is not written again')
})

test('a changed refresh token that cannot be kept lives on in memory, until somebody puts in another one', async () => {
  provider = (used) => ({ json: { access_token: 'a', expires_in: 1, refresh_token: used === 'first-refresh' ? 'second-refresh' : used } })
  tokens = new RefreshedTokens(
    { user: 'ps7@example.org', tokenUrl: `${origin}/token`, clientId: 'id' },
    { read: async () => stored, keep: async () => {} },
  )
  await login()
  await login()
  stored = 'by-hand'
  await login()
  assert.deepEqual(shown, ['first-refresh', 'second-refresh', 'by-hand'])
})

test('a refresh token that is over holds the relay; the newer one that another process stored meanwhile is tried first', async () => {
  provider = (used) =>
    used === 'first-refresh'
      ? { status: 400, json: { error: 'invalid_grant', error_description: `${used} was revoked` } }
      : { json: { access_token: 'a' } }
  const fault = await faultOf(login())
  assert.equal(fault.hold, true)
  assert.match(fault.why, /provider\.example does not take the refresh token any more \(invalid_grant: ‹secret› was revoked\)/)
  assert.match(fault.hint ?? '', /Log in again at the provider/)
  const read = async () => (shown.length < 2 ? 'first-refresh' : 'by-doctor')
  tokens = new RefreshedTokens({ user: 'ps7@example.org', tokenUrl: `${origin}/token`, clientId: 'id' }, { read, keep: async () => {} })
  assert.equal(await tokenOf(), 'a')
  assert.deepEqual(shown, ['first-refresh', 'first-refresh', 'by-doctor'])
})

const faults: [what: string, status: number, json: unknown, hold: boolean, says: RegExp][] = [
  ['does not know the client', 401, { error: 'invalid_client' }, true, /does not take this gateway \(invalid_client\)/],
  ['wants a person', 400, { error: 'interaction_required' }, true, /refresh token any more/],
  ['is overloaded', 503, { error: 'temporarily_unavailable' }, false, /temporarily_unavailable/],
  ['counts requests', 429, { error: 'invalid_grant' }, false, /invalid_grant/],
  ['is broken', 500, 'oops', false, /status 500/],
  ['has moved', 302, '', false, /status 302/],
  ['answers with a list', 200, [], false, /no access token/],
  ['answers with a number for a token', 200, { access_token: 7 }, false, /no access token/],
  ['answers with a token of two lines', 200, { access_token: 'a\r\nMAIL FROM:<x>' }, false, /no access token/],
  ['gives another kind of token', 200, { access_token: 'a', token_type: 'mac' }, true, /type mac/],
]
for (const [what, status, json, hold, says] of faults)
  test(`a provider that ${what}: the relay ${hold ? 'is held' : 'rests'}`, async () => {
    provider = () => ({ status, json })
    const fault = await faultOf(login())
    assert.equal(fault.hold, hold)
    assert.match(fault.why, says)
    assert.equal(fault.hint !== undefined, hold)
  })

test('without a refresh token nobody is asked', async () => {
  stored = undefined
  const fault = await faultOf(login())
  assert.equal(fault.hold, true)
  assert.match(`${fault.why} ${fault.hint}`, /no refresh token.*secrets\.json/)
  assert.equal(shown.length, 0)
})

test('without a link the relay rests, and the flight says why', async () => {
  net.up = false
  const fault = await flight()
  assert.equal(fault?.stage, 'dns')
  assert.equal(fault?.hold ?? false, false)
  assert.match(fault?.why ?? '', /access token for ps7@example\.org could not be fetched.*provider\.example/)
})

test('a token that the relay does not want any more is fetched anew; when it does not want the new one either, it is held', async () => {
  assert.equal(await flight(), undefined)
  assert.equal(await flight(), undefined)
  assert.equal(shown.length, 1)
  relay.good.clear()
  const expired = await flight()
  assert.equal(expired?.token, true)
  assert.equal(expired?.hold, false)
  assert.match(expired?.why ?? '', /a new one is fetched/)
  assert.doesNotMatch(JSON.stringify(expired), /access-1/, 'the relay quoted the token')
  assert.equal(await flight(), undefined)
  assert.equal(shown.length, 2)
  relay.good.clear()
  assert.equal((await flight())?.hold, false)
  const honest = provider
  provider = (used) => {
    const answer = honest(used)
    relay.good.clear()
    return answer
  }
  const refused = await flight()
  assert.equal(refused?.hold, true)
  assert.match(refused?.hint ?? '', /Allow this account to send by SMTP/)
  assert.equal(shown.length, 3)
})

test('a gateway that stops does not wait for the provider, and what comes later is still kept', async () => {
  provider = () => ({ json: { access_token: 'a', refresh_token: 'second-refresh' } })
  const stopping = new AbortController()
  const asked = tokens.login(net, clock, stopping.signal)
  asked.catch(() => {})
  stopping.abort()
  assert.match((await faultOf(asked)).why, /stops/)
  await timeline.run(timeline.now + 10_000)
  assert.deepEqual(kept, ['second-refresh'])
})

test('a token is believed for as long as its provider says, a day at most, and ten minutes where it says nothing that can be read', () => {
  const lifeMs = (expires?: unknown) => {
    const body = Buffer.from(JSON.stringify({ access_token: 'a', ...(expires === undefined ? {} : { expires_in: expires }) }))
    const answer = readTokenAnswer({ status: 200, headers: {}, body }, [])
    return answer.kind === 'token' ? answer.lifeMs : assert.fail(answer.why)
  }
  assert.deepEqual([3600, '3600', 0, 1e9].map(lifeMs), [3_600_000, 3_600_000, 0, 86_400_000])
  for (const odd of [undefined, -1, 'soon', null, true]) assert.equal(lifeMs(odd), 600_000, String(odd))
})

test('a provider that is down is asked later, a grant that is over wants a person, anything else the settings', () => {
  const kind = (status: number, json: object) => readTokenAnswer({ status, headers: {}, body: Buffer.from(JSON.stringify(json)) }, []).kind
  assert.deepEqual([kind(400, { error: 'invalid_grant' }), kind(400, { error: 'login_required' })], ['again', 'again'])
  assert.deepEqual([kind(401, { error: 'invalid_client' }), kind(200, { access_token: 'a', token_type: 'mac' })], ['settings', 'settings'])
  for (const [status, json] of [
    [500, { error: 'invalid_grant' }],
    [429, { error: 'invalid_client' }],
    [400, { error: 'slow_down' }],
    [404, {}],
    [200, {}],
    [200, { access_token: 'a b' }],
  ] as const)
    assert.equal(kind(status, json), 'later', JSON.stringify(json))
})

test('whatever a provider answers, it is a token or a sentence, and never our secrets', () => {
  const secrets = ['refresh-secret', 'client-secret']
  const member = fc.oneof(fc.jsonValue(), fc.constantFrom('Bearer', 'invalid_grant', ...secrets, '\r\n', 1e99, -1, '3600'))
  const json = fc.record(
    { access_token: member, token_type: member, expires_in: member, refresh_token: member, error: member, error_description: member },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    json.map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(body, fc.integer({ min: 100, max: 599 }), (bytes, status) => {
      const answer = readTokenAnswer({ status, headers: {}, body: bytes }, secrets)
      if (answer.kind === 'token') {
        assert.match(answer.token, /^[\x21-\x7e]+$/)
        assert.ok(answer.lifeMs >= 0 && answer.lifeMs <= 86_400_000)
      } else assert.doesNotMatch(answer.why, /refresh-secret|client-secret|[\r\n]/)
    }),
    { numRuns: 2000 },
  )
})
