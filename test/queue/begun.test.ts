import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Begun, raisesLimit } from '../../src/queue/begun.ts'
import type { Offer } from '../../src/queue/offer.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { stage } from './stage.ts'

/** A letter that tells several stands where the raises stood: what clears them is behind it for whom it is still to be told. */
const late = 1e12

function told(more: Parameters<typeof stage>[0] = {}) {
  const { open, live, offer } = stage(more)
  const accept = async (queue: Queue, offered: Offer): Promise<number> => {
    const accepted = await live(queue.accept(offered))
    return accepted.kind === 'accepted' ? accepted.id : assert.fail(accepted.why)
  }
  const about = (queue: Queue, key: string, state: 'raised' | 'cleared', offered: Partial<Offer> = {}) =>
    accept(queue, offer(`${key} ${state}`, { key, state, ...offered }))
  const digest = (queue: Queue, covers: number[], offered: Partial<Offer> = {}) =>
    accept(queue, offer('told together', { source: 'outpost', covers, ...offered }))
  return { open, live, offer, accept, about, digest }
}

test('a letter that was put off and tells several keeps back what clears a raise of them, of that source and key alone, until it is settled', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const earlier = await about(queue, 'a', 'cleared')
  const raises = [await about(queue, 'a', 'raised'), await about(queue, 'b', 'raised'), await about(queue, 'b', 'cleared')]
  const id = await digest(queue, raises)
  assert.deepEqual(queue.waiting.due(0, 9), [id, earlier], 'it is free')
  queue.waiting.defer(id, 1, late)
  const [a, b, again] = [await about(queue, 'a', 'cleared'), await about(queue, 'b', 'cleared'), await about(queue, 'a', 'raised')]
  const other = await about(queue, 'a', 'cleared', { source: 'panel' })
  assert.deepEqual(queue.waiting.due(0, 9), [earlier, b, other], 'b came and went, and what begins anew is behind what is over')
  assert.deepEqual(queue.waiting.tellersOf(a), [id])
  queue.mark(id, { kind: 'expired', to: ['ops'] })
  assert.deepEqual(queue.waiting.due(0, 9), [earlier, a, b, again, other])
})

test('so does what just happens and is the end of what a rule had raised', async () => {
  const { open, live, about, digest, offer, accept } = told()
  const queue = await live(open())
  const id = await digest(queue, [await about(queue, 'a', 'raised'), await about(queue, 'b', 'raised')])
  queue.waiting.defer(id, 1, late)
  const over = await accept(queue, offer('at 20', { key: 'a', state: 'event', over: ['hot'] }))
  const other = await accept(queue, offer('at 20', { key: 'a', state: 'event' }))
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.tellersOf(over)], [[], [id]], 'and what comes behind it')
  queue.mark(id, { kind: 'delivered', to: ['ops'] })
  assert.deepEqual(queue.waiting.due(0, 9), [over, other])
})

test('so it does with what it only names, also in later lives', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const severity = 'critical'
  const own = await about(queue, 'bad', 'raised', { severity })
  const id = await digest(queue, [await about(queue, 'a', 'raised'), await about(queue, 'b', 'raised')], { severity, names: [own] })
  queue.mark(own, { kind: 'delivered', to: ['ops'] })
  queue.waiting.defer(id, 1, late)
  const over = await about(queue, 'bad', 'cleared', { severity })
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.tellersOf(over)], [[], [id]])
  await live(queue.close())
  const after = await live(open())
  after.waiting.defer(id, 1, late)
  assert.deepEqual(after.waiting.due(0, 9), [])
  after.mark(id, { kind: 'delivered', to: ['ops'] })
  assert.deepEqual(after.waiting.due(0, 9), [over])
})

test('what the box itself clears, and tells with it, does not wait for itself', async () => {
  const { open, live, about } = told()
  const queue = await live(open())
  const own = { source: 'outpost' }
  const held = await about(queue, 'silent a', 'raised', { ...own, kept: 'hold' })
  const over = await about(queue, 'silent a', 'cleared', { ...own, covers: [held] })
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.tellersOf(over)], [[over], []])
})

test('each recipient waits for himself, and what several letters tell is behind all of them', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const to = ['ops', 'boss']
  const ids: number[] = []
  for (const who of [to, ['boss']]) ids.push(await digest(queue, [await about(queue, 'a', 'raised', { to: who })], { to: who }))
  for (const id of ids) queue.waiting.defer(id, 1, late)
  const over = await about(queue, 'a', 'cleared', { to: ['boss', 'ops', 'night'] })
  const behind = () => queue.waiting.leaving(0, 9).map((one) => [one.id, [...(one.behind ?? [])].sort()])
  assert.deepEqual(behind(), [[over, ['boss', 'ops']]])
  queue.mark(ids[0] ?? 0, { kind: 'delivered', to })
  assert.deepEqual(behind(), [[over, ['boss']]])
  queue.mark(ids[1] ?? 0, { kind: 'dropped', why: 'by hand' })
  assert.deepEqual(behind(), [[over, []]])
})

