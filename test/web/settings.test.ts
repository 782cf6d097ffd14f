import assert from 'node:assert/strict'
import { test } from 'node:test'
import { free, newcomer, refersTo, secretName } from '../../src/page/secret-name.ts'
import { DiskError } from '../../src/ports/disk.ts'
import { WebBox } from './box.ts'

const relay = (id: string, secret: string) => ({
  id,
  host: `${id}.example.org`,
  port: 587,
  security: 'starttls',
  auth: { kind: 'password', user: 'box', password: { secret } },
})
const jsonOf = async <T>(answer: Response): Promise<T> => (await answer.json()) as T
type Finding = { path: string; what: string; write: string; level: string }

async function read(box: WebBox) {
  const answer = await box.ask('GET', '/api/settings')
  assert.equal(answer.status, 200, await answer.clone().text())
  const { settings, findings } = await jsonOf<{ settings: Record<string, unknown>; findings: Finding[] }>(answer)
  return { settings, findings, match: { 'if-match': answer.headers.get('etag') ?? '' } }
}

/** The disk gives or takes everything but what is put at this path. */
function refuseAt(box: WebBox, path: string): () => void {
  const rename = box.disk.rename
  box.disk.rename = async (from, to) => {
    if (to === path) throw new DiskError('no space left', 'ENOSPC')
    await rename.call(box.disk, from, to)
  }
  return () => {
    box.disk.rename = rename
  }
}

test('secrets that come with settings are kept when those are, and none when anything is refused', async () => {
  const one = relay('isp', 'relay:isp')
  const box = await WebBox.claimed({ relays: [one] }, { 'relay:isp': 'right', other: 'x' })
  const known = () => box.household.secretValues()
  const { settings, match } = await read(box)
  const put = (relays: unknown[], secrets: object, etag = match) =>
    box.ask('POST', '/api/settings', { settings: { ...settings, relays }, secrets }, etag)
  const wrong = await put([one, { ...relay('second', 'relay:isp'), port: 0 }], { 'relay:isp': 'of another' })
  assert.equal(wrong.status, 422)
  assert.equal((await put([one], { 'relay:isp': 'new' }, { 'if-match': '"0000000000000000"' })).status, 412)
  assert.equal((await put([one], { '../x': 'new' })).status, 400)
  const heal = refuseAt(box, 'data/settings.json')
  const full = await put([one, relay('second', 'relay:second')], { 'relay:isp': 'new', 'relay:second': 'two' })
  assert.equal(full.status, 507, await full.clone().text())
  heal()
  assert.deepEqual(await known(), { 'relay:isp': 'right', other: 'x' })
  assert.equal(box.household.current.relays.length, 1)
  const done = await put([one, relay('second', 'relay:second')], { 'relay:second': 'two' })
  assert.equal(done.status, 200, await done.clone().text())
  assert.deepEqual(await known(), { 'relay:isp': 'right', other: 'x', 'relay:second': 'two' })
  assert.ok(box.household.secrets(box.household.current).every((secret) => secret.known))
})

test('a secret that is given from outside is not saved from the page, and neither are the settings', async () => {
  const box = await WebBox.claimed({ relays: [relay('isp', 'relay:isp')] })
  Object.assign(box.scene.env, { OUTPOST_SECRET_RELAY_ISP: 'from outside' })
  await box.household.reload()
  const { settings, match } = await read(box)
  const answer = await box.ask('POST', '/api/settings', { settings: { ...settings, relays: [] }, secrets: { 'relay:isp': 'x' } }, match)
  assert.equal(answer.status, 422)
  assert.match(await answer.text(), /comes from the environment/)
  assert.equal(box.household.current.relays.length, 1)
})

test('a form names a secret after its entry, and never as another entry does', () => {
  const one = relay('relay', 'relay:relay')
  const second = newcomer(relay('relay', 'relay:relay'), { relays: [one] }, 'relays') as typeof one
  assert.deepEqual([second.id, second.auth.password.secret], ['relay2', 'relay:relay2'])
  const third = newcomer(relay('relay', 'relay:relay'), { relays: [one, second] }, 'relays') as typeof one
  assert.deepEqual([third.id, third.auth.password.secret], ['relay3', 'relay:relay3'])
  assert.deepEqual(newcomer(relay('relay', 'relay:relay'), { relays: [] }, 'relays'), one, 'what is free stays')
  assert.equal(secretName({ relays: [one] }, 'relay:relay'), 'relay:relay2', 'two that shared one come apart')
  assert.equal(secretName({ relays: [second] }, 'relay:relay'), 'relay:relay', 'the whole name counts')
  const sources = [{ id: 'relay', kind: 'http', token: { secret: 'relay:relay' } }]
  assert.equal(secretName({ sources, relays: [] }, 'relay:relay'), 'relay:relay2', 'wherever it stands')
  assert.ok(!refersTo(undefined, 'relay:relay'))
  assert.equal(
    free('a', (name) => name !== 'a3'),
    'a3',
  )
})

