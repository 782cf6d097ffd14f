import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from '../../src/ports/log.ts'
import { Spool, type SpoolOptions } from '../../src/queue/spool.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'

const options = (disk: SimDisk, more: Partial<SpoolOptions> = {}): SpoolOptions => ({
  disk,
  log: silent,
  random: new SimRandom(7),
  dir: 'data/spool',
  maxBytes: 1_000_000,
  spareBytes: () => 0,
  ...more,
})

test('what was kept is there after a power cut, octet for octet, and what no letter names goes', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const disk = new SimDisk()
    const spool = await Spool.open(options(disk))
    const draft = await spool.draft()
    const half = await spool.draft()
    await half.write(Buffer.from('never finished'))
    await draft.write(Buffer.alloc(70_000, 'a'))
    await draft.write(Buffer.alloc(30_000, 'b'))
    const kept = await draft.keep()
    const after = disk.powerCut(new SimRandom(seed))
    const again = await Spool.open(options(after))
    await again.sweep(new Set([kept.file]))
    assert.deepEqual(Buffer.from((await again.read(kept)) ?? []), Buffer.concat([Buffer.alloc(70_000, 'a'), Buffer.alloc(30_000, 'b')]))
    assert.deepEqual(await after.list('data/spool'), [kept.file])
  }
})

test('its limit, and the room that the journal may need, are kept; what was refused gives its room back', async () => {
  const disk = new SimDisk()
  const spool = await Spool.open(options(disk, { maxBytes: 1000 }))
  const draft = await spool.draft()
  await draft.write(Buffer.alloc(900))
  await assert.rejects(draft.write(Buffer.alloc(101)), /the spool is full/)
  await draft.drop()
  assert.equal(spool.bytes, 0)
  assert.deepEqual(await disk.list('data/spool'), [])
  const tight = await Spool.open(options(disk, { spareBytes: () => Number.MAX_SAFE_INTEGER }))
  await assert.rejects(tight.draft(), /the disk has no room/)
})

test('a mail whose octets changed on the card is not passed on', async () => {
  const disk = new SimDisk()
  const spool = await Spool.open(options(disk))
  const draft = await spool.draft()
  await draft.write(Buffer.from('Subject: x\r\n\r\ny\r\n'))
  const kept = await draft.keep()
  await disk.write(`data/spool/${kept.file}`, Buffer.from('Subject: x\r\n\r\nz\r\n'))
  assert.equal(await spool.read(kept), undefined)
  await spool.remove(kept.file)
  assert.equal(await spool.read(kept), undefined)
})

test('a disk that fails while a mail is written or kept refuses it', async () => {
  const disk = new SimDisk()
  const spool = await Spool.open(options(disk))
  for (const fault of [{ failWrite: 1 }, { failSync: 1 }, { failSync: 2 }]) {
    const draft = await spool.draft()
    disk.faults = fault
    await assert.rejects(async () => {
      await draft.write(Buffer.from('x'))
      await draft.keep()
    })
    disk.faults = {}
    await draft.drop()
  }
  assert.equal(spool.bytes, 0)
})
