import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusPath } from '../../src/device/update.ts'
import { DiskError } from '../../src/ports/disk.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { wipe } from '../../src/settings/wipe.ts'
import { selfSigned } from '../../src/web/certificate.ts'
import type { SimSerial } from '../sim/world/sensors.ts'
import { password, WebBox } from './box.ts'

const canary = 'canary-7f3a91c2'
const settings = {
  site: { name: 'Pump 7', domain: 'site.example.org' },
  people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
  relays: [
    {
      id: 'isp',
      host: 'relay.example.org',
      security: 'starttls',
      port: 587,
      auth: { kind: 'password', user: 'box', password: { secret: 'relay:isp' } },
    },
  ],
  sources: [{ id: 'hooks', kind: 'http', token: { secret: 'http:hooks' } }],
}
const secrets = { 'relay:isp': canary, 'http:hooks': 'a token of a machine' }

const jsonOf = async <T>(answer: Response): Promise<T> => (await answer.json()) as T
type Read = { settings: Record<string, unknown>; findings: { what: string }[]; secrets: unknown }

test('settings are saved whole, against the revision that was read, and the gateway works by them at once', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const read = await box.ask('GET', '/api/settings')
  const etag = read.headers.get('etag') ?? ''
  const before = await jsonOf<Read>(read)
  const site = { ...(before.settings.site as object), name: 'Pump 8' }
  const put = (body: unknown, match: string) => box.ask('PUT', '/api/settings', body, match === '' ? {} : { 'if-match': match })
  assert.equal((await put({ ...before.settings, site }, '')).status, 428)
  assert.equal((await put({ ...before.settings, site }, '"0000000000000000"')).status, 412)
  const wrong = await put({ ...before.settings, sources: [{ id: 'x', kind: 'serial', pathh: '/dev/ttyUSB0' }] }, etag)
  assert.equal(wrong.status, 422)
  const { findings } = await jsonOf<{ findings: { path: string; write: string }[] }>(wrong)
  assert.ok(
    findings.some(({ path, write }) => path === 'sources[0].pathh' && /path/.test(write)),
    JSON.stringify(findings),
  )
  const done = await put({ ...before.settings, site }, etag)
  assert.equal(done.status, 200, await done.clone().text())
  assert.notEqual(done.headers.get('etag'), etag)
  assert.equal(box.household.current.site.name, 'Pump 8')
  assert.ok(box.household.desk(), 'the gateway works')
  assert.equal((await put({ ...before.settings, site }, etag)).status, 412, 'the revision is used up')
})

/** Saves the settings that stand, under another name of the site. */
async function rename(box: WebBox, name: string): Promise<Response> {
  const read = await box.ask('GET', '/api/settings')
  const { settings: now } = await jsonOf<Read>(read)
  const site = { ...(now.site as object), name }
  return box.passing(box.ask('PUT', '/api/settings', { ...now, site }, { 'if-match': read.headers.get('etag') ?? '' }))
}

test('while settings are taken and a letter is in the air, alerts are accepted', async () => {
  const box = await WebBox.claimed({ ...settings, relays: [{ id: 'isp', host: 'relay.example.org', security: 'none', port: 25 }] })
  box.net.place('relay.example.org', 25, { serve: () => {} })
  await box.household.desk()?.send({ to: 'ops', text: 'in the air', severity: 'warning' })
  await box.timeline.run(box.timeline.now + 3000)
  const begun = box.timeline.now
  const saving = rename(box, 'Pump 8')
  await box.timeline.run(box.timeline.now + 5000)
  assert.ok(box.timeline.now - begun < 10_000)
  assert.equal(box.household.siteName, 'Pump 7', 'it is not done')
  assert.equal((await box.ask('POST', '/api/alerts', { text: 'meanwhile' })).status, 201)
  assert.equal((await saving).status, 200)
  assert.equal(box.household.siteName, 'Pump 8')
  assert.equal(box.household.desk()?.state().queue.waiting, 2)
})

