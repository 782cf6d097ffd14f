import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/ports/disk.ts'
import type { Mark } from '../../src/queue/mark.ts'
import type { Beside, Queue } from '../../src/queue/queue.ts'
import { nextTry } from '../../src/queue/schedule.ts'
import { SimRandom } from '../sim/world/random.ts'
import { segmentBytes, stage } from './stage.ts'

/** What a letter is, through restarts and through being copied from one segment to the next. */
const idOf = (one: Awaited<ReturnType<Queue['accept']>>): number => (one.kind === 'accepted' ? one.id : assert.fail(one.why))

/** Counts whom it is told to be settled, and what it was told of alerts. */
class Counted implements Beside {
  settledNow: Record<string, number> = {}
  durable = 0
  undone = 0
  alert() {
    return { durable: () => void this.durable++, undo: () => void this.undone++ }
  }
  note(): void {}
  settled(how: string, recipients: number): void {
    this.settledNow[how] = (this.settledNow[how] ?? 0) + recipients
  }
  toJSON(): unknown {
    return {}
  }
  restore(): void {}
}

test('a letter that half of its people have, that was tried, held and frozen, is the same after its segment was written over, and after a restart', async () => {
  const beside = new Counted()
  const { open, live, offer } = stage({ beside })
  const queue = await live(open())
  const id = idOf(await live(queue.accept(offer('stays', { to: ['ops', 'night', 'boss'] }))))
  queue.mark(id, { kind: 'delivered', to: ['night'] })
  queue.mark(id, { kind: 'deferred', attempts: 3, why: '451' })
  queue.mark(id, { kind: 'held' })
  await live(queue.freeze(id, Buffer.from('frozen octets')))
  const before = queue.waiting.get(id)
  for (let i = 0; i < 1200; i++) {
    const filler = idOf(await live(queue.accept(offer(`filler ${'y'.repeat(1500)}`))))
    queue.mark(filler, { kind: 'delivered', to: ['ops'] })
  }
  await live(queue.sync())
  assert.notEqual(queue.waiting.get(id)?.segment, before?.segment, 'it was copied forward')
  assert.deepEqual(beside.settledNow, { delivered: 1201 }, 'nobody is counted twice')
  const check = async (one: Queue) => {
    const { pending, attempts, held } = one.waiting.get(id) ?? assert.fail('it is gone')
    assert.deepEqual({ pending, attempts, held }, { pending: 0b101, attempts: 3, held: true })
    const read = await live(one.read(id))
    assert.equal(read?.alert.text, 'stays')
    assert.equal(Buffer.from(read?.frozen ?? []).toString(), 'frozen octets')
  }
  await check(queue)
  await live(queue.close())
  const after = await live(open())
  await check(after)
  after.thaw(id)
  assert.equal((await live(after.read(id)))?.frozen, undefined)
  after.mark(id, { kind: 'released' })
  assert.equal(after.waiting.get(id)?.held, false)
  assert.equal(after.mark(id, { kind: 'delivered', to: ['ops'] }), undefined)
  assert.equal(after.mark(id, { kind: 'refused', to: ['boss'], why: 'no' })?.id, id)
  await live(after.close())
  assert.equal((await live(open())).waiting.size, 0)
})

test('what was kept is settled by the letter that tells it, whoever of its people hears that; another letter only for whom it is told', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const to = ['ops', 'night']
  const kept = idOf(await live(queue.accept(offer('kept', { to, kept: 'quiet' }))))
  const waits = idOf(await live(queue.accept(offer('waits', { to }))))
  const teller = idOf(await live(queue.accept(offer('both', { to: ['ops'], covers: [kept, waits] }))))
  const check = (one: Queue) => {
    assert.deepEqual(one.waiting.ids(9), [waits, teller])
    assert.equal(one.waiting.get(waits)?.pending, 0b10, 'night has not been told')
  }
  check(queue)
  await live(queue.close())
  check(await live(open()))
})

test('what the rules keep does not leave by itself, also after a restart', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  idOf(await live(queue.accept(offer('kept', { kept: 'group' }))))
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.kept], [[], 1])
  await live(queue.close())
  const after = await live(open())
  assert.deepEqual([after.waiting.due(0, 9), after.waiting.kept], [[], 1])
})

