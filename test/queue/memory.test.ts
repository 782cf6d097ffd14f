import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stamp } from '../../src/alert/stamp.ts'
import { instant, monotonic } from '../../src/ports/clock.ts'
import { Grounded } from '../../src/queue/grounded.ts'
import { Memory } from '../../src/queue/memory.ts'
import { momentOf } from '../../src/queue/moment.ts'
import type { Offer } from '../../src/queue/offer.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

const stamp: Stamp = { wall: instant(0), mono: monotonic(0), boot: 'b', synchronised: 'yes' }
const offer = (more: Partial<Offer> = {}): Offer => ({
  source: 'plc',
  text: 'x',
  severity: 'warning',
  state: 'event',
  to: ['ops'],
  stamp,
  ...more,
})

test('a letter names the one that the same people were told before it; reminders and what is kept are none', () => {
  const memory = new Memory()
  const previous = (more: Partial<Offer> = {}) => memory.number(offer(more)).alert.previous
  assert.deepEqual(
    [previous(), previous(), previous({ to: ['night'] }), previous({ source: 'field' })],
    [undefined, 1, undefined, undefined],
  )
  assert.equal(previous({ kept: 'hold' }), 2)
  assert.equal(previous({ telling: { kind: 'reminder' }, number: 2 }), undefined)
  assert.equal(previous({ telling: { kind: 'escalation' }, number: 2 }), undefined)
  assert.equal(previous(), 2, 'neither the kept one nor what was told again came between')
  assert.deepEqual(memory.numbers, { plc: 5, field: 1 })
})

test('a number that did not become durable is given again, and so is what stood before it', () => {
  const memory = new Memory()
  memory.number(offer())
  const lost = memory.number(offer())
  assert.equal(lost.alert.number, 2)
  lost.undo()
  const next = memory.number(offer())
  assert.deepEqual([next.alert.number, next.alert.previous], [2, 1])
  assert.equal(next.id, lost.id + 1, 'a position is given once')
  const early = memory.number(offer())
  const late = memory.number(offer())
  early.undo()
  assert.equal(memory.number(offer()).alert.number, late.alert.number + 1, 'one that was given since stays')
})

test('a raise that did not become durable is the parent of nothing, and a clear that did not leaves its raise', () => {
  const memory = new Memory()
  const one = (state: 'raised' | 'cleared' | 'event') => memory.number(offer({ key: 'pump', state }))
  one('raised').undo()
  const raised = one('raised')
  assert.equal(raised.alert.parent, undefined)
  raised.durable()
  one('cleared').undo()
  const again = one('raised')
  assert.equal(again.alert.parent, raised.id)
  again.undo()
  const cleared = one('cleared')
  assert.equal(cleared.alert.parent, raised.id)
  cleared.durable()
  assert.equal(one('raised').alert.parent, undefined)
})

test('the very first of a source that did not become durable was told to nobody', () => {
  const memory = new Memory()
  memory.number(offer()).undo()
  const { number, previous } = memory.number(offer()).alert
  assert.deepEqual([number, previous], [1, undefined])
})

test('many that the disk refused at once, in whichever order that is heard, are as if they had never come', () => {
  for (const order of [(list: object[]) => list, (list: object[]) => list.toReversed()]) {
    const memory = new Memory()
    const one = (state: 'raised' | 'cleared') => memory.number(offer({ key: 'pump', state }))
    const raised = one('raised')
    raised.durable()
    const lost = [one('cleared'), one('raised'), one('raised'), one('cleared'), one('raised')]
    for (const each of order(lost) as typeof lost) each.undo()
    const { number, previous, parent } = one('cleared').alert
    assert.deepEqual([number, previous, parent], [2, 1, raised.id])
  }
})

test('what came since one that was refused, and did become durable, stays', () => {
  const memory = new Memory()
  const one = () => memory.number(offer({ key: 'pump', state: 'raised' }))
  const lost = one()
  const kept = one()
  lost.undo()
  kept.durable()
  const { number, previous, parent } = one().alert
  assert.deepEqual([number, previous, parent], [3, 2, kept.id])
})

test('a clear belongs to the first raise of its key that somebody may have been told', () => {
  const memory = new Memory()
  const one = (state: 'raised' | 'cleared' | 'event', more: Partial<Offer> = {}) => memory.number(offer({ key: 'pump', state, ...more }))
  one('raised', { kept: 'hold' })
  const raised = one('raised')
  one('raised')
  assert.equal(one('event').alert.parent, raised.id)
  assert.equal(one('cleared', { source: 'field' }).alert.parent, undefined)
  assert.equal(one('cleared').alert.parent, raised.id)
  assert.equal(one('cleared').alert.parent, undefined)
})

