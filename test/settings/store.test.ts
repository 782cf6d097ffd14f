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

test('a power cut while saving leaves the old settings or the new ones (eclipse-archived/smarthome#3016)', async () => {
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

test('settings that somebody wrote wrong are not those of before: a running box is told what is wrong, one that starts says what it makes do with, and nothing is lost', async () => {
  for (const [written, what] of [
    ['{"site":{"nmae":"three"}}', /nmae/],
    ['{"site":{"name":"three",}}', /JSON/],
  ] as const) {
    const disk = new SimDisk()
    const store = new SettingsStore(disk, 'data')
    await store.load()
    await store.save(named('one'))
    await store.save(named('two'))
    await disk.write('data/settings.json', Buffer.from(written))
    const running = await new SettingsStore(disk, 'data').load('never')
    assert.equal(running.settings, undefined)
    assert.match(running.findings.map((one) => `${one.path} ${one.what}`).join(), what)
    const starting = new SettingsStore(disk, 'data')
    const { settings, notes } = await starting.load('always')
    assert.equal(settings?.site.name, 'one')
    assert.match(notes.join(), /cannot be used .*settings\.json\.bak is used/)
    if (written.includes('nmae')) {
      assert.equal((await new SettingsStore(disk, 'data').load()).settings, undefined, 'the page says what is wrong')
      await starting.save(named('four'))
      assert.equal(Buffer.from(await disk.read('data/settings.json.refused')).toString(), written, 'what was written is put aside')
    }
  }
})

test('the device keeps its id', async () => {
  const disk = new SimDisk()
  const first = await DeviceStore.open(disk, new SimRandom(1), 'data')
  assert.match(first.data.id, /^[0-9a-f]{16}$/)
  assert.equal((await DeviceStore.open(disk, new SimRandom(2), 'data')).data.id, first.data.id)
})

test('a device file that was spoiled is written again from its predecessor: others read it, too', async () => {
  for (const spoil of [
    (disk: SimDisk) => disk.write('data/device.json', new Uint8Array(400)),
    (disk: SimDisk) => disk.remove('data/device.json'),
  ]) {
    const disk = new SimDisk()
    const first = await DeviceStore.open(disk, new SimRandom(1), 'data')
    await first.synchronised(1)
    await spoil(disk)
    const again = await DeviceStore.open(disk, new SimRandom(2), 'data')
    assert.match(again.notes.join(), /device\.json\.bak is used/)
    const written = JSON.parse(Buffer.from(await disk.read('data/device.json')).toString()) as { id: string }
    assert.equal(written.id, first.data.id)
    assert.deepEqual((await DeviceStore.open(disk, new SimRandom(3), 'data')).notes, [])
  }
})

test('a device file that the disk does not give is not written over: it may be newer than its predecessor', async () => {
  const disk = new SimDisk()
  const device = await DeviceStore.open(disk, new SimRandom(1), 'data')
  await device.synchronised(1)
  await device.synchronised(2)
  disk.faults.unreadable = (path) => path === 'data/device.json'
  assert.deepEqual((await DeviceStore.open(disk, new SimRandom(2), 'data')).data.lastSync, { wall: 1 })
  disk.faults = {}
  assert.deepEqual((await DeviceStore.open(disk, new SimRandom(3), 'data')).data.lastSync, { wall: 2 })
})

test('a spoiled device file on a disk that takes nothing is made up for by its predecessor all the same', async () => {
  const disk = new SimDisk()
  const first = await DeviceStore.open(disk, new SimRandom(1), 'data')
  await first.synchronised(1)
  await disk.write('data/device.json', new Uint8Array())
  disk.faults.failSync = 1
  const again = await DeviceStore.open(disk, new SimRandom(2), 'data')
  assert.equal(again.data.id, first.data.id)
  assert.match(again.notes.join(), /cannot be mended/)
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

test('settings that could not be saved are not taken for saved; the old file stands, and no draft is left', async () => {
  for (const fault of ['failWrite', 'failSync'] as const) {
    for (let nth = 1; nth <= 3; nth++) {
      const disk = new SimDisk()
      const store = new SettingsStore(disk, 'data')
      await store.load()
      await store.save(named('old'))
      const before = store.revision
      disk.faults[fault] = nth
      const saved = await store.save(named('new')).then(
        () => true,
        () => false,
      )
      delete disk.faults[fault]
      const found = await new SettingsStore(disk, 'data').load()
      assert.equal(found.settings?.site.name, saved ? 'new' : 'old', `${fault} ${nth}`)
      assert.equal(store.revision === before, !saved)
      assert.deepEqual(
        disk.paths().filter((path) => path.endsWith('.tmp')),
        [],
      )
      await store.save(named('later'))
      assert.equal((await new SettingsStore(disk, 'data').load()).settings?.site.name, 'later')
    }
  }
})

test('two that save at once leave one of them, whole', async () => {
  const disk = new SimDisk()
  disk.faults.short = new SimRandom(1)
  disk.delay = () => new Promise((resolve) => setImmediate(resolve))
  const store = new SettingsStore(disk, 'data')
  await store.load()
  const names = Array.from({ length: 8 }, (_, index) => `writer ${index} ${'x'.repeat(index)}`)
  await Promise.all(names.map((name) => store.save(named(name))))
  const { settings, notes } = await new SettingsStore(disk, 'data').load()
  assert.equal(settings?.site.name, names.at(-1))
  assert.deepEqual(notes, [])
})

test('a read error that passes changes nothing; one that stays falls back to the predecessor, aloud', async () => {
  const disk = new SimDisk()
  const store = new SettingsStore(disk, 'data')
  await store.load()
  await store.save(named('one'))
  await store.save(named('two'))
  let left = 1
  disk.faults.unreadable = (path) => path === 'data/settings.json' && left-- > 0
  const passing = await new SettingsStore(disk, 'data').load()
  assert.deepEqual([passing.settings?.site.name, passing.notes], ['two', []])
  disk.faults.unreadable = (path) => path === 'data/settings.json'
  const standing = await new SettingsStore(disk, 'data').load()
  assert.equal(standing.settings?.site.name, 'one')
  assert.match(standing.notes.join(), /cannot be read.*settings\.json\.bak is used/)
})

test('a device whose file cannot be read gets no new id', async () => {
  const disk = new SimDisk()
  const first = await DeviceStore.open(disk, new SimRandom(1), 'data')
  disk.faults.unreadable = () => true
  await assert.rejects(DeviceStore.open(disk, new SimRandom(2), 'data'), /cannot be read/)
  disk.faults = {}
  assert.equal((await DeviceStore.open(disk, new SimRandom(3), 'data')).data.id, first.data.id)
})

test('a time that could not be kept is not taken for kept', async () => {
  const disk = new SimDisk()
  const device = await DeviceStore.open(disk, new SimRandom(1), 'data')
  await device.synchronised(1)
  disk.faults.failSync = 1
  await assert.rejects(device.synchronised(2))
  assert.deepEqual(device.data.lastSync, { wall: 1 })
})
