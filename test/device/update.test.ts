import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hatch, statusPath, systemOf } from '../../src/device/update.ts'
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

test('a bundle comes in pieces, each the next one; at 0 it begins anew, and a full disk refuses', async () => {
  const disk = new SimDisk()
  const hatch = new Hatch(disk, 'data')
  assert.equal(await hatch.put(0, Buffer.from('hello '), 0), 6)
  assert.equal(await hatch.put(3, Buffer.from('xx'), 0), undefined)
  assert.equal(await hatch.put(6, Buffer.from('world'), 0), 11)
  assert.equal(await hatch.put(11, Buffer.from('!'), Number.MAX_SAFE_INTEGER), undefined)
  assert.equal(await hatch.received(), 11)
  await hatch.check('a1')
  assert.equal(Buffer.from(await disk.read('data/update/bundle.raucb')).toString(), 'hello world')
  assert.equal(Buffer.from(await disk.read('data/update/request.json')).toString(), '{"do":"check","request":"a1"}')
  assert.equal(await hatch.put(0, Buffer.from('again'), 0), 5)
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
