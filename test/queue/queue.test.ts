import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../src/ports/clock.ts'
import { silent } from '../../src/ports/log.ts'
import type { Offer } from '../../src/queue/offer.ts'
import { Queue } from '../../src/queue/queue.ts'
import { scanSegment } from '../../src/queue/record.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { segmentBytes, stage } from './stage.ts'

test('what was accepted is there after a power cut, in order, with its numbers', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { disk, open, live, offer } = stage()
    const random = new SimRandom(seed)
    const queue = await live(open())
    const accepted: number[] = []
    for (let i = 0; i < 20; i++) {
      void queue
        .accept(offer(`alert ${i} ${'x'.repeat(random.below(1500))}`))
        .then((one) => one.kind === 'accepted' && accepted.push(one.id))
      if (random.once(2)) await live(queue.accept(offer(`waited for ${i}`)).then((one) => one.kind === 'accepted' && accepted.push(one.id)))
    }
    const after = await live(open(disk.powerCut(random)))
    const waiting = new Set(after.waiting.ids(1000))
    for (const id of accepted) assert.ok(waiting.has(id), `seed ${seed}: alert ${id} was accepted and is gone`)
    const next = await live(after.accept(offer('next')))
    assert.ok(next.kind === 'accepted' && next.number > accepted.length)
  }
})

test('a power cut in the middle of a fast drain, some milliseconds after 200 deliveries, repeats no more than 32', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { disk, open, live, offer, timeline } = stage()
    const queue = await live(open())
    for (let i = 0; i < 200; i++) await live(queue.accept(offer(`alert ${i}`)))
    for (const id of queue.waiting.ids(1000)) queue.mark(id, { kind: 'delivered', to: ['ops'] })
    await timeline.run(timeline.now + 50)
    const after = await live(open(disk.powerCut(new SimRandom(seed))))
    assert.ok(after.waiting.size <= 32, `${after.waiting.size} letters would come again`)
  }
})

test('a letter that leaves right after it was grounded is frozen first, and is the same octets after a power cut', async () => {
  for (const frozen of [true, false]) {
    const { disk, open, live, offer } = stage()
    const queue = await live(open())
    const one = await live(queue.accept(offer('a')))
    assert.ok(one.kind === 'accepted')
    queue.ground()
    assert.ok(queue.isGrounded(one.id), 'it is known at once: whoever composes the letter now must freeze it')
    if (frozen) await live(queue.freeze(one.id, Buffer.from('octets')))
    const after = await live(open(disk.powerCut(new SimRandom(1))))
    const octets = (await live(after.read(one.id)))?.frozen
    assert.equal(octets && Buffer.from(octets).toString(), frozen ? 'octets' : undefined)
    assert.ok(!after.isGrounded(one.id) || frozen, 'nothing was written of it: it may have been in the air')
  }
})

test('a repeat of an id is accepted and recorded once, also after a restart and after its segment was recycled', async () => {
  const { open, live, offer } = stage()
  let queue = await live(open())
  const first = await live(queue.accept(offer('a', { id: 'x-1' })))
  assert.ok(first.kind === 'accepted')
  assert.deepEqual(await live(queue.accept(offer('a', { id: 'x-1' }))), { ...first, number: 0, repeated: true })
  queue.mark(first.id, { kind: 'delivered', to: ['ops'] })
  for (let i = 0; i < 600; i++) {
    const one = await live(queue.accept(offer(`filler ${'y'.repeat(500)}`)))
    assert.ok(one.kind === 'accepted')
    queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
  }
  assert.ok(queue.facts.segments < 4, `${queue.facts.segments} segments hold nothing`)
  await live(queue.close())
  queue = await live(open())
  const again = await live(queue.accept(offer('a', { id: 'x-1' })))
  assert.ok(again.kind === 'accepted' && again.repeated && again.id === first.id)
})

test('two at once with one id become one', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const both = await live(Promise.all([queue.accept(offer('a', { id: '1' })), queue.accept(offer('a', { id: '1' }))]))
  assert.equal(queue.waiting.size, 1)
  assert.deepEqual(
    both.map((one) => one.kind === 'accepted' && one.repeated),
    [false, true],
  )
})

test('a transmission counts as a repeat only when the wire says so', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  await live(queue.accept(offer('a', { transmission: '7:abc' })))
  await live(queue.accept(offer('a', { transmission: '7:abc' }), false))
  assert.equal(queue.waiting.size, 2)
  const dup = await live(queue.accept(offer('a', { transmission: '7:abc' }), true))
  assert.ok(dup.kind === 'accepted' && dup.repeated)
})

