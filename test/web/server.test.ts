import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { DiskError } from '../../src/ports/disk.ts'
import { StorageError } from '../../src/queue/journal.ts'
import { hostIn, isOurs } from '../../src/web/guard.ts'
import { password, WebBox } from './box.ts'

/** A path of the table with something in each hole. */
const filled = (path: string): string => path.replaceAll(/:\w+/g, '1')
const errorOf = async (answer: Response): Promise<{ error: string; hint: string }> =>
  (await answer.json()) as { error: string; hint: string }

test('default password (CWE-1392): before it is claimed a box answers nothing of /api but the claim (Tasmota#12828, LuCI#5202)', async () => {
  const box = await WebBox.open()
  for (const { method, path } of box.routes) {
    if (!path.startsWith('/api/') || path === '/api/claim') continue
    const answer = await box.ask(method, filled(path), method === 'GET' ? undefined : {})
    assert.equal(answer.status, 403, `${method} ${path}`)
    const { error, hint } = await errorOf(answer)
    assert.ok(error && hint)
  }
})

test('missing authorization (CWE-862): without a login no route of the table says anything, but those for anyone (CVE-2021-41104)', async () => {
  const box = await WebBox.claimed()
  const open = box.routes.filter(({ access }) => access.kind === 'anyone').map(({ path }) => path)
  assert.deepEqual(open, ['/healthz', '/.well-known/security.txt'])
  for (const { method, path, access } of box.routes) {
    const headers = { host: '192.0.2.7:8080', 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
    const answer = await box.raw(method, filled(path), method === 'GET' ? undefined : '{}', headers)
    const expected = access.kind === 'unclaimed' ? 409 : access.kind === 'claimed' ? 400 : 401
    if (access.kind !== 'anyone') assert.equal(answer.status, expected, `${method} ${path}`)
  }
  const health = await box.raw('GET', '/healthz', undefined, { host: 'localhost' })
  assert.equal(await health.text(), 'ok\n')
})

test('CSRF (CWE-352): a write from a foreign page is refused on every route, whatever it claims', async () => {
  const box = await WebBox.claimed()
  const before = (await box.household.settings()).revision
  for (const { method, path } of box.routes) {
    if (method === 'GET') continue
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      { 'sec-fetch-site': 'same-origin', origin: 'http://192.0.2.7' },
      { 'sec-fetch-site': 'none' },
      { origin: 'null' },
    ]
    for (const marks of foreign) {
      const headers = { host: '192.0.2.7:8080', cookie: box.cookie, 'content-type': 'application/json', ...marks }
      const answer = await box.raw(method, filled(path), '{}', headers)
      assert.ok([403, 409].includes(answer.status), `${method} ${path} ${JSON.stringify(marks)}: ${answer.status}`)
    }
    const silent = await box.raw(method, filled(path), '{}', {
      host: '192.0.2.7:8080',
      cookie: box.cookie,
      'content-type': 'application/json',
    })
    assert.ok([400, 403, 404, 409].includes(silent.status))
  }
  const form = await box.ask('POST', '/api/alerts', undefined, { 'content-type': 'text/plain' })
  assert.equal(form.status, 415, 'a form can send text, and may not')
  assert.equal((await box.household.settings()).revision, before)
})

test('DNS rebinding (CWE-350): a foreign name is not this box, also for the stream (freenet-core#3576)', async () => {
  const box = await WebBox.claimed({ web: { hosts: ['pump7.example.org'] } })
  const statusFor = async (host: string, path = '/api/state') => {
    const answer = await box.raw('GET', path, undefined, { host, cookie: box.cookie })
    await answer.body?.cancel()
    return answer.status
  }
  for (const host of [
    'evil.example',
    'evil.example:8080',
    '192.0.2.7.evil.example',
    'localhost.evil.example',
    'localhost@evil.example',
    '',
  ])
    for (const path of ['/api/state', '/api/events', '/', '/healthz']) assert.equal(await statusFor(host, path), 421, `${host} ${path}`)
  for (const host of ['192.0.2.7:8080', '[2001:db8::7]:8080', 'localhost', 'Outpost.local.', 'pump7.example.org'])
    assert.equal(await statusFor(host), 200, host)
})

test('DNS rebinding (CWE-350): no host that is not an address passes unless its name is known', () => {
  fc.assert(
    fc.property(fc.oneof(fc.domain(), fc.webAuthority(), fc.string()), (host) => {
      const found = hostIn(host)
      const address = /^[\d.]+$|:/.test(found ?? '')
      assert.ok(address || !isOurs(found, new Set(['box.example'])) || found === 'box.example')
    }),
  )
})