const plc = { id: 'plc', kind: 'serial', path: '/dev/ttyS0' }

/** A box with a serial line that has kept two frames, since its disk takes no write. */
async function keeping(): Promise<WebBox> {
  const box = await WebBox.claimed({ ...settings, sources: [plc] })
  await box.timeline.run(box.timeline.now + 1000)
  const serial = box.scene.ports.serial as SimSerial
  breakDisk(box)
  serial.blurt('alarm 1')
  serial.blurt('alarm 2')
  await box.timeline.run(box.timeline.now + 5000)
  return box
}

function breakDisk({ disk }: WebBox): void {
  disk.faults = {
    get failWrite() {
      return 1
    },
    set failWrite(_) {},
  }
}

test('frames that a gateway kept because its disk took nothing are taken by the one with the new settings', async () => {
  const box = await keeping()
  await box.passing(box.household.reload())
  assert.match(box.book.lines.join('\n'), /frames that were not taken before are offered again.*"frames":2/)
  box.disk.faults = {}
  await box.timeline.run(box.timeline.now + 60_000)
  assert.deepEqual(box.household.desk()?.state().numbers.plc, 2)
})

/** Settings with other sources, while its disk takes nothing else. */
async function reloadWith(box: WebBox, sources: readonly object[]): Promise<void> {
  box.disk.faults = {}
  await box.disk.write('data/settings.json', Buffer.from(JSON.stringify({ ...settings, broker: { enabled: false }, sources })))
  breakDisk(box)
  await box.passing(box.household.reload())
}

for (const [what, sources] of [
  ['removed', []],
  ['renamed', [{ ...plc, id: 'pump' }]],
  ['made a source of another kind', [{ id: 'plc', kind: 'mqtt', url: 'mqtt://broker' }]],
] as const)
  test(`frames that were kept of a source that is ${what} are taken under its old name`, async () => {
    const box = await keeping()
    await reloadWith(box, sources)
    assert.match(box.book.lines.join('\n'), /no longer in the settings are taken under its old name.*"source":"plc","frames":2/)
    box.disk.faults = {}
    await box.timeline.run(box.timeline.now + 60_000)
    assert.equal(box.household.desk()?.state().numbers.plc, 2)
  })

test('frames that were kept of a source that is removed go back to it when it is there again', async () => {
  const box = await keeping()
  await reloadWith(box, [])
  await reloadWith(box, [plc])
  assert.match(box.book.lines.join('\n'), /frames that were not taken before are offered again.*"frames":2/)
  box.disk.faults = {}
  await box.timeline.run(box.timeline.now + 60_000)
  assert.equal(box.household.desk()?.state().numbers.plc, 2)
})

/** Its journal cannot be read, so no gateway starts, until the returned function is called. */
function withoutJournal({ disk }: WebBox): () => void {
  const list = disk.list.bind(disk)
  disk.list = async (dir) => {
    if (dir.includes('journal')) throw new DiskError(`${dir} cannot be read`, 'EIO')
    return list(dir)
  }
  return () => {
    disk.list = list
  }
}

test('a gateway that starts neither with new settings nor with the old ones is tried again until it does, and the box says so', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const mend = withoutJournal(box)
  const answer = await rename(box, 'Pump 8')
  assert.equal(answer.status, 422)
  assert.match(await answer.text(), /does not start with them, either/)
  assert.equal(box.household.siteName, 'Pump 7')
  await box.passing(box.household.reload())
  assert.match(box.book.lines.at(-1) ?? '', /not taken, and the gateway does not start with the old ones, either/)
  type Told = { health: { mood: string }; standsStill?: string }
  const told = async () => jsonOf<Told>(await box.ask('GET', '/api/state'))
  const { health, standsStill = '' } = await told()
  assert.equal(health.mood, 'trouble')
  assert.match(standsStill, /does not start, and tries again \(1\): .*EIO/)
  await box.timeline.run(box.timeline.now + 600_000)
  assert.notEqual((await told()).standsStill, standsStill, 'it goes on')
  assert.equal(box.household.desk(), undefined)
  mend()
  await box.timeline.run(box.timeline.now + 80_000)
  assert.ok(box.household.desk(), 'the gateway works')
  assert.equal((await told()).health.mood, 'well')
  assert.equal((await rename(box, 'Pump 8')).status, 200)
})