test('a name that its wire uses again soon is known for minutes: what comes under it later is another alert', async () => {
  const { open, live, offer, timeline } = stage()
  const minute = 60_000
  const queue = await live(open())
  const door = () => offer('Door open', { transmission: '1:abc', fleeting: true })
  const isRepeat = async (on = queue) => {
    const one = await live(on.accept(door(), true))
    assert.ok(one.kind === 'accepted')
    return one.repeated
  }
  assert.equal(await isRepeat(), false)
  await timeline.run(timeline.now + 4 * minute)
  assert.equal(await isRepeat(), true)
  await timeline.run(timeline.now + 10 * minute)
  assert.equal(await isRepeat(), false)
  await timeline.run(timeline.now + 24 * 60 * minute)
  assert.equal(await isRepeat(), false, 'nobody asked for a day')
  assert.equal(queue.waiting.size, 3)
})

test('a time in which nobody listened does not count: what was accepted last before a power cut is a repeat after it, what is older is not', async () => {
  const { open, live, offer, timeline, disk } = stage()
  const minute = 60_000
  const queue = await live(open())
  const says = (text: string) => offer(text, { transmission: `1:${text}`, fleeting: true })
  await live(queue.accept(says('old')))
  await timeline.run(timeline.now + 12 * minute)
  await live(queue.accept(says('late')))
  const cut = disk.powerCut(new SimRandom(1))
  await timeline.run(timeline.now + 120 * minute)
  for (const boot of ['boot-1', 'boot-2']) {
    const clock = new SimClock(timeline, boot)
    const after = await live(
      Queue.open({ disk: cut.powerCut(new SimRandom(1)), clock, log: silent, dir: 'data/journal', maxMiB: 1, segmentBytes }),
    )
    const [old, late] = await live(Promise.all([after.accept(says('old'), true), after.accept(says('late'), true)]))
    assert.deepEqual(
      [old, late].map((one) => one?.kind === 'accepted' && one.repeated),
      [false, true],
      boot,
    )
  }
})

test('a letter held for a year does not keep the journal from turning over', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const held = await live(queue.accept(offer('keep me')))
  assert.ok(held.kind === 'accepted')
  queue.mark(held.id, { kind: 'held' })
  for (let i = 0; i < 3000; i++) {
    const one = await live(queue.accept(offer(`filler ${'y'.repeat(500)}`)))
    assert.ok(one.kind === 'accepted', `alert ${i}: ${one.kind === 'refused' ? one.why : ''}`)
    queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
  }
  assert.ok(queue.facts.segments <= 10, `${queue.facts.segments}`)
  await live(queue.close())
  const after = await live(open())
  assert.equal(after.waiting.get(held.id)?.held, true)
  assert.equal((await live(after.read(held.id)))?.alert.text, 'keep me')
})

test('room runs out for info first, then for warnings, then for all; drained, it takes them again', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const refused: string[] = []
  for (let i = 0; i < 3000 && refused.length < 3; i++) {
    for (const severity of ['info', 'warning', 'critical'] as const) {
      if (refused.includes(severity)) continue
      const one = await live(queue.accept(offer('z'.repeat(900), { severity })))
      if (one.kind === 'refused') refused.push(severity)
    }
  }
  assert.deepEqual(refused, ['info', 'warning', 'critical'])
  const waiting = queue.waiting.ids(100_000)
  const before = await live(open())
  assert.deepEqual(before.waiting.ids(100_000), waiting, 'nothing accepted was lost')
  for (const id of waiting) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  await live(queue.sync())
  await live(queue.measure())
  assert.equal((await live(queue.accept(offer('again', { severity: 'info' })))).kind, 'accepted')
})

test('a full disk can be opened and drained', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  let last = 'accepted'
  disk.faults.capacity = disk.used + 5 * segmentBytes + 300_000
  while (last === 'accepted') last = (await live(queue.accept(offer('z'.repeat(900), { severity: 'critical' })))).kind
  disk.faults.capacity = disk.used
  const waiting = queue.waiting.ids(100_000)
  const after = await live(open())
  assert.deepEqual(after.waiting.ids(100_000), waiting)
  for (const id of waiting) after.mark(id, { kind: 'delivered', to: ['ops'] })
  await live(after.sync())
  await live(after.close())
  assert.equal((await live(open())).waiting.size, 0)
})