test('a restore that the disk breaks off leaves settings and secrets as they were, and says that it was the disk', async () => {
  const settings = { relays: [relay('isp', 'relay:isp')] }
  const passphrase = 'a passphrase to write down'
  const from = await WebBox.claimed({ ...settings, site: { name: 'Other' } }, { 'relay:isp': 'old', more: 'm' })
  const backup = await jsonOf<object>(await from.ask('POST', '/api/backup', { passphrase }))
  const box = await WebBox.claimed(settings, { 'relay:isp': 'right' })
  const heal = refuseAt(box, 'data/settings.json')
  const broken = await box.ask('POST', '/api/restore', { backup, passphrase, apply: true })
  assert.equal(broken.status, 507)
  assert.match(await broken.text(), /no space left.*The disk is full/)
  assert.equal(box.household.current.site.name, 'Outpost')
  assert.deepEqual(await box.household.secretValues(), { 'relay:isp': 'right' })
  heal()
  const done = await box.ask('POST', '/api/restore', { backup, passphrase, apply: true })
  assert.equal(done.status, 200, await done.clone().text())
  assert.deepEqual(await box.household.secretValues(), { 'relay:isp': 'old', more: 'm' })
})

test('a restore that the gateway cannot work by is told as that, and everything is as before', async () => {
  const box = await WebBox.claimed({ relays: [relay('isp', 'relay:isp')] }, { 'relay:isp': 'right' })
  const passphrase = 'a passphrase to write down'
  const backup = await jsonOf<{ settings: object }>(await box.ask('POST', '/api/backup', { passphrase }))
  const list = box.disk.list.bind(box.disk)
  box.disk.list = async (dir) => {
    if (!dir.includes('journal')) return list(dir)
    box.disk.list = list
    throw new Error('the certificate of the relay is none')
  }
  const answer = await box.ask('POST', '/api/restore', {
    backup: { ...backup, settings: { ...backup.settings, site: { name: 'Other' } } },
    passphrase,
    apply: true,
  })
  assert.equal(answer.status, 422)
  const { findings } = await jsonOf<{ findings: Finding[] }>(answer)
  assert.match(findings[0]?.what ?? '', /the certificate of the relay is none/)
  assert.deepEqual(await box.household.secretValues(), { 'relay:isp': 'right' })
  assert.equal(box.household.current.site.name, 'Outpost')
  assert.ok(box.household.desk(), 'the gateway works')
})

/** A box that starts with settings that somebody wrote wrong, and makes do with those before. */
async function misspelt(written: (text: string) => string): Promise<{ box: WebBox; text: string }> {
  const first = await WebBox.claimed({ site: { name: 'Pump 7' } })
  const { settings, match } = await read(first)
  assert.equal((await first.ask('PUT', '/api/settings', { ...settings, site: { name: 'Pump 8' } }, match)).status, 200)
  await first.household.stop()
  const text = written(Buffer.from(await first.disk.read('data/settings.json')).toString())
  await first.disk.write('data/settings.json', Buffer.from(text))
  return { box: await WebBox.entered(first.disk), text }
}

test('settings that were refused at a start lock nobody out: what runs is shown with what is wrong of the file, and the next save puts that aside', async () => {
  for (const [slip, what] of [
    [(text: string) => text.replace('"timeZone"', '"timezone"'), /timezone/],
    [(text: string) => `${text.trimEnd().slice(0, -1)},}`, /JSON/],
  ] as const) {
    const { box, text } = await misspelt(slip)
    const { settings, findings, match } = await read(box)
    assert.deepEqual((settings.site as { name: string }).name, 'Pump 7')
    assert.equal(findings[0]?.path, '')
    assert.match(findings[0]?.write ?? '', /settings\.json\.refused/)
    assert.match(findings.map((one) => `${one.path} ${one.what}`).join(), what)
    for (const [method, path, body] of [
      ['POST', '/api/backup', {}],
      ['GET', '/api/support', undefined],
    ] as const)
      assert.equal((await box.ask(method, path, body)).status, 200, path)
    assert.equal((await box.ask('POST', '/api/testmail', { to: 'operator@outpost.internal' })).status, 201)
    assert.equal((await box.ask('POST', '/api/reset', { name: 'Pump 9' })).status, 400)
    const saved = await box.ask('PUT', '/api/settings', { ...settings, site: { name: 'Pump 9' } }, match)
    assert.equal(saved.status, 200, await saved.clone().text())
    assert.equal(Buffer.from(await box.disk.read('data/settings.json.refused')).toString(), text)
    assert.deepEqual((await read(box)).findings, [])
    assert.equal(box.household.current.site.name, 'Pump 9')
  }
})

test('a file that is spoiled under a box that runs does not bring back what was before: what runs is shown and saved', async () => {
  const box = await WebBox.claimed({ site: { name: 'Pump 7' } })
  const first = await read(box)
  await box.ask('PUT', '/api/settings', { ...first.settings, site: { name: 'Pump 8' } }, first.match)
  for (const spoil of [
    () => box.disk.write('data/settings.json', Buffer.from('{"site":{"nmae":"x"}}')),
    () => box.disk.write('data/settings.json', new Uint8Array()),
    () => box.disk.remove('data/settings.json'),
    async () => {
      box.disk.faults.unreadable = (path) => path.startsWith('data/settings.json')
    },
  ]) {
    await spoil()
    const { settings, findings, match } = await read(box)
    assert.equal((settings.site as { name: string }).name, 'Pump 8')
    assert.equal(findings[0]?.level, 'error')
    box.disk.faults = {}
    assert.equal((await box.ask('PUT', '/api/settings', settings, match)).status, 200)
  }
})
