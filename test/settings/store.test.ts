import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSettings } from '../../src/settings/check.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { Secrets } from '../../src/settings/secrets.ts'
import { SettingsStore } from '../../src/settings/store.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'

const named = (name: string) => {
  const { settings } = checkSettings(JSON.stringify({ site: { name } }))
  assert.ok(settings)
  return settings
}

test('a power cut while saving leaves the old settings or the new ones', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new SimDisk()
    const store = new SettingsStore(disk, 'data')
    await store.load()
    await store.save(named('old'))
    const random = new SimRandom(seed)
    let syncs = random.below(6)
    disk.delay = () => (syncs-- > 0 ? Promise.resolve() : new Promise(() => {}))
    void store.save(named('new'))
    await new Promise((resolve) => setImmediate(resolve))
    const after = await new SettingsStore(disk.powerCut(random), 'data').load()
    assert.ok(['old', 'new'].includes(after.settings?.site.name ?? ''), `seed ${seed}: ${JSON.stringify(after.findings)}`)
  }
})

test('a torn file falls back to its predecessor, aloud; with both torn nothing is overwritten', async () => {
  const disk = new SimDisk()
  const store = new SettingsStore(disk, 'data')
  await store.load()
  await store.save(named('one'))
  await store.save(named('two'))
  await disk.write('data/settings.json', new Uint8Array())
  const fallen = await new SettingsStore(disk, 'data').load()
  assert.equal(fallen.settings?.site.name, 'one')
  assert.match(fallen.notes.join(), /settings\.json\.bak is used/)
  await disk.write('data/settings.json.bak', Buffer.from('{"site":'))
  const broken = await new SettingsStore(disk, 'data').load()
  assert.equal(broken.settings, undefined)
  assert.equal((await disk.read('data/settings.json')).length, 0)
})

test('the device keeps its id', async () => {
  const disk = new SimDisk()
  const first = await DeviceStore.open(disk, new SimRandom(1), 'data')
  assert.match(first.data.id, /^[0-9a-f]{16}$/)
  assert.equal((await DeviceStore.open(disk, new SimRandom(2), 'data')).data.id, first.data.id)
})

test('a secret comes from the environment, the credentials or the file, and a missing one is named', async () => {
  const disk = new SimDisk()
  await disk.makeDir('data')
  await disk.makeDir('cred')
  await disk.write('data/secrets.json', Buffer.from('{"relay:isp":"from-file","b":"file-b"}'))
  await disk.write('cred/relay_isp', Buffer.from('from-credentials\n'))
  const secrets = await Secrets.load(disk, 'data', { CREDENTIALS_DIRECTORY: 'cred', OUTPOST_SECRET_B: 'from-env' })
  assert.equal(secrets.get('relay:isp'), 'from-credentials')
  assert.equal(secrets.get('b'), 'from-env')
  assert.equal(secrets.get('__proto__'), undefined)
  const { settings } = checkSettings(JSON.stringify({ broker: { users: [{ name: 'x', password: { secret: 'gone' } }] } }))
  assert.ok(settings)
  assert.match(secrets.missing(settings)[0]?.write ?? '', /OUTPOST_SECRET_GONE/)
})
