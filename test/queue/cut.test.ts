import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../src/ports/clock.ts'
import { DiskError } from '../../src/ports/disk.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { scanSegment } from '../../src/queue/record.ts'
import type { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { segmentBytes, stage } from './stage.ts'

/** Segments that are shorter than they were made: fsck has cut them, or a copy of the data directory was interrupted; or the power went while they were made. */
const sector = 512
const journalOf = (disk: SimDisk) => disk.paths().filter((path) => path.startsWith('data/journal/'))
const putAside = (disk: SimDisk) => journalOf(disk).filter((path) => path.endsWith('.bad'))

async function cut(disk: SimDisk, path: string, length: number): Promise<void> {
  await disk.write(path, (disk.durable(path) ?? new Uint8Array()).slice(0, length))
  await disk.sync(path)
}

/** Thirty alerts in one segment, and where each of them ends. */
async function thirty() {
  const scene = stage()
  const { disk, open, live, offer } = scene
  const queue = await live(open())
  for (let i = 0; i < 30; i++) await live(queue.accept(offer(`alert ${i} ${'x'.repeat(i * 7)}`)))
  await live(queue.close())
  const path = journalOf(disk).find((name) => disk.durable(name)?.[0] === 0xf5) ?? ''
  const records = scanSegment(disk.durable(path) ?? new Uint8Array())?.records ?? []
  const ends = new Map(records.map((record) => [record.id, record.offset + record.bytes]))
  const ids = queue.waiting.ids(100)
  return { ...scene, path, ends, ids, lastId: Math.max(...ids) }
}

test('of a segment that was cut the rest counts, what is missing is told, and no position is given twice', async () => {
  const { disk, open, live, offer, path, ends, ids, lastId } = await thirty()
  for (let length = segmentBytes - sector; length > 0; length -= length > 16_384 ? 16_384 : sector) {
    const copy = disk.powerCut(new SimRandom(1))
    disk.dead = false
    await cut(copy, path, length)
    for (const life of ['first', 'second']) {
      const queue = await live(open(copy))
      assert.deepEqual(
        ids.filter((id) => (ends.get(id) ?? 0) <= length && !queue.waiting.get(id)),
        [],
        `${length} octets, ${life} life`,
      )
      if (life === 'first') assert.equal(queue.facts.damaged, 1, `${length} octets`)
      for (const id of queue.waiting.ids(100)) assert.ok(await live(queue.read(id)))
      const next = await live(queue.accept(offer('next')))
      assert.ok(next.kind === 'accepted' && next.id > lastId, `${length} octets, ${life} life`)
      assert.ok(!journalOf(copy).includes(path), 'nobody takes it for one to be written over')
      await live(queue.close())
    }
  }
})

test('a segment that was cut is not written over while somebody waits for what is in it, and goes when nobody does', async () => {
  const { disk, open, live, offer, path, ids } = await thirty()
  await cut(disk, path, segmentBytes - sector)
  const queue = await live(open())
  const [file = ''] = putAside(disk)
  const octets = disk.durable(file)?.slice()
  for (let i = 0; i < 120; i++) {
    const one = await live(queue.accept(offer(`meanwhile ${i} ${'y'.repeat(1500)}`)))
    assert.ok(one.kind === 'accepted')
    queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
    if (disk.paths().includes(file)) assert.deepEqual(disk.durable(file), octets)
  }
  for (const id of ids) assert.match((await live(queue.read(id)))?.alert.text ?? '', /^alert/)
  for (const id of ids) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  for (let i = 0; i < 40; i++) await live(queue.accept(offer(`later ${'z'.repeat(1500)}`)))
  await live(queue.close())
  assert.deepEqual(putAside(disk), [])
  const after = await live(open())
  assert.equal(after.facts.damaged, 0)
  assert.equal(after.waiting.get(ids[0] ?? 0), undefined)
})

test('a segment that was cut and counts no more goes, and is told to nobody', async () => {
  const { disk, open, live, offer } = stage()
  const fill = async (queue: Queue) => {
    for (let i = 0; i < 300; i++) {
      const one = await live(queue.accept(offer(`alert ${i} ${'x'.repeat(1500)}`)))
      if (one.kind === 'accepted') queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
    }
    await live(queue.close())
  }
  await fill(await live(open()))
  const generation = (path: string) => scanSegment(disk.durable(path) ?? new Uint8Array())?.generation ?? 0
  const [oldest = ''] = journalOf(disk)
    .filter((path) => generation(path) > 0)
    .sort((a, b) => generation(a) - generation(b))
  await cut(disk, oldest, segmentBytes / 2)
  const queue = await live(open())
  assert.equal(queue.facts.damaged, 0)
  assert.deepEqual([journalOf(disk).includes(oldest), putAside(disk)], [false, []])
})

test('a segment that cannot be put aside is read all the same, and not written on', async () => {
  const { disk, open, live, offer, path, ids } = await thirty()
  await cut(disk, path, segmentBytes - sector)
  disk.rename = async () => {
    throw new DiskError('the directory cannot be written', 'EIO')
  }
  const before = disk.durable(path)?.slice()
  const queue = await live(open())
  for (const id of ids) assert.ok(await live(queue.read(id)))
  assert.equal((await live(queue.accept(offer('next')))).kind, 'accepted')
  assert.deepEqual(disk.durable(path), before)
})

test('the power may go while a segment is made, at any instant: what stands of it goes, and nothing is told', async () => {
  let unmade = 0
  for (let seed = 1; seed <= 200; seed++) {
    const { disk, clock, timeline, open, live } = stage()
    const random = new SimRandom(seed)
    disk.faults.short = random
    disk.delay = () => sleep(clock, 10)
    void open()
    await timeline.run(timeline.now + random.below(40))
    const copy = disk.powerCut(random)
    for (const path of journalOf(copy)) if ((await copy.size(path)) !== segmentBytes) unmade++
    const queue = await live(open(copy))
    assert.equal(queue.facts.damaged, 0, `seed ${seed}`)
    for (const path of journalOf(copy)) assert.equal(await copy.size(path), segmentBytes, `seed ${seed}: ${path}`)
  }
  assert.ok(unmade > 5, `${unmade} segments stood unmade`)
})