test('a box that is stopped while its gateway does not start is not started again', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const mend = withoutJournal(box)
  await box.passing(box.household.reload())
  await box.household.stop()
  mend()
  await box.timeline.run(box.timeline.now + 600_000)
  assert.equal(box.household.desk(), undefined)
})

test('disclosure of secrets (CWE-200): no answer of the box holds a secret, a hash or the claim code', async () => {
  const box = await WebBox.claimed(settings, secrets)
  box.household.ports.log('info', 'something', {})
  const { claimCode } = box.household.door
  const bad = [
    canary,
    claimCode,
    'a token of a machine',
    box.cookie.split('=')[1] ?? '',
    box.household.device.data.access?.password?.hash ?? '',
  ]
  for (const { method, path } of box.routes) {
    if (path === '/api/events' || path === '/api/logout') continue
    const body =
      method === 'GET' ? undefined : path === '/api/backup' ? {} : path === '/api/preview' ? { source: 'hooks', sample: 'Door open' } : {}
    const text = await (await box.ask(method, path.replaceAll(/:\w+/g, '1'), body)).text()
    for (const one of bad) assert.ok(!text.includes(one), `${method} ${path} tells ${one}`)
  }
})

test('a secret is kept under its name, and the gateway that works has it', async () => {
  const box = await WebBox.claimed(settings)
  const known = async () => (await jsonOf<Read>(await box.ask('GET', '/api/settings'))).secrets
  assert.deepEqual(await known(), [
    { name: 'http:hooks', known: false },
    { name: 'relay:isp', known: false },
  ])
  assert.equal((await box.ask('PUT', '/api/secrets/http:hooks', { value: 'token of the camera' })).status, 204)
  await box.household.reload()
  const hook = await box.raw('POST', '/api/alerts', '{"text":"Door open"}', {
    host: 'localhost',
    authorization: 'Bearer token of the camera'.replaceAll(' of the ', '-'),
    'content-type': 'application/json',
  })
  assert.equal(hook.status, 401)
  await box.ask('PUT', '/api/secrets/http:hooks', { value: 'token-camera' })
  await box.household.reload()
  const taken = await box.raw('POST', '/api/alerts', '{"text":"Door open"}', {
    host: 'localhost',
    authorization: 'Bearer token-camera',
    'content-type': 'application/json',
  })
  assert.equal(taken.status, 201, await taken.clone().text())
  assert.deepEqual(box.household.desk()?.state().numbers, { hooks: 1 }, 'under the name of its source')
  assert.equal((await box.ask('PUT', '/api/secrets/..%2fx', { value: 'x' })).status, 400)
})