test('a critical clear waits for a critical raise, and for a lesser one only while that is in the air', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const severity = 'critical'
  const id = await digest(queue, [await about(queue, 'bad', 'raised', { severity }), await about(queue, 'lesser', 'raised')], { severity })
  const bad = await about(queue, 'bad', 'cleared', { severity })
  const lesser = await about(queue, 'lesser', 'cleared', { severity })
  queue.waiting.defer(id, 1, late)
  assert.deepEqual(queue.waiting.due(0, 9), [lesser])
  queue.waiting.defer(id, 1, 0)
  queue.waiting.away(id, true, 1)
  assert.deepEqual(queue.waiting.due(0, 9), [])
  assert.deepEqual(queue.waiting.due(0, 9, { lane: 1 }), [bad, lesser], 'what left on the same connection is before them')
  queue.waiting.away(id, false)
  queue.waiting.hold(id, true)
  assert.deepEqual(queue.waiting.due(0, 9), [bad, lesser], 'what a person holds keeps nobody')
})

test('it does so in later lives, when nothing is left of the letters that it tells', async () => {
  const { open, live, offer, accept, about, digest } = told()
  const queue = await live(open())
  const raises = [await about(queue, 'a', 'raised', { kept: 'quiet' }), await about(queue, 'b', 'raised')]
  const id = await digest(queue, raises)
  for (let i = 0; i < 1200; i++) queue.mark(await accept(queue, offer(`filler ${'y'.repeat(1500)}`)), { kind: 'delivered', to: ['ops'] })
  const over = await about(queue, 'a', 'cleared')
  await live(queue.close())
  const after = await live(open())
  after.waiting.defer(id, 1, late)
  assert.deepEqual([after.waiting.ids(9), after.waiting.due(0, 9)], [[id, over], []])
  after.mark(id, { kind: 'delivered', to: ['ops'] })
  assert.deepEqual(after.waiting.due(0, 9), [over])
})

test('what tells several is as large as its text, not as its record, which names all that it tells', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const raises: number[] = []
  for (let i = 0; i < 100; i++) raises.push(await about(queue, `k${i}`, 'raised'))
  const id = await digest(queue, raises)
  assert.ok((queue.waiting.get(id)?.bytes ?? 0) > 2000)
  const leave = { least: 'info', largest: 1500, overdue: Number.NEGATIVE_INFINITY } as const
  assert.deepEqual(queue.waiting.due(0, 9, { leave }), [id])
})

test('what tells that something is over is behind what tells its beginning, and waits for nothing when it is told itself', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const first = await digest(queue, [await about(queue, 'a', 'raised'), await about(queue, 'b', 'raised')])
  queue.waiting.defer(first, 1, late)
  const overs = [await about(queue, 'a', 'cleared'), await about(queue, 'b', 'cleared')]
  const anew = await about(queue, 'a', 'raised')
  assert.deepEqual(queue.waiting.due(0, 9), [])
  assert.deepEqual(queue.waiting.due(0, 9, { merging: true }), [...overs, anew], 'what begins anew, too')
  const second = await digest(queue, [...overs, anew])
  const urgent = await digest(queue, [await about(queue, 'b', 'cleared')], { severity: 'critical' })
  const again = await about(queue, 'a', 'cleared')
  assert.deepEqual(queue.waiting.tellersOf(second), [first])
  assert.deepEqual(queue.waiting.tellersOf(again), [first, second])
  assert.deepEqual(queue.waiting.due(0, 9), [urgent], 'which weighs more')
  queue.mark(first, { kind: 'delivered', to: ['ops'] })
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.tellersOf(second)], [[second, urgent], []])
})

test('a digest that leaves right behind another one is not passed by a third; one whose elder was put off keeps nobody back', async () => {
  const { open, live, about, digest } = told()
  const queue = await live(open())
  const first = await digest(queue, [await about(queue, 'a', 'raised'), await about(queue, 'b', 'raised')])
  const second = await digest(queue, [await about(queue, 'a', 'cleared'), await about(queue, 'c', 'raised')])
  const third = await digest(queue, [await about(queue, 'd', 'raised'), await about(queue, 'e', 'raised')])
  const critical = await digest(queue, [await about(queue, 'f', 'raised'), await about(queue, 'g', 'raised')], { severity: 'critical' })
  assert.deepEqual(queue.waiting.due(0, 9), [first, critical])
  queue.waiting.away(first, true, 1)
  assert.deepEqual(queue.waiting.due(0, 9), [critical], 'on another connection, too')
  assert.deepEqual(queue.waiting.due(0, 9, { lane: 1 }), [second, third, critical])
  queue.waiting.away(first, false)
  queue.waiting.defer(first, 1, late)
  assert.deepEqual(queue.waiting.due(0, 9), [third, critical])
  const fourth = await digest(queue, [await about(queue, 'c', 'cleared'), await about(queue, 'h', 'raised')])
  const fifth = await digest(queue, [await about(queue, 'i', 'raised'), await about(queue, 'j', 'raised')])
  assert.deepEqual([queue.waiting.due(0, 9), queue.waiting.tellersOf(fourth)], [[third, critical, fifth], [second]], 'nor at second hand')
})

test('raises beyond the limit are forgotten with the oldest letter that tells them, and all of a letter when it is settled', () => {
  const begun = new Begun()
  const many = Array.from({ length: raisesLimit }, (_, index) => [index, index, 1] as const)
  begun.add(1, [[5, 7, 1]])
  begun.add(2, many.slice(0, -1))
  const letters = () => begun.of(7).map(({ letter }) => letter)
  assert.deepEqual(letters(), [1, 2])
  begun.add(3, [[6, 7, 1]])
  assert.deepEqual(letters(), [2, 3])
  begun.drop(2)
  begun.drop(3)
  begun.drop(3)
  assert.deepEqual([letters(), [...begun.letters]], [[], []])
  begun.add(4, many)
  assert.deepEqual(letters(), [4], 'what was forgotten does not count')
})