test('after a failed sync the batch goes to another segment, and nothing acknowledged is lost', async () => {
  for (let nth = 1; nth < 12; nth++) {
    for (const fault of ['failWrite', 'failSync'] as const) {
      const { disk, open, live, offer } = stage()
      const queue = await live(open())
      disk.faults[fault] = nth
      const accepted: number[] = []
      for (let i = 0; i < 12; i++) {
        const one = await live(queue.accept(offer(`alert ${i}`)))
        if (one.kind === 'accepted') accepted.push(one.id)
      }
      assert.equal(accepted.length, 12, `${fault} ${nth}`)
      assert.equal(disk.syncedAgain, 0, 'a later sync on the same descriptor may succeed and mean nothing')
      const after = await live(open(disk.powerCut(new SimRandom(nth))))
      const waiting = new Set(after.waiting.ids(100))
      for (const id of accepted) assert.ok(waiting.has(id), `${fault} ${nth}: ${id}`)
    }
  }
})

test('a disk that fails twice makes the journal read-only; it tries again after half a minute', async () => {
  const { disk, open, live, offer, timeline } = stage()
  const queue = await live(open())
  const real = disk.writeTo.bind(disk)
  let broken = true
  disk.writeTo = async (...args) => {
    if (broken) disk.faults.failWrite = 1
    return real(...args)
  }
  const one = await live(queue.accept(offer('a')))
  assert.equal(one.kind, 'refused')
  assert.match(queue.facts.readOnly ?? '', /a write failed/)
  broken = false
  delete disk.faults.failWrite
  assert.equal((await live(queue.accept(offer('b')))).kind, 'refused')
  await timeline.run(timeline.now + 31_000)
  assert.equal((await live(queue.accept(offer('c')))).kind, 'accepted')
})

test('short writes are written to the end', async () => {
  const { disk, open, live, offer } = stage()
  disk.faults.short = new SimRandom(7)
  const queue = await live(open())
  for (let i = 0; i < 50; i++) assert.equal((await live(queue.accept(offer(`alert ${i} ${'x'.repeat(400)}`)))).kind, 'accepted')
  const after = await live(open(disk.powerCut(new SimRandom(1))))
  assert.equal(after.waiting.size, 50)
})

test('outcomes need no sync of their own: they ride on the next one', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  await live(queue.accept(offer('warm up')))
  const before = disk.syncs
  for (let i = 0; i < 20; i++) {
    const one = await live(queue.accept(offer(`alert ${i}`)))
    assert.ok(one.kind === 'accepted')
    queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
  }
  assert.equal(disk.syncs - before, 20)
})

test('any octet of the journal may be spoiled: it opens, and loses no more than was hit', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  for (let i = 0; i < 30; i++) await live(queue.accept(offer(`alert ${i} ${'x'.repeat(i * 7)}`)))
  await live(queue.close())
  const path = disk.paths().find((name) => name.endsWith('.seg') && disk.durable(name)?.[0] === 0xf5) ?? ''
  const segment = disk.durable(path) ?? new Uint8Array()
  const end = segment.findLastIndex((octet) => octet !== 0)
  const random = new SimRandom(3)
  for (let at = 0; at <= end; at += 1 + random.below(60)) {
    segment[at] = (segment[at] ?? 0) ^ 0x5a
    const copy = disk.powerCut(random)
    segment[at] = (segment[at] ?? 0) ^ 0x5a
    const after = await live(open(copy))
    assert.ok(after.waiting.size >= 29, `octet ${at}: ${after.waiting.size} of 30 are left`)
  }
})

test('the worst leave first, then the oldest; nothing overtakes its elder of the same key', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const ids: number[] = []
  for (const [key, severity] of [
    ['a', 'warning'],
    ['b', 'info'],
    ['c', 'critical'],
    ['a', 'warning'],
  ] as const) {
    const one = await live(queue.accept(offer(key, { key, severity })))
    if (one.kind === 'accepted') ids.push(one.id)
  }
  const [a = 0, b = 0, c = 0, a2 = 0] = ids
  assert.deepEqual(queue.waiting.due(0, 10), [c, a, a2, b])
  queue.waiting.defer(a, 1, 5000)
  assert.deepEqual(queue.waiting.due(1000, 10), [c, b])
  queue.waiting.hold(a, true)
  assert.deepEqual(queue.waiting.due(1000, 10), [c, a2, b], 'a letter that is held by hand keeps nobody')
})