test('disclosure of secrets (CWE-312): a backup holds no secret without a passphrase, and all of them with it; another box takes it', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const bare = await (await box.ask('POST', '/api/backup', {})).text()
  assert.ok(bare.includes('Pump 7') && !bare.includes(canary))
  const passphrase = 'a passphrase to write down'
  assert.equal((await box.ask('POST', '/api/backup', { passphrase: 'short' })).status, 400)
  const backup = await jsonOf<{ secrets: { data: string } }>(await box.ask('POST', '/api/backup', { passphrase }))
  assert.ok(!JSON.stringify(backup).includes(canary))
  const other = await WebBox.claimed()
  const look = await jsonOf<{ changes: string[]; locked: boolean }>(await other.ask('POST', '/api/restore', { backup }))
  assert.ok(look.locked && look.changes.some((line) => line.startsWith('site.name: "Outpost" -> "Pump 7"')), JSON.stringify(look))
  assert.equal(other.household.current.site.name, 'Outpost', 'looking changes nothing')
  const wrong = await other.ask('POST', '/api/restore', { backup, passphrase: 'another passphrase', apply: true })
  assert.equal(wrong.status, 422)
  const spoiled = {
    ...backup,
    secrets: { ...backup.secrets, data: `${backup.secrets.data.startsWith('A') ? 'B' : 'A'}${backup.secrets.data.slice(1)}` },
  }
  assert.equal((await other.ask('POST', '/api/restore', { backup: spoiled, passphrase, apply: true })).status, 422)
  assert.equal(other.household.current.site.name, 'Outpost')
  const done = await other.ask('POST', '/api/restore', { backup, passphrase, apply: true })
  assert.equal(done.status, 200, await done.clone().text())
  assert.equal(other.household.current.site.name, 'Pump 7')
  assert.deepEqual(await other.household.secretValues(), secrets)
  assert.equal((await other.ask('POST', '/api/restore', { backup: { format: 'x' } })).status, 400)
})

test('remains of user data (CWE-212): a reset leaves nothing behind', async () => {
  const box = await WebBox.claimed(settings, secrets)
  await box.household.desk()?.send({ to: 'operator@site.example.org', text: canary, severity: 'info' })
  await box.timeline.run(60_000)
  const where = () => box.disk.paths().filter((path) => Buffer.from(box.disk.durable(path) ?? []).includes(canary))
  assert.ok(where().length >= 2, String(where()))
  assert.equal((await box.ask('POST', '/api/reset', { name: 'Pump 8' })).status, 400)
  assert.equal((await box.ask('POST', '/api/reset', { name: 'Pump 7' })).status, 202)
  assert.equal(await box.household.ended, 'reset')
  const stopping = box.household.stop()
  await box.timeline.run(box.timeline.now + 20_000)
  await stopping
  await wipe(box.disk, 'data')
  assert.deepEqual(where(), [])
  assert.deepEqual(
    box.disk.paths().filter((path) => path.startsWith('data/')),
    [],
  )
})

test('a preview shows fields, the winning rule, why others did not win and the whole mail, also by settings that are not saved', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const rules = [
    { id: 'cellar', when: { key: 'cellar*' }, to: ['ops'] },
    { id: 'doors', when: { text: 'Door' }, to: ['ops'], subject: '{{site}}: {{text}}!' },
  ]
  const sample = { source: 'hooks', sample: '{"key":"door-1","text":"Door <script>alert(1)</script>"}' }
  const saved = await jsonOf<{ rule?: string; mail: string }>(await box.ask('POST', '/api/preview', sample))
  assert.equal(saved.rule, undefined)
  const answer = await box.ask('POST', '/api/preview', { ...sample, settings: { ...settings, rules } })
  const seen = await jsonOf<{ rule: string; others: { rule: string; why: string }[]; mail: string; reading: { key: string } }>(answer)
  assert.equal(seen.rule, 'doors')
  assert.equal(seen.others[0]?.rule, 'cellar')
  assert.match(seen.mail, /^Subject: Pump 7: Door <script>alert\(1\)<\/script>!\r$/m)
  const broken = await box.ask('POST', '/api/preview', {
    ...sample,
    settings: { ...settings, rules: [{ id: 'doors', when: {}, to: ['ops'], subject: '{{sitee}}' }] },
  })
  assert.equal(broken.status, 422)
  assert.match(((await broken.json()) as { hint: string }).hint, /sitee/)
})

test('the interface describes itself from the schemas that it validates by', async () => {
  const box = await WebBox.claimed()
  const found = await jsonOf<{ openapi: string; paths: Record<string, Record<string, { requestBody?: unknown; security: unknown[] }>> }>(
    await box.ask('GET', '/api/openapi.json'),
  )
  assert.equal(found.openapi, '3.1.0')
  const count = Object.values(found.paths).reduce((sum, item) => sum + Object.keys(item).length, 0)
  assert.equal(count, box.routes.length)
  assert.match(JSON.stringify(found.paths['/api/claim']?.post?.requestBody), /"minLength":12/)
  assert.deepEqual(found.paths['/healthz']?.get?.security, [])
})