test('what is remembered is written and read again, and beyond its limit the oldest is forgotten', () => {
  const memory = new Memory()
  for (let i = 0; i < 300; i++) memory.number(offer({ to: [`p${i}`] }))
  for (let i = 0; i < 600; i++) memory.number(offer({ key: `k${i}`, state: 'raised', source: 'field' }))
  const again = new Memory()
  again.restore(JSON.parse(JSON.stringify(memory)))
  for (const one of [memory, again]) {
    assert.equal(one.lastId, 900)
    assert.deepEqual(one.numbers, { plc: 300, field: 600 })
    assert.deepEqual(
      [0, 43, 45, 299].map((i) => one.number(offer({ to: [`p${i}`] })).alert.previous),
      [undefined, undefined, undefined, 300],
    )
    assert.equal(one.number(offer({ key: 'k0', source: 'field' })).alert.parent, undefined)
    assert.equal(one.number(offer({ key: 'k599', source: 'field' })).alert.parent, 900)
  }
  for (const odd of [null, 7, { nextId: 'x', numbers: [['plc']], told: 5, raised: [[1, 2]], spent: 'a' }]) again.restore(odd)
  assert.equal(again.number(offer()).alert.number, 305)
})

test('an older checkpoint takes nothing back', () => {
  const memory = new Memory()
  const old = JSON.parse(JSON.stringify(memory))
  memory.number(offer())
  const once = JSON.parse(JSON.stringify(memory))
  memory.number(offer())
  memory.restore(once)
  memory.restore(old)
  assert.equal(memory.lastId, 2)
  assert.equal(memory.number(offer()).alert.number, 3)
})

test('the newer of two counts of what was spent stays, whichever comes first', () => {
  const memory = new Memory()
  const spent = (serial: number) => ({ letters: serial, octets: 0, serial, at: stamp })
  memory.learnSpent(spent(2))
  memory.learnSpent(spent(1))
  assert.equal(memory.spent?.letters, 2)
  memory.learnSpent(spent(3))
  const again = new Memory()
  again.restore(JSON.parse(JSON.stringify(memory)))
  assert.equal(again.spent?.letters, 3)
})

test('what may have been in the air when a life ended is never on the ground; all else is, once it was written down', () => {
  const grounded = new Grounded()
  const all = () => true
  const first = grounded.note(5, all)
  assert.ok(first)
  assert.equal(grounded.has(5), false, 'not before it is on the disk')
  grounded.take(first)
  assert.equal(grounded.note(5, all), undefined, 'nothing new')
  assert.deepEqual(
    [1, 5, 6].map((id) => grounded.has(id)),
    [true, true, false],
  )
  const next = new Grounded()
  next.restore(JSON.parse(JSON.stringify(grounded)))
  next.begin(8)
  const note = next.note(10, all)
  assert.ok(note)
  next.take(note)
  assert.deepEqual(
    [5, 6, 8, 9, 10, 11].map((id) => next.has(id)),
    [true, false, false, true, true, false],
  )
  next.begin(10)
  assert.equal(next.has(10), true, 'a life that ends with everything on the ground leaves no doubt')
  const settled = next.note(11, (id) => id > 8)
  assert.deepEqual(settled?.doubts, [], 'nobody waits in doubt any more')
  next.restore({ to: 3, doubts: [] })
  assert.equal(next.has(10), true, 'an older note takes nothing back')
  for (const odd of [undefined, null, 5, { to: '9' }, { to: 99 }]) next.restore(odd)
  assert.equal(next.has(11), false)
})

test('many lives that ended in doubt are kept as few, and none of their letters is taken for grounded', () => {
  const grounded = new Grounded()
  for (let life = 1; life <= 40; life++) {
    grounded.begin(life * 10 - 5)
    const note = grounded.note(life * 10, () => true)
    if (note) grounded.take(note)
  }
  for (let life = 1; life <= 40; life++) assert.equal(grounded.has(life * 10 - 5), false, `life ${life}`)
  assert.equal(grounded.has(400), true)
  assert.ok(JSON.stringify(grounded).length < 400)
})

test('the age of an alert of an earlier boot is told by the wall clock, where both had it set, and never below nothing', () => {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'now', Date.UTC(2026, 10, 23))
  const at = (minutes: number, more: Partial<Stamp> = {}) =>
    momentOf({ ...stamp, wall: instant(clock.wall() - minutes * 60_000), mono: monotonic(77), boot: 'before', ...more }, clock)
  assert.equal(at(5, { boot: clock.boot }), 77)
  assert.equal(at(5), clock.monotonic() - 300_000)
  assert.equal(at(-5), clock.monotonic(), 'a time to come was told by a wrong clock')
  assert.equal(at(5, { synchronised: 'no' }), 0)
})