test('what the rules tell again is no repeat of what was heard', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const first = idOf(await live(queue.accept(offer('up', { id: 'x-1' }))))
  const made = offer('').stamp
  const again = await live(queue.accept(offer('still up', { id: 'x-1', telling: { kind: 'reminder', made }, number: 1 })))
  assert.notEqual(idOf(again), first)
  assert.equal(again.kind === 'accepted' && again.repeated, false)
})

test('dropped by hand it is gone for all, stays gone, and stands in the history with why', async () => {
  const marks: [number, Mark][] = []
  const { open, live, offer } = stage({ onMark: (id, mark) => marks.push([id, mark]) })
  const queue = await live(open())
  const id = idOf(await live(queue.accept(offer('a', { to: ['ops', 'night'] }))))
  assert.equal(queue.mark(id, { kind: 'dropped', why: 'by hand' })?.id, id)
  assert.deepEqual(marks, [[id, { kind: 'dropped', why: 'by hand' }]])
  assert.equal(queue.mark(id, { kind: 'delivered', to: ['ops'] }), undefined, 'nobody waits for it any more')
  await live(queue.close())
  const after = await live(open())
  assert.equal(after.waiting.size, 0)
  assert.deepEqual(
    (await live(after.past(5))).map((one) => [one.id, one.outcomes.map(({ kind, why }) => `${kind} ${why}`)]),
    [[id, ['dropped by hand']]],
  )
})

test('the file of a mail is given up when it is on the disk that its last recipient has it, not before', async () => {
  const released: string[] = []
  const { open, live, offer } = stage({ onReleased: (file) => released.push(file) })
  const queue = await live(open())
  const enclosed = { file: 'a.mail', bytes: 90_000, crc: 1, from: '', by: '[192.0.2.1]', with: 'ESMTP' }
  const id = idOf(await live(queue.accept(offer('mail', { enclosed, to: ['ops', 'night'] }))))
  const check = (one: Queue) => {
    assert.deepEqual([...one.enclosed], ['a.mail'])
    assert.equal(one.isEnclosing(id), true)
    assert.equal(one.waiting.get(id)?.octets, 90_000)
  }
  check(queue)
  await live(queue.close())
  const after = await live(open())
  check(after)
  after.mark(id, { kind: 'delivered', to: ['ops'] })
  await live(after.sync())
  after.mark(id, { kind: 'delivered', to: ['night'] })
  assert.deepEqual([[...after.enclosed], released], [[], []])
  await live(after.sync())
  assert.deepEqual(released, ['a.mail'])
})

test('which letters are on the ground is known over restarts; one that may have been in the air at the end of a life never is', async () => {
  const { open, live, offer } = stage()
  let queue = await live(open())
  const ids: number[] = []
  const take = async () => void ids.push(idOf(await live(queue.accept(offer('a')))))
  const ground = async () => {
    queue.ground()
    await live(queue.sync())
  }
  await take()
  await ground()
  await take()
  assert.deepEqual(
    ids.map((id) => queue.isGrounded(id)),
    [true, false],
  )
  await live(queue.close())
  queue = await live(open())
  await take()
  await ground()
  assert.deepEqual(
    ids.map((id) => queue.isGrounded(id)),
    [true, false, true],
  )
  await live(queue.close())
  queue = await live(open())
  assert.deepEqual(
    ids.map((id) => queue.isGrounded(id)),
    [true, false, true],
  )
})

test('what has left on a day is known over a restart when it was noted', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const spent = (serial: number) => ({ letters: serial, octets: 100, serial, at: offer('').stamp })
  queue.keepSpent(spent(1), true)
  await live(queue.sync())
  queue.keepSpent(spent(2), false)
  assert.equal(queue.spent?.letters, 2)
  assert.equal((await live(open())).spent?.letters, 1)
})