test('resource exhaustion (CWE-400): a stream tells lines and state, goes on where a page left off, and has room for eight', async () => {
  const box = await WebBox.claimed(settings, secrets)
  await box.ask('POST', '/api/alerts', { text: 'first' })
  const first = await box.ask('GET', '/api/events')
  const reader = first.body?.pipeThrough(new TextDecoderStream()).getReader()
  const until = async (word: string): Promise<string> => {
    for (let text = ''; ; ) {
      const { value, done } = (await reader?.read()) ?? { done: true }
      text += value ?? ''
      if (text.includes(word)) return text
      assert.ok(!done, `${word} is not in ${text}`)
    }
  }
  const begun = await until('event: state')
  assert.match(begun, /^event: hello$/m)
  const id = /^id: (\S+)$/m.exec(begun)?.[1] ?? ''
  for (let i = 0; i < 200; i++) await box.ask('POST', '/api/alerts', { text: `storm ${i}` })
  await box.timeline.run(box.timeline.now + 300)
  const storm = await until('event: lines')
  assert.match(storm, /"missed":175/, 'a bundle is bounded, and says what it left out')
  await reader?.cancel()
  assert.equal(box.stream.size, 0)
  const again = await box.ask('GET', '/api/events', undefined, { 'last-event-id': id })
  const text = new TextDecoder().decode((await again.body?.getReader().read())?.value)
  assert.match(text, /event: hello/)
  const open = await Promise.all(Array.from({ length: 8 }, () => box.ask('GET', '/api/events')))
  assert.deepEqual(
    open.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 200, 503],
  )
})

test('a page that comes back takes the place of its own stream, which a pulled cable left open', async () => {
  const box = await WebBox.claimed()
  const first = await box.ask('GET', '/api/events?page=tab1')
  for (let i = 2; i <= 8; i++) await box.ask('GET', `/api/events?page=tab${i}`)
  assert.equal((await box.ask('GET', '/api/events?page=tab9')).status, 503)
  assert.equal((await box.ask('GET', '/api/events?page=tab1')).status, 200)
  assert.equal(box.stream.size, 8)
  const old = first.body?.getReader()
  for (;;) {
    const { done } = (await old?.read()) ?? { done: true }
    if (done) break
  }
  assert.equal((await box.ask('GET', '/api/events?page=../x')).status, 400)
})

test('session expiry (CWE-613): a page whose session has ended is cut off', async () => {
  const box = await WebBox.claimed()
  const stream = (await box.ask('GET', '/api/events')).body?.getReader()
  await box.ask('POST', '/api/logout', { all: true })
  for (;;) {
    const { done } = (await stream?.read()) ?? { done: true }
    if (done) break
  }
  assert.equal(box.stream.size, 0)
  const idle = await WebBox.claimed()
  await idle.ask('GET', '/api/events')
  await idle.timeline.run(idle.timeline.now + 31 * 60_000)
  assert.equal(idle.stream.size, 0)
  assert.equal((await idle.ask('GET', '/api/state')).status, 401)
})

test('session expiry (CWE-613): a machine whose token was taken away is cut off from the stream', async () => {
  const box = await WebBox.claimed()
  const made = async (name: string) => jsonOf<{ id: string; token: string }>(await box.ask('POST', '/api/tokens', { name, scope: 'read' }))
  const [one, other] = [await made('one'), await made('other')]
  const listen = (token: string) => box.raw('GET', '/api/events', undefined, { host: 'localhost', authorization: `Bearer ${token}` })
  const stream = (await listen(one.token)).body?.getReader()
  await listen(other.token)
  assert.equal(box.stream.size, 2)
  assert.equal((await box.ask('DELETE', `/api/tokens/${one.id}`)).status, 204)
  assert.equal(box.stream.size, 1)
  for (;;) {
    const { done } = (await stream?.read()) ?? { done: true }
    if (done) break
  }
  await box.timeline.run(box.timeline.now + 31 * 60_000)
  assert.equal(box.stream.size, 1, 'a token does not end by itself')
})

