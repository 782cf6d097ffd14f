import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError, isDiskError } from '../../src/ports/disk.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { stage } from './stage.ts'

/** A queue with three letters of an earlier life, on a disk that the kernel has remounted read-only since. */
async function remounted() {
  const scene = stage()
  const { disk, live, open, offer } = scene
  const before = await live(open())
  for (const text of ['a', 'b', 'c']) await live(before.accept(offer(text, { severity: 'critical' })))
  await live(before.close())
  const after = disk.powerCut(new SimRandom(1))
  disk.dead = false
  after.faults.readOnly = true
  return { ...scene, disk: after }
}

test('on a disk that was remounted read-only the journal opens, every letter is read, and nothing is accepted', async () => {
  const { disk, live, open, offer, timeline } = await remounted()
  const queue = await live(open(disk))
  const ids = queue.waiting.ids(10)
  assert.deepEqual(await Promise.all(ids.map(async (id) => (await live(queue.read(id)))?.alert.text)), ['a', 'b', 'c'])
  assert.equal(queue.facts.damaged + queue.facts.unreadable, 0)
  const refused = await live(queue.accept(offer('d', { severity: 'critical' })))
  assert.ok(refused.kind === 'refused')
  assert.match(refused.why, /the journal cannot be written: .*read-only file system/)
  assert.match(refused.hint, /change the card. Waiting letters are still sent/)
  assert.match(queue.facts.readOnly ?? '', /read-only file system/)
  for (const id of ids) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  assert.equal(queue.waiting.size, 0, 'what has left is known in this life')
  await timeline.run(timeline.now + 120_000)
  disk.faults.readOnly = false
  await timeline.run(timeline.now + 60_000)
  await live(queue.close())
  const again = await live(open(disk))
  assert.equal(again.waiting.size, 0, 'and in the next, when the disk has taken it after all')
})

test('it is remounted while the queue runs: what waits is read with the files that were open, and without', async () => {
  const { disk, live, open, offer } = stage()
  const queue = await live(open())
  const accepted = await Promise.all(['a', 'b'].map((text) => live(queue.accept(offer(text)))))
  disk.faults.readOnly = true
  for (const one of accepted) assert.ok(one.kind === 'accepted' && (await live(queue.read(one.id))))
  assert.equal((await live(queue.accept(offer('c')))).kind, 'refused')
})

test('a directory that is missing on a disk that takes nothing is an empty journal, and accepts nothing', async () => {
  const { live, open, offer } = stage()
  const disk = new SimDisk()
  disk.faults.readOnly = true
  const queue = await live(open(disk))
  assert.equal(queue.waiting.size, 0)
  assert.equal((await live(queue.accept(offer('a')))).kind, 'refused')
})

for (const code of ['EIO', 'EACCES', 'EROFS', 'EMFILE'])
  test(`a segment that cannot be opened just now (${code}) is not a letter that was destroyed`, async () => {
    const { disk, live, open, offer } = stage()
    const queue = await live(open())
    const one = await live(queue.accept(offer('a')))
    assert.ok(one.kind === 'accepted')
    const real = disk.open.bind(disk)
    disk.open = async (path) => {
      throw new DiskError(`cannot open ${path}`, code)
    }
    await assert.rejects(live(queue.read(one.id)), (error) => isDiskError(error, code))
    assert.equal(queue.facts.unreadable, 0)
    disk.open = real
    assert.equal((await live(queue.read(one.id)))?.alert.text, 'a')
  })

test('a segment that is gone is lost, and so is a block that cannot be read; while the disk takes nothing, either, that says nothing', async () => {
  const { disk, live, open, offer } = stage()
  const queue = await live(open())
  const one = await live(queue.accept(offer('a')))
  assert.ok(one.kind === 'accepted')
  const real = disk.open.bind(disk)
  disk.open = async (path) => {
    throw new DiskError(`cannot open ${path}`, 'ENOENT')
  }
  assert.equal(await live(queue.read(one.id)), undefined)
  disk.open = real
  disk.faults.unreadable = () => true
  assert.equal(await live(queue.read(one.id)), undefined)
  assert.equal(queue.facts.unreadable, 2)
  disk.faults.readOnly = true
  await live(queue.accept(offer('b')))
  await assert.rejects(live(queue.read(one.id)), (error) => isDiskError(error, 'EIO'))
})