test('what was in the air is frozen, also over a restart, and forgotten when it is settled', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const one = await live(queue.accept(offer('a')))
  assert.ok(one.kind === 'accepted')
  await live(queue.freeze(one.id, Buffer.from('frozen octets')))
  const after = await live(open())
  assert.equal(Buffer.from((await live(after.read(one.id)))?.frozen ?? []).toString(), 'frozen octets')
  after.mark(one.id, { kind: 'delivered', to: ['ops'] })
  assert.equal(after.isFrozen(one.id), false)
})

test('a raise and its clear are one thread, and a letter names the one before it', async () => {
  const { open, live, offer } = stage()
  const queue = await live(open())
  const raised = await live(queue.accept(offer('up', { key: 'p1', state: 'raised' })))
  const cleared = await live(queue.accept(offer('down', { key: 'p1', state: 'cleared' })))
  const fresh = await live(queue.accept(offer('up', { key: 'p1', state: 'raised' })))
  assert.ok(raised.kind === 'accepted' && cleared.kind === 'accepted' && fresh.kind === 'accepted')
  assert.equal((await live(queue.read(cleared.id)))?.alert.parent, raised.id)
  assert.equal((await live(queue.read(cleared.id)))?.alert.previous, 1)
  assert.equal((await live(queue.read(fresh.id)))?.alert.parent, undefined)
})

/** Fills a journal until it has turned over; returns the ids that wait. */
async function filled({ open, live, offer }: ReturnType<typeof stage>, count: number, stays: (index: number) => boolean) {
  const queue = await live(open())
  const waiting: number[] = []
  for (let i = 0; i < count; i++) {
    const one = await live(queue.accept(offer(`alert ${i} ${'x'.repeat(1500)}`)))
    assert.ok(one.kind === 'accepted', `alert ${i}: ${one.kind === 'refused' ? one.why : ''}`)
    if (stays(i)) waiting.push(one.id)
    else queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
  }
  return { queue, waiting }
}

test('a segment that is made ahead while an alert needs one is not given to both', async () => {
  const { disk, clock, timeline, open, live, offer } = stage()
  disk.delay = () => sleep(clock, 100)
  const queue = await live(open(disk, 2))
  const accepted: number[] = []
  for (let i = 0; i < 600; i++) {
    void queue.accept(offer(`alert ${i} ${'x'.repeat(900)}`)).then((one) => one.kind === 'accepted' && accepted.push(one.id))
    if (i % 10 !== 9) continue
    void queue.measure()
    await timeline.run(timeline.now + 30)
  }
  await timeline.run(timeline.now + 60_000)
  assert.equal(accepted.length, 600)
  const after = await live(open(disk, 2))
  assert.deepEqual(
    accepted.filter((id) => !after.waiting.get(id)),
    [],
  )
})

test('read errors while the journal is opened cost nothing when they pass, and one block when they stay', async () => {
  const scene = stage()
  const { disk, open, live, offer } = scene
  const { queue, waiting } = await filled(scene, 200, (i) => i % 20 === 0 || i > 150)
  await live(queue.close())
  for (const path of disk.paths().filter((name) => name.endsWith('.seg'))) {
    for (let nth = 1; nth <= 3; nth++) {
      const copy = disk.powerCut(new SimRandom(1))
      disk.dead = false
      let left = nth
      copy.faults.unreadable = (name) => name === path && left-- > 0
      const passing = await live(open(copy))
      assert.deepEqual(passing.waiting.ids(1000), waiting, `${path}, ${nth} errors`)
    }
    const copy = disk.powerCut(new SimRandom(1))
    disk.dead = false
    copy.faults.unreadable = (name, from, to) => name === path && from < 20_000 && to > 16_384
    const standing = await live(open(copy))
    assert.ok(standing.waiting.size >= waiting.length - 4, `${path}: ${standing.waiting.size} of ${waiting.length}`)
    assert.equal((await live(standing.accept(offer('next')))).kind, 'accepted')
  }
})