test('what an open page asks by itself does not count as use: its session ends after half an hour', async () => {
  const byItself = ['/api/update', '/api/chronicle', '/api/events']
  const box = await WebBox.claimed()
  box.sys.files.set(statusPath, JSON.stringify({ version: '0.1.0+202611010000', slot: 'A', state: 'idle' }))
  assert.deepEqual(
    box.routes
      .filter((route) => route.byItself)
      .map(({ path }) => path)
      .sort(),
    [...byItself].sort(),
  )
  const look = async () => {
    const statuses: number[] = []
    for (const path of byItself) {
      const answer = await box.ask('GET', `${path}${path.endsWith('events') ? '?page=one' : ''}`)
      statuses.push(answer.status)
      await answer.body?.cancel()
    }
    return statuses
  }
  for (let minute = 0; minute < 29; minute++) {
    assert.deepEqual(await look(), [200, 200, 200], `after ${minute} minutes`)
    await box.timeline.run(box.timeline.now + 60_000)
  }
  await box.timeline.run(box.timeline.now + 90_000)
  assert.deepEqual(await look(), [401, 401, 401])
  const used = await WebBox.claimed()
  for (let minute = 0; minute < 40; minute += 10) {
    assert.equal((await used.ask('GET', '/api/state')).status, 200, 'who asks for something is there')
    await used.timeline.run(used.timeline.now + 600_000)
  }
})

test('metrics are for whoever holds a token, and count what was settled', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const { token } = await jsonOf<{ token: string }>(await box.ask('POST', '/api/tokens', { name: 'prometheus', scope: 'read' }))
  const answer = await box.raw('GET', '/metrics', undefined, { host: 'localhost', authorization: `Bearer ${token}` })
  const text = await answer.text()
  assert.match(text, /^outpost_recipients_total\{outcome="delivered"\} 0$/m)
  assert.match(text, /^outpost_source_up\{source="hooks"\} 1$/m)
  assert.equal((await box.raw('GET', '/metrics', undefined, { host: 'localhost' })).status, 401)
})

test('brute force (CWE-307): who guesses the claim code is slowed down, and the code is not in the log', async () => {
  const box = await WebBox.open()
  const guess = () => box.ask('POST', '/api/claim', { code: 'AAAA-AAAA', password })
  assert.deepEqual([(await guess()).status, (await guess()).status, (await guess()).status, (await guess()).status], [401, 401, 401, 429])
  assert.ok(!box.book.lines.join('\n').includes(box.household.door.claimCode))
})

test('a page that was moved goes back after two minutes, unless somebody says from its new place that all is well', async () => {
  const box = await WebBox.claimed()
  const move = async (listen: string) => {
    const read = await box.ask('GET', '/api/settings')
    const { settings: now } = await jsonOf<{ settings: { web: object } }>(read)
    const moved = await box.ask(
      'PUT',
      '/api/settings',
      { ...now, web: { ...now.web, listen } },
      { 'if-match': read.headers.get('etag') ?? '' },
    )
    assert.equal(moved.status, 200, await moved.clone().text())
  }
  const before = box.household.current.web.listen
  assert.equal((await box.ask('POST', '/api/confirm')).status, 409)
  await move('127.0.0.1:8081')
  const state = await jsonOf<{ trialLeftMs: number }>(await box.ask('GET', '/api/state'))
  assert.equal(state.trialLeftMs, 120_000)
  await move('127.0.0.1:8082')
  await box.timeline.run(box.timeline.now + 121_000)
  await box.timeline.run(box.timeline.now + 20_000, () => box.household.current.web.listen === before)
  assert.equal(box.household.current.web.listen, before, 'to where it was at first')
  await move('127.0.0.1:8083')
  assert.equal((await box.ask('POST', '/api/confirm')).status, 204)
  await box.timeline.run(box.timeline.now + 200_000)
  assert.equal(box.household.current.web.listen, '127.0.0.1:8083')
})