test('what could not be taken leaves no gap in the numbers, and whoever folds beside the queue takes it back', async () => {
  const beside = new Counted()
  const { disk, open, live, offer } = stage({ beside })
  const queue = await live(open())
  const tooLong = await live(queue.accept(offer('z'.repeat(segmentBytes / 2))))
  assert.ok(tooLong.kind === 'refused' && /too long/.test(tooLong.why), tooLong.kind)
  disk.faults.capacity = disk.used
  let full = await live(queue.accept(offer('a')))
  let taken = 0
  for (; full.kind === 'accepted' && taken < 500; taken++) full = await live(queue.accept(offer('z'.repeat(1500))))
  assert.ok(full.kind === 'refused' && full.again && /full/.test(full.why))
  assert.deepEqual([beside.durable, beside.undone], [taken, 2])
  await live(queue.close())
  delete disk.faults.capacity
  const after = await live(open())
  const next = await live(after.accept(offer('c')))
  assert.equal(next.kind === 'accepted' && next.number, taken + 1)
  await live(after.close())
  const late = await live(after.accept(offer('b')))
  assert.ok(late.kind === 'refused' && /closed/.test(late.why))
})

test('a disk without room for another file, or that does not tell its room, refuses, and takes alerts when that is over', async () => {
  const roomy = stage()
  roomy.disk.room = async () => ({ bytes: 262_144 + 3 * segmentBytes, inodes: 9 })
  const open = await roomy.live(roomy.open())
  assert.equal((await roomy.live(open.accept(roomy.offer('a')))).kind, 'accepted')
  for (const room of [
    async () => ({ bytes: 1e9, inodes: 8 }),
    async () => ({ bytes: 262_144 + segmentBytes - 1, inodes: 1e6 }),
    () => Promise.reject(new Error('no')),
  ]) {
    const { disk, timeline, open, live, offer } = stage()
    const real = disk.room.bind(disk)
    disk.room = room
    const queue = await live(open())
    assert.equal((await live(queue.accept(offer('a', { severity: 'critical' })))).kind, 'refused')
    assert.equal(disk.paths().length, 0)
    disk.room = real
    await timeline.run(timeline.now + 1001)
    await live(queue.measure())
    assert.equal((await live(queue.accept(offer('b')))).kind, 'accepted')
  }
})

test('what the journal may still grow by is what its limit leaves', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  for (let i = 0; i < 200; i++) {
    assert.equal(queue.growthBytes + disk.used, 1024 * 1024)
    if ((await live(queue.accept(offer('z'.repeat(1500))))).kind === 'refused') break
  }
})

test('an outcome is on the disk a second later, though nothing else is written', async () => {
  const { disk, timeline, open, live, offer } = stage()
  const queue = await live(open())
  const id = idOf(await live(queue.accept(offer('a'))))
  queue.mark(id, { kind: 'delivered', to: ['ops'] })
  await timeline.run(timeline.now + 1001)
  assert.equal((await live(open(disk.powerCut(new SimRandom(1))))).waiting.size, 0)
})

test('every file of a journal that was drained is in use, ready, or the reserve: none is forgotten', async () => {
  const { disk, timeline, open, live, offer } = stage()
  const queue = await live(open())
  const check = (one: Queue) => {
    const { segments, pool, reserve } = one.facts
    assert.equal(segments + pool + (reserve ? 1 : 0), disk.paths().length)
    assert.ok(reserve)
  }
  for (let i = 0; i < 300; i++) {
    const id = idOf(await live(queue.accept(offer('z'.repeat(1500)))))
    if (i % 3 > 0) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  }
  for (const id of queue.waiting.ids(500)) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  await live(queue.sync())
  await timeline.run(timeline.now + 2000)
  check(queue)
  await live(queue.close())
  check(await live(open()))
})

test('segments that are made after a restart take the place of no other', async () => {
  const { open, live, offer } = stage()
  const texts: string[] = []
  for (let life = 0; life < 4; life++) {
    const queue = await live(open())
    for (let i = 0; i < 60; i++) {
      texts.push(`${life} ${i} ${'z'.repeat(1500)}`)
      idOf(await live(queue.accept(offer(texts.at(-1) ?? ''))))
    }
    await live(queue.close())
  }
  const after = await live(open())
  const read: (string | undefined)[] = []
  for (const id of after.waiting.ids(500)) read.push((await live(after.read(id)))?.alert.text)
  assert.deepEqual(read, texts)
})