test('a segment that cannot be read in one life is not written over, and is there again in the next', async () => {
  const scene = stage()
  const { disk, open, live, offer } = scene
  const { queue, waiting } = await filled(scene, 60, (i) => i > 20)
  await live(queue.close())
  for (const path of disk.paths().filter((name) => name.endsWith('.seg'))) {
    const copy = disk.powerCut(new SimRandom(1))
    disk.dead = false
    copy.faults.unreadable = (name) => name === path
    const without = await live(open(copy))
    const meanwhile: number[] = []
    for (let i = 0; i < 300; i++) {
      const one = await live(without.accept(offer(`meanwhile ${i} ${'y'.repeat(1500)}`)))
      assert.ok(one.kind === 'accepted', `${path}: ${i}`)
      if (i < 290) without.mark(one.id, { kind: 'delivered', to: ['ops'] })
      else meanwhile.push(one.id)
    }
    await live(without.close())
    copy.faults = {}
    const again = await live(open(copy))
    assert.deepEqual(
      [...waiting, ...meanwhile].filter((id) => !again.waiting.get(id)),
      [],
      path,
    )
    for (const id of again.waiting.ids(1000)) {
      assert.ok(await live(again.read(id)))
      again.mark(id, { kind: 'delivered', to: ['ops'] })
    }
    for (let i = 0; i < 40; i++) await live(again.accept(offer(`later ${'z'.repeat(1500)}`)))
    assert.deepEqual(
      copy.paths().filter((name) => name.endsWith('.bad')),
      [],
      'once it is settled the file goes',
    )
  }
})

test('a journal of which nothing can be read is not begun anew', async () => {
  const scene = stage()
  const { queue } = await filled(scene, 10, () => true)
  await scene.live(queue.close())
  scene.disk.faults.unreadable = () => true
  await assert.rejects(scene.live(scene.open()), /no segment in data\/journal can be read/)
})

test('a record that cannot be read at the first try is read at the second', async () => {
  const scene = stage()
  const { queue, waiting } = await filled(scene, 3, () => true)
  let errors = 1
  scene.disk.faults.unreadable = () => errors-- > 0
  assert.ok(await scene.live(queue.read(waiting[0] ?? 0)))
})

test('a full journal has no other segment: after an error it goes on in its last one, with a fresh descriptor', async () => {
  // Syncs, those that fail as F: the first drives the journal out of its active segment into the reserve, the others hit that, empty or written to.
  for (const syncs of ['FF', 'FFF', 'F.F', 'F..F']) {
    const { disk, timeline, open, live, offer } = stage()
    const queue = await live(open(disk, 0.25))
    const waiting: number[] = []
    const take = () => live(queue.accept(offer('z'.repeat(1500), { severity: 'critical' })))
    for (let one = await take(); one.kind === 'accepted'; one = await take()) waiting.push(one.id)
    const real = disk.syncFile.bind(disk)
    const coming = [...syncs]
    disk.syncFile = async (inode) => {
      if (coming.shift() === 'F') disk.faults.failSync = 1
      return real(inode)
    }
    // A few letters of each segment stay: room has to be made by writing.
    for (const [index, id] of waiting.entries()) if (index % 6 > 0) queue.mark(id, { kind: 'delivered', to: ['ops'] })
    await live(queue.sync())
    let last = await take()
    for (let i = 0; i < 40 && last.kind === 'refused'; i++) {
      await timeline.run(timeline.now + 1001)
      last = await take()
    }
    assert.equal(last.kind, 'accepted', syncs)
    assert.equal(coming.length, 0, syncs)
    const after = await live(open(disk.powerCut(new SimRandom(1)), 0.25))
    assert.deepEqual(
      waiting.filter((id, index) => index % 6 === 0 && !after.waiting.get(id)),
      [],
    )
  }
})

test('a full journal whose last segment cannot be read to its end is not begun anew in it, for want of another', async () => {
  const { disk, timeline, open, live, offer } = stage()
  const queue = await live(open(disk, 0.25))
  const waiting: number[] = []
  const take = () => live(queue.accept(offer('z'.repeat(1500), { severity: 'critical' })))
  for (let one = await take(); one.kind === 'accepted'; one = await take()) waiting.push(one.id)
  const told = waiting.slice(0, 6)
  for (const id of told) {
    queue.mark(id, { kind: 'delivered', to: ['ops'] })
    if (queue.facts.reserve) disk.faults.failSync = 1
    await live(queue.sync())
  }
  assert.equal(queue.facts.reserve, false, 'the last one that there was is in use')

  const generation = (path: string) => scanSegment(disk.durable(path) ?? new Uint8Array())?.generation ?? 0
  const segments = disk.paths().filter((path) => path.endsWith('.seg'))
  const newest = segments.reduce((one, other) => (generation(other) > generation(one) ? other : one))
  const copy = disk.powerCut(new SimRandom(1))
  copy.faults.unreadable = (path, _, to) => path === newest && to > segmentBytes - 4096
  const without = await live(open(copy, 0.25))
  assert.deepEqual([without.facts.reserve, without.facts.pool], [false, 0])
  without.mark(waiting.at(-1) ?? 0, { kind: 'delivered', to: ['ops'] })
  await timeline.run(timeline.now + 60_000)
  const again = await live(open(copy.powerCut(new SimRandom(2)), 0.25))
  assert.deepEqual(
    told.filter((id) => again.waiting.get(id)),
    [],
    'nobody is told again',
  )
})

