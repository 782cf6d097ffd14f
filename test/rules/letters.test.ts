import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alert } from '../../src/alert/alert.ts'
import { instant } from '../../src/ports/clock.ts'
import { Duty, hour, minute } from './duty.ts'

/** By which letters what is raised may be answered. In a `Duty` positions count what is written, from 1. */
const raised = (text: string, key = 'pump-1') => ({ text, key, state: 'raised' as const })
const cleared = (text: string, key = 'pump-1') => ({ text, key, state: 'cleared' as const })
const known = (duty: Duty, letters: number): number[] =>
  Array.from({ length: letters }, (_, index) => index + 1).filter((letter) => duty.standing.toldBy(letter).length > 0)
const lasting = { id: 'all', when: {}, hold: minute, repeat: [10 * minute], escalate: { after: 15 * minute, to: ['night'] } }

test('the first letter, each reminder and the escalation tell what is raised, until it is over', async () => {
  const duty = new Duty([lasting])
  duty.hear(raised('Leak'))
  await duty.pass(25 * minute)
  assert.deepEqual(
    duty.told.map(({ kind }) => kind),
    ['raised', 'reminder', 'escalation', 'reminder'],
  )
  assert.deepEqual(known(duty, 6), [1, 2, 3, 4, 5])
  duty.restart()
  assert.deepEqual(known(duty, 6), [1, 2, 3, 4, 5])
  duty.hear(cleared('Dry'))
  duty.hear(raised('Leak'))
  assert.deepEqual(known(duty, 7), [7], 'an earlier trouble of the same key is another one')
})

test('of many letters the first is known, and the newest', async () => {
  const duty = new Duty([{ ...lasting, escalate: { after: 100 * hour, to: ['night'] } }])
  duty.hear(raised('Leak'))
  await duty.pass(10 * hour)
  const letters = duty.told.length + 1
  assert.equal(letters, 61)
  assert.deepEqual(known(duty, letters), [1, 2, ...Array.from({ length: 15 }, (_, index) => letters - 14 + index)])
})

test('an alert that comes again in other words is told by both letters', () => {
  const duty = new Duty([{ id: 'all', when: {} }])
  duty.hear(raised('Leak'))
  duty.hear(raised('Leak, a bad one'))
  assert.deepEqual(known(duty, 3), [1, 2])
})

test('a summary tells each of its alerts that is raised, and nothing that came later', async () => {
  const duty = new Duty([{ id: 'all', when: {}, group: { by: ['source'], wait: minute, interval: minute } }])
  for (const key of ['a', 'b', 'c']) duty.hear(raised(`Leak ${key}`, key))
  duty.hear(cleared('Dry', 'c'))
  await duty.pass(2 * minute)
  duty.hear(raised('Leak again', 'c'))
  assert.deepEqual(
    duty.standing.toldBy(5).map(({ key }) => key),
    ['a', 'b'],
  )
})

test('a digest of letters that waited tells what they told', () => {
  const duty = new Duty([{ id: 'all', when: {} }])
  for (const key of ['a', 'b', 'c']) duty.hear(raised(`Leak ${key}`, key))
  const stamp = { mono: duty.clock.monotonic(), wall: instant(0), boot: duty.clock.boot, synchronised: 'yes' as const }
  const digest = { source: 'outpost', number: 1, text: 'two', severity: 'warning' as const, state: 'event' as const, to: ['ops'], stamp }
  const one = duty.standing.alert({ ...digest, covers: [1, 3] }, 4)
  const keys = (letter: number) => duty.standing.toldBy(letter).map(({ key }) => key)
  assert.deepEqual([keys(4), keys(3), keys(2)], [['a', 'c'], ['c'], ['b']])
  duty.standing.alert({ ...digest, covers: [2, 4] }, 5).durable()
  assert.deepEqual(keys(5).toSorted(), ['a', 'b', 'c'])
  one.undo()
  assert.deepEqual(keys(4), [], 'one that did not get onto the disk tells nothing')
})

test('the end of an earlier trouble that is told late says nothing of the one that is raised now', async () => {
  const duty = new Duty([{ id: 'all', when: {}, hold: hour }])
  duty.hear(raised('Leak'))
  duty.hear(cleared('Dry'))
  await duty.pass(59.5 * hour)
  duty.hear(raised('Leak'))
  await duty.pass(minute * 40)
  assert.equal(duty.told.length, 1, 'what was over is told when it has been kept for too long')
  const [now] = duty.standing.situations
  assert.deepEqual([now?.told, now?.letters], [undefined, undefined])
})