test('a certificate of somebody’s own is taken only with its key, and its key is never told', async () => {
  const box = await WebBox.claimed({ web: { tls: 'file' } })
  const random = new NodeRandom()
  const [key, other] = [await random.ecKey(), await random.ecKey()]
  const cert = selfSigned(key, ['ps7.example.net'], random.bytes(16), 0, Date.UTC(2040, 0))
  assert.equal((await box.ask('PUT', '/api/certificate', { key: other, cert })).status, 422)
  assert.equal((await box.ask('PUT', '/api/certificate', { key, cert })).status, 204)
  const device = await (await box.ask('GET', '/api/device')).text()
  assert.match(device, /"fingerprint":"([0-9A-F]{2}:){31}[0-9A-F]{2}"/)
  assert.ok(!device.includes('PRIVATE'))
})

test('a clock that nobody has set takes the time of the telephone, one that is kept right does not', async () => {
  const box = await WebBox.claimed()
  const right = box.clock.wall()
  assert.equal((await box.ask('POST', '/api/time', { wall: right })).status, 409)
  box.clock.set = 'no'
  box.clock.wrongBy = -30 * 365 * 24 * 3_600_000
  assert.equal((await box.ask('POST', '/api/time', { wall: 0 })).status, 400)
  assert.equal((await box.ask('POST', '/api/time', { wall: right })).status, 204)
  assert.equal(box.clock.wall(), right)
  assert.match(box.book.lines.join('\n'), /clock: set from the page/)
})

test('a clock that the system lets nobody set is told so, with what to do instead', async () => {
  const box = await WebBox.claimed()
  box.clock.set = 'no'
  box.scene.ports.setClock = async () => 'the system did not answer (outpost-clock.path)'
  const answer = await box.ask('POST', '/api/time', { wall: box.clock.wall() })
  assert.equal(answer.status, 501)
  const { error, hint } = await jsonOf<{ error: string; hint: string }>(answer)
  assert.equal(error, 'The clock cannot be set: the system did not answer (outpost-clock.path).')
  assert.match(hint, /time server .* outpost\.json/)
  assert.doesNotMatch(box.book.lines.join('\n'), /clock: set from the page/)
})

/** A relay that shows a certificate by this authority, and lets in whoever has a token. */
function relayOf(box: WebBox, issuer: string): void {
  const said: Readonly<Record<string, string>> = {
    EHLO: '250-relay\r\n250-STARTTLS\r\n250 AUTH XOAUTH2',
    STARTTLS: '220 go',
    AUTH: '235 welcome',
  }
  const certificate = { subject: 'relay', issuer, names: ['relay.example.org'], from: 0, to: Date.UTC(9999, 0) }
  box.net.place('relay.example.org', 587, {
    serve: (end) => {
      end.onData = (octets) => {
        const [verb = ''] = Buffer.from(octets).toString().split(/[ \r]/)
        end.send(`${said[verb] ?? '250 ok'}\r\n`)
        if (verb === 'STARTTLS') end.secure(certificate)
      }
      end.send('220 relay\r\n')
    },
  })
}

/** What the page asks for a relay that is not saved: each step that was good. */
async function walked(box: WebBox, relay: object, more: object = {}): Promise<string[]> {
  const answer = await box.ask('POST', '/api/doctor', { relay: { id: 'draft', host: 'relay.example.org', port: 587, ...relay }, ...more })
  const text = await box.passing(answer.text())
  assert.equal(answer.status, 200, text)
  const steps = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: string; ok: boolean; sentence: string })
  for (const { step, ok, sentence } of steps) assert.ok(ok, `${step}: ${sentence}`)
  return steps.map(({ step }) => step)
}