test('letters that nobody takes do not keep a journal of settled ones full', async () => {
  const { queue, waiting } = await filled(stage(), 1000, (i) => i < 30)
  assert.ok(waiting.every((id) => queue.waiting.get(id)))
})

test('a segment that cannot be opened or made costs no alert', async () => {
  for (let nth = 1; nth <= 30; nth++) {
    const scene = stage()
    const queue = await scene.live(scene.open())
    scene.disk.faults.failOpen = nth
    for (let i = 0; i < 200; i++) {
      const one = await scene.live(queue.accept(scene.offer(`alert ${i} ${'x'.repeat(1500)}`)))
      assert.ok(one.kind === 'accepted', `opening ${nth}, alert ${i}: ${one.kind === 'refused' ? one.why : ''}`)
      queue.mark(one.id, { kind: 'delivered', to: ['ops'] })
    }
  }
})

test('a journal whose every new segment fails says that the disk is at fault, not that it is full', async () => {
  const { disk, open, live, offer } = stage()
  const queue = await live(open())
  const real = disk.open.bind(disk)
  disk.open = async (path, options) => {
    if (options?.create) disk.faults.failOpen = 1
    return real(path, options)
  }
  let refused: string | undefined
  for (let i = 0; i < 200 && refused === undefined; i++) {
    const one = await live(queue.accept(offer(`alert ${i} ${'x'.repeat(1500)}`)))
    if (one.kind === 'refused') refused = one.why
  }
  assert.match(refused ?? '', /cannot be opened/)
  assert.match(queue.facts.readOnly ?? '', /cannot be opened/)
})

test('refused for want of room, it looks again: a second after the room is back alerts are taken', async () => {
  const { disk, timeline, open, live, offer } = stage()
  const queue = await live(open())
  disk.faults.capacity = disk.used
  const take = () => live(queue.accept(offer('z'.repeat(1500), { severity: 'critical' })))
  for (let i = 0; (await take()).kind === 'accepted'; i++) assert.ok(i < 200)
  delete disk.faults.capacity
  await timeline.run(timeline.now + 1001)
  await take()
  await timeline.run(timeline.now + 1001)
  assert.equal((await take()).kind, 'accepted')
})

test('a letter that a digest on its way to the disk covers is not copied behind it, and does not come back at a later start', async () => {
  const { open, live, offer, disk, timeline } = stage()
  const queue = await live(open())
  const accept = async (more: Partial<Offer>): Promise<number> => {
    const accepted = await live(queue.accept(offer(more.text ?? 'x'.repeat(3000), more)))
    assert.equal(accepted.kind, 'accepted')
    return accepted.kind === 'accepted' ? accepted.id : 0
  }
  const leaves = (id: number) => void queue.mark(id, { kind: 'delivered', to: ['ops'] })
  const covered = [await accept({ text: 'a' }), await accept({ text: 'b' })]
  while (queue.facts.segments < 7) leaves(await accept({}))
  const others: number[] = []
  while (queue.facts.segments < 8) others.push(await accept({}))
  await live(queue.measure())
  while (queue.facts.segments < 9) others.push(await accept({}))
  await live(queue.sync())
  disk.delay = async (kind) => {
    if (kind === 'sync') await new Promise<void>((resolve) => timeline.at(20, () => resolve()))
  }
  const digest = accept({ text: 'told together', source: 'outpost', covers: covered })
  // This makes room.
  leaves(others.pop() ?? 0)
  leaves(await digest)
  disk.delay = async () => {}
  for (const id of others) leaves(id)
  await live(queue.close())
  assert.deepEqual((await live(open())).waiting.ids(9), [])
})