test('clickjacking, sniffing, cookies (CWE-1021, CWE-1004, CWE-614): every answer forbids frames, foreign scripts and guesses of type; the cookie is for this box alone', async () => {
  const box = await WebBox.claimed()
  for (const path of ['/', '/api/state', '/nothing', '/healthz']) {
    const { headers } = await box.ask('GET', path)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.ok(!policy.includes('unsafe') && !policy.includes('*'))
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
  }
  const plain = await box.ask('POST', '/api/login', { password })
  assert.match(plain.headers.get('set-cookie') ?? '', /^outpost=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  const secure = await box.ask('POST', '/api/login', { password }, { origin: 'https://192.0.2.7:8080' }, { secure: true })
  assert.match(secure.headers.get('set-cookie') ?? '', /^__Host-outpost=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
})

test('a phone that asks for the Internet is sent to the page until the box is claimed, and is content after that', async () => {
  const box = await WebBox.open()
  const probe = (host: string, path: string) => box.raw('GET', path, undefined, { host })
  for (const [host, path] of [
    ['connectivitycheck.gstatic.com', '/generate_204'],
    ['captive.apple.com', '/hotspot-detect.html'],
    ['www.msftconnecttest.com', '/connecttest.txt'],
    ['detectportal.firefox.com', '/success.txt'],
  ] as const) {
    const answer = await probe(host, path)
    assert.equal(answer.status, 302)
    assert.equal(answer.headers.get('location'), 'http://192.0.2.7:8080/')
  }
  await box.ask('POST', '/api/claim', { code: box.household.door.claimCode, password })
  assert.equal((await probe('connectivitycheck.gstatic.com', '/generate_204')).status, 204)
  assert.match(await (await probe('captive.apple.com', '/hotspot-detect.html')).text(), /Success/)
  assert.equal((await probe('evil.example', '/api/state')).status, 421)
})

test('input validation (CWE-20): a body that is too long, no JSON, or not what the table says is answered with a sentence', async () => {
  const box = await WebBox.claimed()
  const long = await box.ask('POST', '/api/alerts', { text: 'x'.repeat(300_000) })
  assert.equal(long.status, 413)
  const claimed = await box.raw('POST', '/api/alerts', '{"text":"x"}', {
    host: 'localhost',
    cookie: box.cookie,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
    'content-length': '99999999',
  })
  assert.equal(claimed.status, 413)
  const torn = await box.raw('POST', '/api/testmail', '{"to":', {
    host: 'localhost',
    cookie: box.cookie,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
  })
  assert.equal(torn.status, 400)
  assert.match((await errorOf(torn)).error, /not valid JSON/)
  const wrong = await box.ask('POST', '/api/testmail', { to: 'ops@x, evil@x' })
  assert.equal(wrong.status, 400)
  assert.match((await errorOf(wrong)).error, /at to: Write a mail address/)
  assert.equal((await box.ask('DELETE', '/api/state')).status, 405)
  assert.equal((await box.ask('GET', '/api/nothing')).status, 404)
})

test('path traversal (CWE-22): ids are never names of files: what leads elsewhere is not there (GHSA-qx5x-85p8-vg4j)', async () => {
  const box = await WebBox.claimed()
  for (const id of ['..%2f..%2fsettings.json', '%2e%2e/settings.json', '../settings.json', 'operator/..%2f..%2f..%2fdevice.json', '%00'])
    for (const base of ['/api/mailbox/', '/api/mailbox/operator/', '/api/queue/', '/']) {
      const answer = await box.ask('GET', `${base}${id}`)
      const text = await answer.text()
      assert.ok([400, 404, 405].includes(answer.status), `${base}${id}: ${answer.status}`)
      assert.ok(!text.includes('"claim"') && !text.includes('"sources"'))
    }
})

test('missing authorization (CWE-862): a token does what its scope says and no more, and is told once', async () => {
  const box = await WebBox.claimed()
  const made = (await (await box.ask('POST', '/api/tokens', { name: 'scada', scope: 'alerts' })).json()) as { id: string; token: string }
  const list = await (await box.ask('GET', '/api/tokens')).text()
  assert.ok(list.includes('scada') && !list.includes(made.token))
  const by = (method: string, path: string, body?: string, type = 'text/plain') =>
    box.raw(method, path, body, {
      host: 'localhost',
      authorization: `Bearer ${made.token}`,
      ...(body === undefined ? {} : { 'content-type': type }),
    })
  const taken = await by('POST', '/api/alerts', 'Door open')
  assert.equal(taken.status, 201, await taken.clone().text())
  assert.deepEqual(Object.keys((await taken.json()) as object), ['id', 'number'])
  for (const { method, path, access } of box.routes) {
    if (path === '/api/alerts' && method === 'POST') continue
    const answer = await by(method, filled(path), method === 'GET' ? undefined : '{}', 'application/json')
    if (access.kind === 'machine' || access.kind === 'person') assert.equal(answer.status, 403, `${method} ${path}`)
  }
  assert.equal((await box.ask('DELETE', `/api/tokens/${made.id}`)).status, 204)
  assert.equal((await by('POST', '/api/alerts', 'Door open')).status, 401)
})

test('disclosure of vulnerabilities (EN 303 645 5.2): who ships the box is named as the one to tell (RFC 9116), and nobody else is', async () => {
  const named = await WebBox.open({ web: { securityContact: 'mailto:security@pumps.example.org' } })
  const answer = await named.raw('GET', '/.well-known/security.txt', undefined, { host: 'localhost' })
  assert.match(await answer.text(), /^Contact: mailto:security@pumps\.example\.org\nExpires: 2027-\d\d-\d\dT[\d:.]+Z\n/)
  const nobody = await WebBox.open()
  assert.equal((await nobody.raw('GET', '/.well-known/security.txt', undefined, { host: 'localhost' })).status, 404)
})

test('disclosure of vulnerabilities (EN 303 645 5.2): SECURITY.md says how, how fast and for how long; page and security.txt name the same day', async () => {
  const policy = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8')
  for (const said of [
    /in private/,
    /within three working days/,
    /90 days/,
    /Supported:.*for a year from the day of its build/,
    /web\.securityContact/,
  ])
    assert.match(policy, said)
  const box = await WebBox.claimed({ web: { securityContact: 'mailto:security@pumps.example.org' } })
  const { supportedUntil } = (await (await box.ask('GET', '/api/state')).json()) as { supportedUntil: number }
  assert.equal(new Date(supportedUntil).toISOString().slice(0, 10), '2027-11-01')
  const text = await (await box.raw('GET', '/.well-known/security.txt', undefined, { host: 'localhost' })).text()
  assert.equal(/^Expires: (.*)$/m.exec(text)?.[1], new Date(supportedUntil).toISOString())
})

test('a disk that takes nothing is told as what it is, with what to do; whoever wants to log in or out can', async () => {
  const box = await WebBox.claimed()
  box.disk.write = async (path) => {
    throw new DiskError(`cannot write ${path}`, 'EROFS')
  }
  const read = await box.ask('GET', '/api/settings')
  const { settings } = (await read.json()) as { settings: object }
  const saved = await box.ask('PUT', '/api/settings', { ...settings, site: { name: 'X' } }, { 'if-match': read.headers.get('etag') ?? '' })
  assert.equal(saved.status, 507)
  const { error, hint } = await errorOf(saved)
  assert.match(error, /^The disk refused this: cannot write data\/.*EROFS/)
  assert.match(hint, /mounted read-only/)
  assert.equal((await box.ask('POST', '/api/login', { password })).status, 204)
  const out = await box.ask('POST', '/api/logout', {})
  assert.equal(out.status, 204)
  assert.match(out.headers.get('set-cookie') ?? '', /Max-Age=0/)
  assert.equal((await box.ask('GET', '/api/state')).status, 401)
  assert.match(box.book.lines.join('\n'), /the disk could not be told/)
})

test('a journal that takes nothing is told as what it is, too', async () => {
  const box = await WebBox.claimed()
  Object.defineProperty(box.household, 'desk', {
    value: () => {
      throw new StorageError('cannot sync segment 12', 'The card is full or failing.')
    },
  })
  const answer = await box.ask('GET', '/api/state')
  assert.equal(answer.status, 507)
  assert.deepEqual(await errorOf(answer), {
    error: 'The disk refused this: cannot sync segment 12.',
    hint: 'The card is full or failing.',
  })
})

test('resource exhaustion (CWE-400): whoever asks for the head of the stream alone leaves none open', async () => {
  const box = await WebBox.claimed()
  for (let i = 0; i < 20; i++) assert.equal((await box.ask('HEAD', '/api/events')).status, 200)
  assert.equal(box.stream.size, 0)
})

test('brute force (CWE-307): whoever guesses the token of a source has to wait; other tokens, sessions and what anyone may ask do not', async () => {
  const box = await WebBox.claimed({ sources: [{ id: 'hooks', kind: 'http', token: { secret: 'hook' } }] }, { hook: 'short' })
  const { token } = (await (await box.ask('POST', '/api/tokens', { name: 'scada', scope: 'read' })).json()) as { token: string }
  const bear = (method: string, path: string, value: string, address = '192.0.2.66') =>
    box.raw(method, path, method === 'POST' ? 'x' : undefined, { host: 'localhost', authorization: `Bearer ${value}` }, { address })
  const guesses = await Promise.all(Array.from({ length: 200 }, (_, i) => bear('POST', '/api/alerts', `guess-${i}`)))
  assert.deepEqual(
    guesses.map(({ status }) => status),
    [401, 401, 401, ...Array.from({ length: 197 }, () => 429)],
  )
  const early = await bear('POST', '/api/alerts', 'short')
  assert.equal(early.status, 429)
  assert.equal(early.headers.get('retry-after'), '1')
  assert.equal((await bear('GET', '/api/state', token)).status, 200)
  assert.equal((await bear('GET', '/healthz', 'guess')).status, 200)
  assert.equal((await box.ask('GET', '/api/state', undefined, {}, { address: '192.0.2.66' })).status, 200)
  assert.ok((await bear('POST', '/api/alerts', 'short', '192.0.2.67')).ok)
  await box.timeline.run(box.timeline.now + 1000)
  assert.ok((await bear('POST', '/api/alerts', 'short')).ok)
  assert.equal(box.book.lines.filter((line) => line.includes('web: a wrong token')).length, 2)
})