test('what was written before letters were remembered names the newest of them; anything odd is passed over', async () => {
  const duty = new Duty([lasting])
  duty.hear(raised('Leak'))
  await duty.pass(12 * minute)
  const written = JSON.parse(JSON.stringify(duty.standing)) as { situations: Record<string, unknown>[] }
  const read = (letters: unknown) => {
    const other = new Duty([lasting])
    other.standing.restore({ ...written, situations: written.situations.map((one) => ({ ...one, letters })) })
    return known(other, 4)
  }
  assert.deepEqual(
    [read(undefined), read('3'), read([2, '3', null]), read([2, 3])],
    [
      [1, 3],
      [1, 3],
      [1, 2],
      [1, 2, 3],
    ],
  )
})

/** Those of the first letters of which the end is known. */
const ended = (duty: Duty, letters: number): number[] =>
  Array.from({ length: letters }, (_, index) => index + 1).filter((letter) => duty.standing.hasEnded(letter))

test('every letter about what is over is known to tell nothing that stands, as long as it waits', async () => {
  const duty = new Duty([{ id: 'all', when: {}, repeat: [10 * minute] }])
  duty.hear(raised('Leak'))
  duty.hear(raised('Leak', 'pump-2'))
  await duty.pass(10 * minute)
  assert.deepEqual(ended(duty, 9), [])
  duty.hear(cleared('Dry'))
  duty.hear(raised('Leak'))
  assert.deepEqual(ended(duty, 9), [1, 3], 'it and its reminder')
  duty.restart()
  assert.deepEqual(ended(duty, 9), [1, 3])
  duty.standing.forgetEnded((id) => id === 3)
  assert.deepEqual(ended(duty, 9), [3])
  const stamp = { mono: duty.clock.monotonic(), wall: instant(0), boot: duty.clock.boot, synchronised: 'yes' as const }
  const about: Alert = { source: 'plc', rule: 'all', number: 9, severity: 'warning', to: ['ops'], stamp, text: 'Dry', state: 'cleared' }
  duty.standing.alert({ ...about, source: 'outpost', state: 'event', covers: [2, 3] }, 7).durable()
  assert.deepEqual(ended(duty, 9), [])
  duty.standing.alert({ ...about, key: 'pump-1' }, 8).undo()
  assert.deepEqual(ended(duty, 9), [])
})

test('a level that another one takes over from has ended, and what was forgotten has not', () => {
  const duty = new Duty([
    { id: 'hot', when: { field: 'value > 100' } },
    { id: 'warm', when: { field: 'value > 80' } },
    { id: 'rest', when: {} },
  ])
  for (const value of [120, 90]) duty.hear({ text: `at ${value}`, key: 'boiler', value })
  assert.deepEqual(ended(duty, 2), [1])
  for (let i = 0; i < 520; i++) duty.hear(raised('Leak', `pump-${i}`))
  assert.deepEqual(ended(duty, 600), [1])
  for (let i = 0; i < 520; i++) duty.hear(cleared('Dry', `pump-${i}`))
  assert.equal(ended(duty, 600).length, 513)
  for (let round = 0; round < 3; round++)
    for (const tell of [raised, cleared]) for (let i = 0; i < 500; i++) duty.hear(tell('Leak', `pump-${i}`))
  assert.equal(ended(duty, 9000).length, 1024, 'the newest of those')
})

test('an end that is told later takes nothing away that was raised since', () => {
  const duty = new Duty([{ id: 'all', when: {} }])
  const stamp = { mono: duty.clock.monotonic(), wall: instant(0), boot: duty.clock.boot, synchronised: 'yes' as const }
  const about = { source: 'plc', rule: 'all', number: 1, severity: 'warning', to: ['ops'], stamp, key: 'pump-1', text: 'Leak' } as const
  const end = { ...about, state: 'cleared', over: ['level'] } as const
  const steps = [
    { ...about, state: 'raised' },
    { ...end, kept: 'quiet', telling: { kind: 'recovery' } },
    { ...about, state: 'raised' },
    { ...about, state: 'raised', rule: 'level' },
    { ...end, covers: [2], telling: { kind: 'recovery', made: stamp } },
  ] as const
  for (const [index, step] of steps.entries()) duty.standing.alert(JSON.parse(JSON.stringify(step)), index + 1).durable()
  assert.deepEqual(
    duty.standing.situations.map(({ id }) => id),
    [3, 4],
  )
  assert.deepEqual(ended(duty, 5), [1])
})
