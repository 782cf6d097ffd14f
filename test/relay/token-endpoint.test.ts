import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { NetError } from '../../src/ports/net.ts'
import { NodeClock } from '../../src/ports/node/clock.ts'
import { NodeNet } from '../../src/ports/node/net.ts'
import { Ended } from '../../src/relay/dialogue/ask.ts'
import { RefreshedTokens } from '../../src/relay/login/token.ts'
import type { Fault } from '../../src/relay/outcome.ts'
import { connectFault } from '../../src/relay/relay.ts'
import { makeCertificates } from '../peers/certificates.ts'
import { missing, sleep, until } from '../peers/process.ts'
import { TlsTalker, TokenEndpoint } from '../peers/token-endpoint.ts'

/** Tokens over real sockets: a provider on loopback with a certificate of its own authority. */
const skip = missing('openssl')
const dir = mkdtempSync(`${tmpdir()}/outpost-token-`)
const net = new NodeNet()
const clock = new NodeClock()
let tls: { ca: string; cert: string; key: string }
let ca = ''
let stranger: { ca: string; cert: string; key: string }

before(() => {
  if (skip) return
  mkdirSync(`${dir}/other`)
  tls = makeCertificates(dir)
  ca = readFileSync(tls.ca, 'utf8')
  stranger = makeCertificates(`${dir}/other`, [], ['DNS:other.example'])
})
after(() => rmSync(dir, { recursive: true, force: true }))

const tokensAt = (tokenUrl: string, trust: string | undefined, kept: string[] = []) =>
  new RefreshedTokens(
    {
      user: 'ps7@example.org',
      tokenUrl,
      clientId: 'id & co',
      clientSecret: 'client=secret',
      ...(trust === undefined ? {} : { ca: trust }),
    },
    { read: async () => kept.at(-1) ?? 'refresh+token', keep: async (value) => void kept.push(value) },
  )

/** What a flight would report. */
async function faultAt(url: string, trust: string | undefined): Promise<Fault> {
  try {
    await tokensAt(url, trust).login(net, clock)
  } catch (error) {
    assert.ok(error instanceof NetError || error instanceof Ended, String(error))
    return error instanceof Ended ? error.fault : connectFault(error, clock)
  }
  return assert.fail('it should not have succeeded')
}

async function withEndpoint(tell: (endpoint: TokenEndpoint, url: string) => Promise<void>, certificate = tls): Promise<void> {
  const endpoint = new TokenEndpoint(certificate)
  try {
    await tell(endpoint, await endpoint.start())
  } finally {
    await endpoint.stop()
  }
}

test('a token comes over HTTPS, the question is a form, and a changed refresh token is the next one shown', { skip }, async () => {
  await withEndpoint(async (endpoint, url) => {
    endpoint.answer = (form) => ({
      status: 200,
      body: JSON.stringify({
        access_token: `for ${form.get('refresh_token')}`.replaceAll(' ', '-'),
        expires_in: 0,
        refresh_token: 'second',
      }),
    })
    const kept: string[] = []
    const tokens = tokensAt(url, ca, kept)
    assert.deepEqual(await tokens.login(net, clock), { kind: 'token', user: 'ps7@example.org', token: 'for-refresh+token' })
    assert.deepEqual(await tokens.login(net, clock), { kind: 'token', user: 'ps7@example.org', token: 'for-second' })
    assert.deepEqual(kept, ['second'])
    assert.equal(endpoint.asked[0]?.contentType, 'application/x-www-form-urlencoded')
    assert.deepEqual(Object.fromEntries(endpoint.asked[0]?.form ?? []), {
      grant_type: 'refresh_token',
      refresh_token: 'refresh+token',
      client_id: 'id & co',
      client_secret: 'client=secret',
    })
  })
})

test('a provider that says no, says nothing useful or says far too much is a sentence each', { skip }, async () => {
  await withEndpoint(async (endpoint, url) => {
    endpoint.answer = () => ({ status: 400, body: '{"error":"invalid_grant"}' })
    assert.equal((await faultAt(url, ca)).hold, true)
    endpoint.answer = () => ({ status: 500, body: '<html>' })
    assert.match((await faultAt(url, ca)).why, /HTTP status 500/)
    endpoint.answer = () => ({ status: 200, body: Buffer.from([0xff, 0x00, 0x7b]) })
    assert.match((await faultAt(url, ca)).why, /no access token/)
    endpoint.answer = () => ({ status: 200, body: Buffer.alloc(8 * 1024 * 1024, 'x') })
    const huge = await faultAt(url, ca)
    assert.match(huge.why, /more than 65536 octets/)
    assert.equal(huge.hold ?? false, false)
  })
})

test('no question leaves for a server that cannot prove its name', { skip }, async () => {
  const foreign = readFileSync(stranger.ca, 'utf8')
  await withEndpoint(async (endpoint, url) => {
    assert.match((await faultAt(url, undefined)).why, /was not trusted: its certificate comes from an authority that is not trusted here/)
    assert.equal((await faultAt(url, foreign)).stage, 'tls')
    assert.equal(endpoint.asked.length, 0)
  })
  await withEndpoint(async (endpoint, url) => {
    assert.match((await faultAt(url, foreign)).why, /certificate is for another name/)
    assert.equal(endpoint.asked.length, 0)
  }, stranger)
})

const talks: [what: string, talk: (socket: TLSSocket) => void, says: RegExp][] = [
  ['speaks another protocol', (socket) => socket.end('220 relay ESMTP\r\n'), /not HTTP/],
  ['hangs up at once', (socket) => socket.destroy(), /broke/],
  ['hangs up in the middle', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access'), /broke/],
  ['sends headers without end', (socket) => void endless(socket, `X-Y: ${'z'.repeat(1000)}\r\n`), /not HTTP/],
]
for (const [what, talk, says] of talks)
  test(`a server that ${what} makes the relay rest`, { skip, timeout: 20_000 }, async () => {
    const talker = new TlsTalker(tls, talk)
    try {
      const fault = await faultAt(await talker.start(), ca)
      assert.match(fault.why, says)
      assert.equal(fault.hold ?? false, false)
    } finally {
      await talker.stop()
    }
  })

async function endless(socket: TLSSocket, piece: string): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\n')
  while (!socket.destroyed) {
    socket.write(piece)
    await sleep(1)
  }
}

test('a server that drips an octet at a time is left when the time is over', { skip, timeout: 20_000 }, async () => {
  let open = 0
  const talker = new TlsTalker(tls, async (socket) => {
    open++
    socket.on('close', () => open--)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
    while (!socket.destroyed) {
      socket.write(' ')
      await sleep(20)
    }
  })
  try {
    const url = await talker.start()
    const asked = net.request({ method: 'GET', url, ca, timeoutMs: 400, maxBytes: 1000 })
    await assert.rejects(asked, (error) => error instanceof NetError && error.code === 'ETIMEDOUT' && error.stage === 'stream')
    await until('its connection is closed', 5000, () => open === 0)
  } finally {
    await talker.stop()
  }
})