test('a segment that became the reserve, or waits to be written over, tells nothing of its old letters after a restart', async () => {
  const { open, live, offer } = stage({ maxMiB: 0.5 })
  const queue = await live(open())
  for (let round = 0; round < 2; round++) {
    const ids: number[] = []
    for (let i = 0; i < 400; i++) {
      const one = await live(queue.accept(offer(`${round} ${i} ${'z'.repeat(1500)}`, { severity: 'critical' })))
      if (one.kind === 'refused') break
      ids.push(one.id)
    }
    assert.ok(ids.length > 100 && ids.length < 400, 'it was full')
    for (const id of ids) queue.mark(id, { kind: 'delivered', to: ['ops'] })
    await live(queue.sync())
    await live(queue.measure())
    for (let i = 0; i < 500; i++) {
      const id = idOf(await live(queue.accept(offer(`between ${'y'.repeat(1500)}`))))
      queue.mark(id, { kind: 'delivered', to: ['ops'] })
    }
    await live(queue.sync())
    assert.deepEqual((await live(open())).waiting.ids(9), [], `round ${round}`)
  }
})

test('a journal that cannot be written can be closed', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  idOf(await live(queue.accept(offer('a'))))
  const real = disk.writeTo.bind(disk)
  disk.writeTo = async (...args) => {
    disk.faults.failWrite = 1
    return real(...args)
  }
  disk.open = async () => Promise.reject(new DiskError('it cannot be opened', 'EIO'))
  const refused = await live(queue.accept(offer('b')))
  assert.ok(refused.kind === 'refused' && refused.again)
  await live(queue.close())
})

test('a letter on a bad block is counted and has no text, and the history tells what can be read', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  const id = idOf(await live(queue.accept(offer('a'))))
  queue.mark(id, { kind: 'delivered', to: ['ops'] })
  const other = idOf(await live(queue.accept(offer('b'))))
  await live(queue.sync())
  assert.equal((await live(queue.past(5))).length, 1)
  disk.faults.unreadable = () => true
  assert.equal(await live(queue.read(other)), undefined)
  assert.equal(queue.facts.unreadable, 1)
  assert.deepEqual(await live(queue.past(5)), [])
  disk.faults = {}
  assert.equal((await live(queue.read(other)))?.alert.text, 'b', 'the fault has passed')
})

test('a disk that promised room and has none is full, not at fault', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  const real = disk.open.bind(disk)
  disk.open = async (path, options) => {
    if (options?.create) throw new DiskError('no space left', 'ENOSPC')
    return real(path, options)
  }
  let last = await live(queue.accept(offer('a')))
  for (let i = 0; i < 500 && last.kind === 'accepted'; i++) last = await live(queue.accept(offer('z'.repeat(1500))))
  assert.match(last.kind === 'refused' ? last.why : '', /full/)
  assert.equal(queue.facts.readOnly, undefined)
})

test('a segment that a power cut left half made is made anew; foreign files in the directory stay as they are', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  idOf(await live(queue.accept(offer('a'))))
  await live(queue.close())
  await disk.write('data/journal/000099.seg', new Uint8Array(700))
  await disk.write('data/journal/notes.txt', Buffer.from('mine'))
  await disk.write('data/journal/000098.seg', new Uint8Array(segmentBytes + 1))
  const after = await live(open())
  assert.equal(after.waiting.size, 1)
  const names = await disk.list('data/journal')
  assert.deepEqual([names.includes('000099.seg'), names.includes('000098.seg'), names.includes('notes.txt')], [false, true, true])
})

test('a deferred letter is tried again after the waits of the settings, the last of which repeats', () => {
  const waits = [60, 120, 300]
  const at = (attempts: number) => nextTry(1000, attempts, waits, (ms) => ms)
  assert.deepEqual([1, 2, 3, 4, 99].map(at), [1060, 1120, 1300, 1300, 1300])
  assert.equal(
    nextTry(0, 1, [], (ms) => ms),
    3_600_000,
  )
})