test('a relay that is not saved is checked against the authority that its ca names; one that cannot be read is said', async () => {
  const box = await WebBox.claimed(settings, secrets)
  await box.disk.write('data/own.pem', Buffer.from('Own CA'))
  relayOf(box, 'Own CA')
  assert.ok((await walked(box, { ca: 'own.pem' })).includes('RCPT'))
  const missing = await box.ask('POST', '/api/doctor', { relay: { id: 'draft', host: 'relay.example.org', port: 587, ca: 'no.pem' } })
  assert.equal(missing.status, 422)
  assert.match(await missing.text(), /ca: no\.pem cannot be read/)
})

/** A provider that takes a refresh token once only, and a relay that takes what it gives. */
function provider(box: WebBox): string[] {
  const shown: string[] = []
  let good = 'refresh-0'
  box.net.webs.set('https://provider.example', ({ body = '' }) => {
    const form = new URLSearchParams(body)
    const token = form.get('refresh_token') ?? ''
    shown.push(`${token} ${form.get('client_secret')}`)
    if (token !== good) return { status: 400, headers: {}, body: Buffer.from('{"error":"invalid_grant"}') }
    good = `refresh-${shown.length}`
    const json = { access_token: 'access', token_type: 'Bearer', expires_in: 3600, refresh_token: good }
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(json)) }
  })
  relayOf(box, 'Sim CA')
  box.net.trusted.add('Sim CA')
  return shown
}

const oauth2 = {
  auth: {
    kind: 'oauth2',
    user: 'ps7@example.org',
    tokenUrl: 'https://provider.example/token',
    clientId: 'id',
    clientSecret: { secret: 'client' },
    refreshToken: { secret: 'refresh' },
  },
}

test('a relay with OAuth2 that is not saved is checked with the refresh token that is kept, and a new one is kept in its place', async () => {
  const box = await WebBox.claimed(settings, { ...secrets, client: 'client-secret', refresh: 'refresh-0' })
  const shown = provider(box)
  await walked(box, oauth2, { secrets: { refresh: '' } })
  assert.equal((await box.household.secretValues()).refresh, 'refresh-1')
  await walked(box, oauth2)
  assert.deepEqual(shown, ['refresh-0 client-secret', 'refresh-1 client-secret'])
})

test('a refresh token that was typed is kept nowhere before it is saved, and the one that came in its place is saved then', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const shown = provider(box)
  const typed = { refresh: 'refresh-0', client: 'typed-secret' }
  await walked(box, oauth2, { secrets: typed })
  await walked(box, oauth2, { secrets: typed })
  assert.deepEqual(shown, ['refresh-0 typed-secret', 'refresh-1 typed-secret'])
  assert.equal((await box.household.secretValues()).refresh, undefined)
  assert.equal((await box.ask('PUT', '/api/secrets/refresh', { value: 'refresh-0' })).status, 204)
  assert.equal((await box.household.secretValues()).refresh, 'refresh-2')
  assert.equal((await box.ask('PUT', '/api/secrets/refresh', { value: 'another' })).status, 204)
  assert.equal((await box.household.secretValues()).refresh, 'another')
})

test('whatever comes behind the stop of a box starts no gateway beside that of the next life', async () => {
  const box = await WebBox.claimed(settings, secrets)
  const read = await box.ask('GET', '/api/settings')
  const { settings: before } = await jsonOf<Read>(read)
  const stopping = box.household.stop()
  const saving = box.household.save(
    { ...before, site: { ...(before.site as object), name: 'Pump 8' } },
    (read.headers.get('etag') ?? '').replaceAll('"', ''),
  )
  const reloading = box.household.reload()
  await assert.rejects(saving, /stops or starts anew/)
  await box.passing(reloading)
  await box.passing(stopping)
  assert.equal(box.household.desk(), undefined)
})
