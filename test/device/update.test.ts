import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundleLimit, Hatch, type Put, statusPath, systemOf, whyNotTaken } from '../../src/device/update.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimSys } from '../sim/world/sys.ts'

const status = { compatible: 'outpost-qemu', version: '0.1.0+202611010000', slot: 'A', state: 'checked', bundle: '0.1.1+202612010000' }

test('what root tells is read, and whatever else stands there is nothing', async () => {
  const sys = new SimSys()
  assert.equal(await systemOf(sys), undefined)
  sys.files.set(statusPath, JSON.stringify(status))
  assert.deepEqual(await systemOf(sys), { version: status.version, slot: 'A', state: 'checked', bundle: status.bundle })
  for (const text of ['', '{', 'null', '[]', '{"version":1}', JSON.stringify({ ...status, state: 'owned' })]) {
    sys.files.set(statusPath, text)
    assert.equal(await systemOf(sys), undefined, text)
  }
})

test('a bundle comes in pieces, each the next one; at 0 it begins anew', async () => {
  const disk = new SimDisk()
  const hatch = new Hatch(disk, 'data')
  assert.deepEqual(await hatch.put(0, Buffer.from('hello '), 0), { kind: 'taken', here: 6 })
  assert.deepEqual(await hatch.put(3, Buffer.from('xx'), 0), { kind: 'gap', here: 6 })
  assert.deepEqual(await hatch.put(6, Buffer.from('world'), 0), { kind: 'taken', here: 11 })
  assert.equal(await hatch.received(), 11)
  await hatch.check('a1')
  assert.equal(Buffer.from(await disk.read('data/update/bundle.raucb')).toString(), 'hello world')
  assert.equal(Buffer.from(await disk.read('data/update/request.json')).toString(), '{"do":"check","request":"a1"}')
  assert.deepEqual(await hatch.put(0, Buffer.from('again'), 0), { kind: 'taken', here: 5 })
})

test('a piece that cannot be taken is told why: another upload came between, it is too large, or there is no room', async () => {
  const disk = new SimDisk()
  const hatch = new Hatch(disk, 'data')
  const why = (put: Put) => (put.kind === 'taken' ? assert.fail('it was taken') : whyNotTaken(put))
  await hatch.put(0, Buffer.from('hello'), 0)
  assert.match(why(await hatch.put(7, Buffer.from('x'), 0)).error, /5 octets are here.*another upload/)
  disk.size = async () => bundleLimit
  assert.match(why(await hatch.put(bundleLimit, Buffer.from('x'), 0)).error, /at most 1024 MiB/)
  const full = new Hatch(new SimDisk(), 'data')
  assert.match(why(await full.put(0, Buffer.from('x'), Number.MAX_SAFE_INTEGER)).error, /no room/)
})

test('the journal keeps its room for what it may still take, and not for what stands already', async () => {
  const disk = new SimDisk()
  const hatch = new Hatch(disk, 'data')
  await disk.makeDir('data/journal')
  await disk.write('data/journal/0001', new Uint8Array(4000))
  disk.room = async () => ({ bytes: 1010, inodes: 100 })
  assert.deepEqual(await hatch.put(0, new Uint8Array(10), 5000), { kind: 'taken', here: 10 }, '1,000 octets stay free for it')
  assert.deepEqual(await hatch.put(10, new Uint8Array(11), 5000), { kind: 'full', missing: 1 })
})

test('before an update is installed the settings of now are kept, through any power cut', async () => {
  for (let seed = 1; seed < 20; seed++) {
    const disk = new SimDisk()
    const hatch = new Hatch(disk, 'data')
    await disk.write('data/settings.json', Buffer.from('{"version":1}'))
    await disk.sync('data/settings.json')
    await disk.sync('data')
    assert.equal(await hatch.settingsBefore(), undefined)
    await disk.makeDir('data/update')
    await hatch.install('a2')
    const after = disk.powerCut(new SimRandom(seed))
    assert.equal(await new Hatch(after, 'data').settingsBefore(), '{"version":1}')
    assert.equal(Buffer.from(await after.read('data/update/request.json')).toString(), '{"do":"install","request":"a2"}')
  }
})
