import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Severity } from '../../src/alert/alert.ts'
import { intake } from '../../src/gateway/intake.ts'
import { type Facts, silent } from '../../src/ports/log.ts'
import { Ahead } from '../../src/source/ahead.ts'
import type { Heard, Taken } from '../../src/source/source.ts'

test('what tells nothing is passed over with its reason in the log: the first time, the second, the fourth …', async () => {
  const said: [string, Facts | undefined][] = []
  const take = intake({
    log: (_, event, facts) => said.push([event, facts]),
    offer: () => assert.fail('nothing is offered'),
    decoderOf: () => 'auto',
  })
  for (let i = 0; i < 100; i++) assert.equal((await take({ source: 'plc', bytes: Buffer.from('\0\r\n') })).kind, 'ignored')
  assert.equal((await take({ source: 'field', bytes: Buffer.alloc(0), retained: true })).kind, 'ignored')
  assert.ok(said.every(([event]) => event === 'ignored: nothing to tell'))
  assert.deepEqual(
    said.map(([, facts]) => [facts?.source, facts?.why, facts?.times]),
    [
      ...[1, 2, 4, 8, 16, 32, 64].map((times) => ['plc', 'an empty frame', times]),
      ['field', 'an empty retained payload clears its topic', 1],
    ],
  )
})

test('an alert that is refused for now is told when its wire sends it again, also by a decoder that tells only what is new', async () => {
  const told: string[] = []
  let isFull = true
  const take = intake({
    log: silent,
    offer: async (reading) => {
      if (isFull) return { kind: 'refused', why: 'full', hint: 'later', again: true }
      told.push(reading.text)
      return { kind: 'accepted', id: String(told.length), number: told.length, repeated: false }
    },
    decoderOf: () => 'alarm-decoder',
  })
  const says = (words: string) =>
    take({ source: 'panel', bytes: Buffer.from(`[1000000110000000----],008,[f70200000008001c08020000000000],"${words.padEnd(32)}"`) })
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'refused')
  isFull = false
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'accepted')
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'ignored', 'what was taken says nothing new')
  assert.equal(told.length, 1)
})

describe('a frame that says several things', () => {
  /** A gateway with a journal that knows what stands, and has no room for some severities. */
  function scene() {
    const told: string[] = []
    const transmissions: (string | undefined)[] = []
    const standing = new Set<string>()
    const room = { full: [] as Severity[], now: 0 }
    const take = intake({
      log: silent,
      now: () => room.now,
      offer: async ({ key = '', state = 'event', severity = 'warning' }, { transmission }) => {
        if (room.full.includes(severity)) return { kind: 'refused', why: 'full', hint: 'later', again: true }
        told.push(`${state} ${key}`)
        transmissions.push(transmission)
        if (state === 'raised') standing.add(key)
        if (state === 'cleared') standing.delete(key)
        return { kind: 'accepted', id: String(told.length), number: told.length, repeated: false }
      },
      decoderOf: () => 'auto',
      stands: (_, key) => standing.has(key),
    })
    const says = (message: object, more: Partial<Heard> = {}): Promise<Taken> =>
      take({ source: 'field', topic: 'zigbee2mqtt/door', bytes: Buffer.from(JSON.stringify(message)), ...more })
    const toldSince = () => told.splice(0)
    return { says, toldSince, transmissions, room }
  }

  test('is led by its worst with every message, and tells the rest when it is news', async () => {
    const { says, toldSince } = scene()
    await says({ contact: false, battery_low: true, tamper: false })
    assert.deepEqual(toldSince(), ['raised door/contact', 'raised door/battery_low'])
    await says({ contact: false, battery_low: true, tamper: false })
    assert.deepEqual(toldSince(), ['raised door/contact'])
    await says({ contact: true, battery_low: true, tamper: false })
    assert.deepEqual(toldSince(), ['raised door/battery_low', 'cleared door/contact'])
    await says({ contact: true, battery_low: false, tamper: false })
    assert.deepEqual(toldSince(), ['cleared door/contact', 'cleared door/battery_low'])
  })

  test('is taken only when all of it is, and each alert is known again as its transmission', async () => {
    const { says, toldSince, transmissions, room } = scene()
    room.full = ['warning']
    const message = { smoke: true, contact: false, battery_low: true }
    assert.equal((await says(message, { transmission: '7:x' })).kind, 'refused')
    assert.deepEqual(toldSince(), ['raised door/smoke'], 'what there is room for does not wait')
    room.full = []
    assert.equal((await says(message, { transmission: '7:x', dup: true })).kind, 'accepted')
    assert.deepEqual(toldSince(), ['raised door/contact', 'raised door/battery_low'], 'and what was taken is not told again')
    assert.deepEqual(transmissions, ['7:x', '7:x/1', '7:x/2'])
    assert.equal((await says(message, { transmission: '8:x' })).kind, 'accepted')
    assert.deepEqual(toldSince(), ['raised door/smoke'], 'but by the next frame it is')
  })

  test('is another one when its device says the same much later, though a part of it was never taken', async () => {
    const { says, toldSince, room } = scene()
    room.full = ['warning']
    assert.equal((await says({ smoke: true, battery_low: true })).kind, 'refused')
    room.now = 60 * 60_000
    room.full = []
    assert.equal((await says({ smoke: true, battery_low: true })).kind, 'accepted')
    assert.deepEqual(toldSince(), ['raised door/smoke', 'raised door/smoke', 'raised door/battery_low'])
  })

  test('is kept as what is still to be taken of it, and that is told once', async () => {
    const { says, toldSince, room } = scene()
    await says({ contact: false })
    toldSince()
    room.full = ['warning']
    const refused = [
      await says({ smoke: true, contact: true }, { behind: new Ahead() }),
      await says({ smoke: true, contact: true }, { behind: new Ahead() }),
    ]
    assert.deepEqual(toldSince(), ['raised door/smoke'])
    const held = refused.flatMap((one) => (one.kind === 'refused' ? (one.held ?? []) : []))
    assert.deepEqual(
      held.map(({ key, state }) => [key, state]),
      [
        ['door/contact', 'cleared'],
        ['door/contact', 'cleared'],
      ],
    )
    room.full = []
    for (const one of held) await one.offer()
    assert.deepEqual(toldSince(), ['cleared door/contact'])
  })

  test('does not lose an end behind a beginning that is still to be taken', async () => {
    const { says, toldSince, room } = scene()
    const behind = new Ahead()
    room.full = ['warning']
    const begun = await says({ contact: false }, { behind })
    assert.ok(begun.kind === 'refused')
    for (const one of begun.held ?? []) behind.add(one)
    room.full = []
    const ended = await says({ smoke: true, contact: true }, { behind })
    assert.equal(ended.kind, 'refused')
    assert.deepEqual(toldSince(), ['raised door/smoke'])
  })
})

test('a frame that met a fault is understood anew when it comes again', async () => {
  let isFaulty = true
  const take = intake({
    log: silent,
    offer: async () => {
      if (isFaulty) throw new Error('a fault')
      return { kind: 'accepted', id: '1', number: 1, repeated: false }
    },
    decoderOf: () => 'auto',
  })
  const fire = { source: 'panel', bytes: Buffer.from('[0000000100000100----],001,[f702],"FIRE 01 CELLAR"') }
  await assert.rejects(take(fire))
  isFaulty = false
  assert.equal((await take(fire)).kind, 'accepted')
})
