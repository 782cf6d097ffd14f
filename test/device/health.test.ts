import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Condition, healthOf, sentenceOf } from '../../src/device/health.ts'
import { patternFor } from '../../src/device/lamp.ts'
import { de } from '../../src/page/de.ts'

const well: Condition = {
  standsStill: undefined,
  cannotStart: false,
  readOnly: false,
  active: 0,
  down: 0,
  waiting: 0,
  link: { up: true },
  faulty: 0,
  held: 0,
  lowVoltage: false,
  worn: false,
}
const told = (change: Partial<Condition>) => {
  const health = healthOf({ ...well, ...change })
  return `${health.mood}: ${sentenceOf(health)}`
}

test('the box is told in one sentence, and in one word whether somebody has to come', () => {
  assert.equal(told({}), 'well: All well.')
  assert.equal(told({ active: 2 }), 'well: 2 alerts are raised.', 'what a sensor tells is no fault of the box')
  assert.equal(told({ waiting: 1 }), 'waits: One mail waits.')
  assert.equal(told({ waiting: 7, link: { up: false } }), 'waits: 7 mails wait for the link.')
  assert.equal(told({ link: { up: false } }), 'waits: The link is away; nothing waits.')
  assert.equal(told({ faulty: 1, waiting: 3 }), 'waits: 3 mails wait. A relay does not take mail.')
  assert.equal(
    told({ faulty: 1, waiting: 3, link: { up: false } }),
    'waits: 3 mails wait for the link.',
    'without a link it says nothing of the relay',
  )
  assert.equal(told({ faulty: 1, held: 1 }), 'trouble: A relay does not take mail.', 'a refused password mends itself never')
  assert.equal(told({ down: 1 }), 'trouble: One source is not heard.')
  assert.equal(told({ readOnly: true, waiting: 2 }), 'trouble: Nothing can be written: no alert is accepted. 2 mails wait.')
  assert.equal(told({ lowVoltage: true }), 'trouble: The power supply is too weak.')
  assert.equal(told({ worn: true }), 'trouble: The storage is nearly worn out.')
  assert.equal(told({ standsStill: 'The gateway takes the new settings.' }), 'starting: The gateway is starting.')
  assert.equal(told({ standsStill: 'The card is away.', cannotStart: true }), 'trouble: The gateway does not start, and tries again.')
  assert.equal(told({ link: undefined }), 'well: All well.', 'nothing is known of the link')
})

test('the page has the German of whatever the box says of itself', () => {
  const all = [
    {},
    { readOnly: true, active: 1, down: 1, waiting: 1, lowVoltage: true, worn: true, faulty: 1 },
    { active: 2, down: 2, waiting: 2, link: { up: false } },
    { waiting: 1, link: { up: false } },
    { waiting: 2 },
    { link: { up: false } },
    { standsStill: '' },
    { standsStill: '', cannotStart: true },
  ].flatMap((change) => healthOf({ ...well, ...change }).parts)
  for (const { say } of all) assert.ok(say in de, say)
})

test('each state has a lamp of its own, and a pressed button shows before everything', () => {
  const sights = [
    { pressed: false, unclaimed: false, mood: 'well' },
    { pressed: false, unclaimed: false, mood: 'waits' },
    { pressed: false, unclaimed: false, mood: 'trouble' },
    { pressed: false, unclaimed: false, mood: 'starting' },
    { pressed: false, unclaimed: true, mood: 'well' },
    { pressed: true, unclaimed: true, mood: 'trouble' },
  ] as const
  const patterns = sights.map((sight) => JSON.stringify(patternFor(sight)))
  assert.equal(new Set(patterns).size, sights.length)
  assert.deepEqual(
    patternFor({ pressed: false, unclaimed: true, mood: 'trouble' }),
    patternFor({ pressed: false, unclaimed: false, mood: 'trouble' }),
  )
  assert.deepEqual(
    patternFor({ pressed: false, unclaimed: true, mood: 'waits' }),
    patternFor({ pressed: false, unclaimed: true, mood: 'well' }),
  )
})
