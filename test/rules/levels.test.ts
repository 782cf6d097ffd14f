import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../../src/ports/clock.ts'
import { due } from '../../src/rules/due.ts'
import { nowBy } from '../../src/rules/roster.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'
import { Duty, hour, minute, second } from './duty.ts'

const kinds = (duty: Duty) => duty.told.map(({ kind, text }) => `${kind} ${text}`)
const raised = (text: string, key = 'pump-1') => ({ text, key, state: 'raised' as const })
const cleared = (text: string, key = 'pump-1') => ({ text, key, state: 'cleared' as const })
const stamp = (duty: Duty) => ({ mono: duty.clock.monotonic(), wall: instant(0), boot: duty.clock.boot, synchronised: 'yes' as const })

test('a level that is too low is over above its bound, not where the condition ends, nor where no number comes', () => {
  const duty = new Duty([{ id: 'cold', when: { field: 'value < 2' }, clearAbove: 4 }])
  for (const value of [3, 1, 3, 4, 1, 4.5, 3]) duty.hear({ text: `at ${value}`, key: 'room', value })
  assert.deepEqual(kinds(duty), ['raised at 1', 'recovery at 4.5'])
  const blind = new Duty([{ id: 'cold', when: { field: 'value < 2' }, clearAbove: 4, clearBelow: 9 }])
  for (const value of [1, undefined, 10, 8]) blind.hear({ text: `at ${value}`, key: 'room', ...(value === undefined ? {} : { value }) })
  assert.deepEqual(kinds(blind), ['raised at 1', 'event at undefined', 'recovery at 8'])
})

test('a level says nothing of what says nothing of it', async () => {
  const duty = new Duty([{ id: 'hot', when: { field: 'temperature > 30' } }])
  const frame = (text: string, fields: Record<string, number>, key = 'store') => duty.hear({ text, key, fields })
  frame('cool', { temperature: 20 })
  frame('hot', { temperature: 35 })
  frame('battery 90', { battery: 90 })
  frame('hotter', { temperature: 36 })
  duty.hear({ text: 'Fire', key: 'z2', state: 'raised', severity: 'critical' })
  duty.hear({ text: 'Tamper', key: 'z3', state: 'raised', fields: { temperature: 20 } })
  duty.hear({ text: 'Door forced' })
  frame('cool again', { temperature: 20 })
  assert.deepEqual(
    duty.told.map(({ kind, text, to }) => `${kind} ${text} ${to}`),
    [
      'raised hot ops',
      'event battery 90 first',
      'raised Fire first',
      'raised Tamper first',
      'event Door forced first',
      'recovery cool again ops',
    ],
  )
  assert.equal(duty.ignored.length, 2, 'the first that is cool, and the one that is hot still')
})

test('a level whose rule has another name now is ended by what the new rule allows, and handed over by what it does not', () => {
  for (const [value, expected] of [
    [20, 'recovery at 20'],
    [95, 'raised at 95'],
  ] as const) {
    const duty = new Duty([{ id: 'hot', when: { field: 'value > 80' } }])
    duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
    duty.rename('hot', 'boiler-hot')
    duty.hear({ text: `at ${value}`, key: 'boiler', value })
    assert.deepEqual(kinds(duty), ['raised at 90', expected])
    assert.deepEqual(
      duty.standing.situations.map(({ rule }) => rule),
      value > 80 ? ['boiler-hot'] : [],
    )
  }
})

test('what a level cannot judge is for others: a word instead of a number, half of what it asks for, an alarm by its own account', () => {
  const both = { id: 'both', when: { field: 'temperature > 30 and humidity > 50' } }
  const duty = new Duty([both, { id: 'wet', when: { field: 'humidity > 90' }, to: ['boss'] }])
  const frame = (text: string, fields: Record<string, number | string>, more = {}) => duty.hear({ text, key: 'room', fields, ...more })
  frame('probe short', { temperature: 'ERR' })
  frame('35', { temperature: 35 })
  frame('35, 60', { temperature: 35, humidity: 60 })
  frame('36', { temperature: 36 })
  frame('probe short again', { temperature: 'ERR' })
  frame('wet', { humidity: 95 })
  frame('SENSOR BROKEN', { temperature: 0, humidity: 0 }, { state: 'raised', severity: 'critical' })
  assert.deepEqual(
    duty.told.map(({ kind, text, to }) => `${kind} ${text} ${to}`),
    [
      'event probe short first',
      'event 35 first',
      'raised 35, 60 ops',
      'event probe short again first',
      'raised wet boss',
      'raised SENSOR BROKEN first',
    ],
  )
  assert.deepEqual(duty.ignored, ['as rule both knows it already'], 'that it is 36 says nothing of the humidity')
})

test('a level that becomes worse by the word of its device is told anew, once', () => {
  const duty = new Duty([{ id: 'hot', when: { field: 'value > 80' } }])
  for (const [text, value, severity] of [
    ['at 90', 90, 'warning'],
    ['FIRE', 95, 'critical'],
    ['FIRE still', 96, 'critical'],
    ['at 91', 91, 'warning'],
    ['at 20', 20, 'info'],
  ] as const)
    duty.hear({ text, key: 'boiler', value, severity })
  assert.deepEqual(kinds(duty), ['raised at 90', 'raised FIRE', 'recovery at 20'])
})

test('an alarm by its own account within the bounds of a level that stands is told when it is worse', () => {
  const duty = new Duty([{ id: 'hot', when: { field: 'value > 80' }, clearBelow: 75 }])
  duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
  duty.hear({ text: 'at 78', key: 'boiler', value: 78, state: 'raised' })
  duty.hear({ text: 'FIRE', key: 'boiler', value: 78, state: 'raised', severity: 'critical' })
  assert.deepEqual([kinds(duty), duty.ignored.length], [['raised at 90', 'raised FIRE'], 1])
})

test('what is raised by a rule of another name is handed over to the one that takes it, and a reading of other words is none of a level', () => {
  const duty = new Duty([{ id: 'leak', when: { text: 'Leak' } }])
  duty.hear({ text: 'Leak', key: 'pit', state: 'raised' })
  duty.rename('leak', 'pit')
  duty.hear({ text: 'Leak', key: 'pit', state: 'raised' })
  assert.deepEqual(
    duty.standing.situations.map(({ rule }) => rule),
    ['pit'],
  )
  const words = new Duty([{ id: 'hot', when: { text: 'TEMP', field: 'value > 80' } }])
  words.hear({ text: 'TEMP 90', value: 90 })
  words.hear({ text: 'PRESSURE 20', value: 20 })
  assert.deepEqual(kinds(words), ['raised TEMP 90', 'event PRESSURE 20'])
})

test('a level ends by a reading of another severity, and when its rule is for other keys by now', () => {
  for (const more of [{ when: { field: 'value > 80', severity: 'warning' as const } }, { when: { field: 'value > 80', key: 'c*' } }]) {
    const duty = new Duty([{ id: 'hot', when: { field: 'value > 80' } }])
    duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
    duty.rename('hot', 'hot', more)
    duty.hear({ text: 'at 20', key: 'boiler', value: 20, severity: 'info' })
    assert.deepEqual(kinds(duty), ['raised at 90', 'recovery at 20'])
  }
})

test('a level whose rule has another name is not ended by a reading that says nothing of it', () => {
  const duty = new Duty([
    { id: 'battery', when: { field: 'battery < 20' } },
    { id: 'hot', when: { field: 'temperature > 30' } },
  ])
  duty.hear({ text: 'battery 10', key: 'dev1', fields: { battery: 10 } })
  duty.rename('battery', 'battery-low')
  duty.hear({ text: 'cool', key: 'dev1', fields: { temperature: 20 } })
  duty.hear({ text: 'hot', key: 'dev1', fields: { temperature: 40 } })
  assert.deepEqual(kinds(duty), ['raised battery 10', 'raised hot'])
  duty.hear({ text: 'charged', key: 'dev1', fields: { battery: 90, temperature: 40 } })
  assert.deepEqual(kinds(duty), ['raised battery 10', 'raised hot', 'recovery charged'])
})

test('whoever heard of a level hears of its end, also off duty, when a rule without a level takes it, and nothing that explains alerts keeps it back', async () => {
  for (const more of [{}, { inhibitedBy: ['power'] }]) {
    const rules = [
      { id: 'hot', when: { field: 'value > 80' }, to: ['day'] },
      { id: 'power', when: { key: 'power' } },
      { id: 'log', when: {}, to: ['night'], ...more },
    ]
    const duty = new Duty(rules, { day: 'Mon-Sun 08:00-18:00', night: 'Mon-Sun 18:00-08:00' })
    duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
    duty.hear({ text: 'no power', key: 'power', state: 'raised' })
    await duty.pass(12 * hour)
    duty.hear({ text: 'at 20', key: 'boiler', value: 20 })
    await duty.pass(48 * hour)
    assert.deepEqual(
      duty.told.map(({ kind, text, to }) => `${kind} ${text} ${[...to].sort()}`),
      ['raised at 90 day', 'raised no power ops', 'event at 20 day,night'],
    )
  }
})

test('the end of a level that was told is not held back with a lesser one that nobody heard of', async () => {
  const people = { day: 'Mon-Sun 08:00-18:00', night: 'Mon-Sun 18:00-08:00' }
  for (const more of [{ inhibitedBy: ['power'] }, { group: { by: ['key' as const], wait: hour, interval: hour } }]) {
    const rules = [
      { id: 'hot', when: { field: 'value > 90' }, to: ['night'] },
      { id: 'warm', when: { field: 'value > 80' }, to: ['ops'], ...more },
      { id: 'power', when: { key: 'power' } },
    ]
    const duty = new Duty(rules, people)
    duty.hear({ text: 'no power', key: 'power', state: 'raised' })
    await duty.pass(23 * hour)
    for (const [value, wait] of [
      [95, 30 * minute],
      [85, 25 * minute],
      [20, 3 * hour],
    ] as const) {
      duty.hear({ text: `at ${value}`, key: 'boiler', value })
      await duty.pass(wait)
    }
    duty.hear({ text: 'power', key: 'power', state: 'cleared' })
    await duty.pass(100 * hour)
    const heard = duty.told.filter(({ to }) => to.includes('night')).map(({ ids }) => ids.map((id) => duty.heard.get(id)?.text).join())
    assert.deepEqual(heard.slice(0, 1), ['at 95'])
    assert.ok(
      heard.slice(1).some((texts) => texts.includes('at 20')),
      'the end of it',
    )
  }
})

const once = { limit: { count: 1, spanMs: hour } }
const lines = (duty: Duty) => duty.told.map(({ kind, text, to }) => `${kind} ${text} ${[...to].sort()}`)

test('the end of a level that is kept is told to those who heard of it, whatever else is raised of its key', async () => {
  for (const more of [{}, { recovery: false }]) {
    const duty = new Duty([
      { id: 'hot', when: { field: 'temperature > 30' }, to: ['a'], ...once },
      { id: 'low', when: { field: 'battery < 20' }, to: ['b'], ...more },
    ])
    for (const [text, fields] of [
      ['40', { temperature: 40 }],
      ['20', { temperature: 20 }],
      ['10', { battery: 10 }],
    ] as const) {
      duty.hear({ text, key: 'd', fields })
      await duty.pass(minute)
    }
    await duty.pass(2 * hour)
    assert.deepEqual(lines(duty), ['raised 40 a', 'raised 10 b', 'raised 20 a'])
  }
})

test('an end that is kept goes to its own people when what was raised anew is over, too', async () => {
  const duty = new Duty([
    { id: 'bad', when: { severity: 'critical' }, to: ['b'], group: { by: ['key'], wait: 10 * minute, interval: hour } },
    { id: 'rest', when: {}, to: ['a'], ...once },
  ])
  for (const [text, state, severity] of [
    ['Leak', 'raised', 'warning'],
    ['Dry', 'cleared', 'warning'],
    ['FLOOD', 'raised', 'critical'],
    ['Dry again', 'cleared', 'critical'],
  ] as const) {
    duty.hear({ text, key: 'pit', state, severity })
    await duty.pass(second)
  }
  await duty.pass(100 * hour)
  const told = duty.told.filter(({ to }) => to.includes('a')).flatMap(({ ids }) => ids.map((id) => duty.heard.get(id)?.text))
  assert.deepEqual(told, ['Leak', 'Dry'])
})

test('a level whose rule has another name ends by a reading of what it measures, though the device says one thing at a time', () => {
  const duty = new Duty([
    { id: 'hot', when: { field: 'temperature > 30' }, to: ['a'] },
    { id: 'low', when: { field: 'battery < 20' } },
  ])
  duty.hear({ text: '40', key: 'd', fields: { temperature: 40 } })
  duty.rename('hot', 'warm', { to: ['c'] })
  duty.hear({ text: 'charged', key: 'd', fields: { battery: 90 } })
  duty.hear({ text: '20', key: 'd', fields: { temperature: 20 } })
  assert.deepEqual(lines(duty), ['raised 40 a', 'recovery 20 a'])
})

test('a level whose rule has another name ends for those who heard of it also where another rule takes the reading', () => {
  const duty = new Duty([
    { id: 'hot', when: { field: 'value > 80' } },
    { id: 'log', when: {}, to: ['log'] },
  ])
  duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
  duty.rename('hot', 'warm')
  duty.hear({ text: 'at 20', key: 'boiler', value: 20 })
  assert.deepEqual(lines(duty), ['raised at 90 ops', 'event at 20 log,ops'])
  assert.equal(duty.standing.situations.length, 0)
})

test('a level about words is ended by no alert for which its rule is not', () => {
  const duty = new Duty([{ id: 'fire', when: { severity: 'critical', field: 'text contains "FIRE"' } }])
  for (let i = 0; i < 2; i++) {
    duty.hear({ text: 'FIRE', key: 'hall', severity: 'critical' })
    duty.hear({ text: 'door opened', key: 'hall', severity: 'info' })
  }
  assert.deepEqual(lines(duty), ['raised FIRE ops', 'event door opened first', 'event door opened first'])
})

test('what was raised and is forgotten is not told to be over', async () => {
  const duty = new Duty([
    { id: 'leak', when: { key: 'pump-*' }, hold: 10 * minute },
    { id: 'rest', when: {} },
  ])
  duty.hear({ text: 'Leak', key: 'pump-1', state: 'raised', severity: 'critical' })
  for (let i = 0; i < 513; i++) duty.hear({ text: 'x', key: `k${i}`, state: 'raised' })
  await duty.pass(100 * hour)
  assert.equal(lines(duty).at(-1), 'raised Leak ops')
})

test('what a reading says of a level is within bounds, though it says only a part', () => {
  const duty = new Duty([{ id: 'climate', when: { field: 'temperature > 30 or not (humidity <= 70)' } }])
  for (let i = 0; i < 4; i++) {
    duty.hear({ text: '20', key: 'room', fields: { temperature: 20 } })
    duty.hear({ text: '40 %', key: 'room', fields: { humidity: 40 } })
  }
  assert.deepEqual([duty.told.length, duty.ignored.length], [0, 8])
  duty.hear({ text: '90 %', key: 'room', fields: { humidity: 90 } })
  assert.deepEqual(lines(duty), ['raised 90 % ops'])
})

test('an alarm that is worse than the level it is of is told once', () => {
  const duty = new Duty([{ id: 'hot', when: { field: 'value > 80' }, clearBelow: 70, to: ['a'] }])
  duty.hear({ text: 'at 90', key: 'boiler', value: 90, state: 'raised' })
  for (let i = 0; i < 3; i++) duty.hear({ text: 'FIRE', key: 'boiler', value: 75, state: 'raised', severity: 'critical' })
  assert.deepEqual(lines(duty), ['raised at 90 a', 'raised FIRE a'])
})

test('the end of what nobody was told is kept like that', async () => {
  const inhibited = { inhibitedBy: ['power'] }
  const duty = new Duty([
    { id: 'power', when: { key: 'power' } },
    { id: 'hot', when: { field: 'value > 80' }, ...inhibited },
    { id: 'log', when: {}, ...inhibited },
  ])
  duty.hear({ text: 'no power', key: 'power', state: 'raised' })
  for (const value of [90, 20, 90, 20]) {
    duty.hear({ text: `at ${value}`, key: 'boiler', value })
    await duty.pass(minute)
  }
  assert.deepEqual(lines(duty), ['raised no power ops'])
})

test('an event that ends a level is told to those for whom it is, whatever is raised since', async () => {
  const duty = new Duty([
    { id: 'hot', when: { field: 'value > 80' }, to: ['a'] },
    { id: 'log', when: {}, to: ['b'], ...once },
  ])
  duty.hear({ text: 'other', key: 'z' })
  for (const value of [90, 20, 95]) {
    duty.hear({ text: `at ${value}`, key: 'boiler', value })
    await duty.pass(minute)
  }
  await duty.pass(5 * hour)
  duty.hear({ text: 'fine', key: 'boiler', state: 'cleared' })
  assert.deepEqual(lines(duty), ['event other b', 'raised at 90 a', 'raised at 95 a', 'raised at 20 a,b', 'recovery fine a'])
})

test('an end that is kept is told with what is raised anew, and not behind it', async () => {
  for (const more of [
    { limit: { count: 1, spanMs: hour } },
    { group: { by: ['key' as const], wait: 30 * second, interval: 5 * minute } },
  ]) {
    for (const bad of [{}, { hold: minute }]) {
      const duty = new Duty([
        { id: 'bad', when: { severity: 'critical' }, ...bad },
        { id: 'rest', when: {}, ...more },
      ])
      const hear = (text: string, state: 'raised' | 'cleared', severity: 'critical' | 'warning') =>
        duty.hear({ text, key: 'pit', state, severity })
      hear('Leak', 'raised', 'warning')
      await duty.pass(minute)
      hear('Dry', 'cleared', 'warning')
      await duty.pass(second)
      hear('FLOOD', 'raised', 'critical')
      await duty.pass(2 * hour)
      assert.deepEqual(duty.numbersTold(), [1, 2, 3])
      const [last] = duty.told.slice(-1)
      assert.deepEqual(
        last?.active.map((id) => duty.heard.get(id)?.text),
        ['FLOOD'],
      )
    }
  }
})

test('the end of several troubles of one key is one letter, to those who heard of the first that was told', () => {
  const duty = new Duty([
    { id: 'hot', when: { field: 'value > 80' }, to: ['boss'] },
    { id: 'warm', when: { field: 'value > 50' }, hold: hour },
  ])
  duty.hear({ text: 'at 60', key: 'boiler', value: 60 })
  duty.hear({ text: 'at 90', key: 'boiler', value: 90 })
  assert.deepEqual(
    duty.standing.situations.map(({ rule }) => rule),
    ['warm', 'hot'],
  )
  duty.hear({ ...cleared('fine', 'boiler'), value: 90 })
  assert.deepEqual(duty.standing.situations, [])
  assert.deepEqual(
    duty.told.map(({ kind, to }) => `${kind} ${to}`),
    ['raised boss', 'recovery boss'],
  )
})

test('a clear of what nobody raised is told as it is', () => {
  const duty = new Duty([{ id: 'all', when: {} }])
  duty.hear(cleared('Dry'))
  assert.deepEqual(kinds(duty), ['cleared Dry'])
})

test('a silence of a source or a rule silences nothing else, and a lifted one nothing at all', async () => {
  const duty = new Duty([
    { id: 'doors', when: { key: 'door*' } },
    { id: 'rest', when: {} },
  ])
  const silence = (id: string, match: object) =>
    duty.standing.note({ kind: 'rules', do: 'silence', id, match, ms: 10 * hour, by: 'Ann', stamp: stamp(duty) })
  const hear = () => {
    const before = duty.told.length
    duty.hear({ text: 'door', key: 'door-1' })
    duty.hear({ text: 'pump', key: 'pump-1' })
    duty.hear({ text: 'far door', key: 'door-1', source: 'field' })
    return duty.told.slice(before).map(({ text }) => text)
  }
  assert.deepEqual(hear(), ['door', 'pump', 'far door'])
  silence('s', { source: 'plc' })
  assert.deepEqual(hear(), ['far door'])
  silence('s', { rule: 'doors' })
  assert.deepEqual(hear(), ['pump'], 'a silence that is said anew is one')
  silence('t', { source: 'field', rule: 'rest' })
  assert.deepEqual(hear(), ['pump'])
  for (const id of ['s', 't', 'never']) duty.standing.note({ kind: 'rules', do: 'unsilence', id })
  await duty.pass(second)
  assert.deepEqual(hear(), ['door', 'pump', 'far door'])
})

test('what somebody has acknowledged stays so over a restart, and a silence ends when it would have', async () => {
  const duty = new Duty([{ id: 'all', when: {}, repeat: [15 * minute] }])
  duty.hear(raised('Leak'))
  await duty.pass(minute)
  duty.standing.note({ kind: 'rules', do: 'acknowledge', rule: 'all', source: 'plc', key: 'pump-1', by: 'Ann', stamp: stamp(duty) })
  duty.standing.note({ kind: 'rules', do: 'silence', id: 's', match: { key: 'door' }, ms: hour, by: 'Ann', stamp: stamp(duty) })
  const before = duty.standing.situations
  assert.deepEqual(before[0]?.acknowledged, { at: duty.clock.monotonic(), by: 'Ann' })
  duty.restart()
  assert.deepEqual(duty.standing.situations, before)
  duty.hear({ text: 'Door', key: 'door' })
  await duty.pass(58 * minute)
  assert.deepEqual(kinds(duty), ['raised Leak'])
  await duty.pass(2 * minute)
  assert.deepEqual(kinds(duty), ['raised Leak', 'raised Door'])
})

test('nobody is reminded of a letter that still waits for the relay; it is looked at again in a minute', () => {
  const duty = new Duty([{ id: 'all', when: {}, repeat: [15 * minute] }])
  duty.hear(raised('Leak'))
  const now = { ...nowBy(duty.clock, instant(0)), mono: nowBy(duty.clock, instant(0)).mono + 20 * minute }
  const [letter] = duty.standing.situations
  const ask = (waits: (id: number) => boolean) => due(duty.standing, duty.roster, now, { keptMs: 60 * hour, waits })
  assert.deepEqual(
    ask((id) => id === letter?.letter),
    { deeds: [], wake: now.mono + minute },
  )
  const [deed] = ask(() => false).deeds
  assert.deepEqual(deed?.kind === 'reminder' && [deed.count, deed.to], [1, ['ops']])
})

test('what is kept is told after the longest time, whatever keeps it', () => {
  const duty = new Duty([{ id: 'all', when: {}, group: { by: ['key'], wait: 500 * hour, interval: hour } }])
  duty.hear({ text: 'Door', key: 'door' })
  const at = (mono: number) =>
    due(duty.standing, duty.roster, { ...nowBy(duty.clock, instant(0)), mono }, { keptMs: 60 * hour, waits: () => false })
  const begun = duty.clock.monotonic()
  assert.deepEqual(at(begun + 60 * hour - 1).deeds, [])
  assert.deepEqual(
    at(begun + 60 * hour).deeds.map(({ kind }) => kind),
    ['tell'],
  )
})

test('when more than 4,000 are kept, 2,000 of them are told at once, whatever the limit', async () => {
  const duty = new Duty([{ id: 'all', when: {}, limit: { count: 1, spanMs: 24 * hour } }])
  for (let i = 0; i < 4001; i++) duty.hear({ text: `Door ${i}` })
  assert.equal(duty.told.length, 1)
  await duty.pass(second)
  assert.deepEqual(duty.told.slice(1), [])
  duty.hear({ text: 'one more' })
  await duty.pass(second)
  assert.deepEqual([duty.told.length, duty.numbersTold().length], [2, 2001])
  await duty.pass(72 * hour)
  assert.equal(duty.numbersTold().length, 4002)
})

test('what waits for a limit is told before what comes later, though the limit would let that pass', async () => {
  const duty = new Duty([{ id: 'all', when: {}, limit: { count: 1, spanMs: hour } }])
  for (const text of ['one', 'two']) duty.hear({ text })
  await duty.timeline.run(duty.timeline.now + hour + second)
  duty.hear({ text: 'three' })
  assert.deepEqual(kinds(duty), ['event one'])
  await duty.pass(3 * hour)
  assert.deepEqual(
    duty.told.map(({ numbers }) => numbers),
    [[1], [2, 3]],
  )
})

test('four times in ten minutes chatters where three may be: the fourth is told, its end is not; the same in twelve minutes is heard out', async () => {
  const comings = async (apart: number) => {
    const duty = new Duty([{ id: 'all', when: {}, chatter: { count: 3, spanMs: 10 * minute } }])
    for (let i = 0; i < 6; i++) {
      duty.hear(raised('Door open'))
      await duty.pass(apart / 2)
      duty.hear(cleared('Door closed'))
      await duty.pass(apart / 2)
    }
    return duty.told.length
  }
  assert.deepEqual([await comings(10 * second), await comings(3 * minute), await comings(4 * minute)], [7, 7, 12])
})

test('what waits for somebody to be on duty is told when the hour strikes, not when it is looked at next', async () => {
  const duty = new Duty([{ id: 'all', when: {}, to: ['night'] }], { night: 'Mon-Sun 22:00-06:00' })
  await duty.pass(hour + 17 * second)
  duty.hear({ text: 'evening' })
  await duty.pass(20 * hour)
  assert.deepEqual(
    duty.told.map(({ at }) => at),
    [14 * hour],
  )
})

test('an alert of which the queue lost sight is kept no more', () => {
  const duty = new Duty([{ id: 'all', when: {}, hold: minute }])
  duty.hear(raised('Leak'))
  duty.hear(raised('Leak', 'pump-2'))
  const [first, second] = [...duty.standing.parked.keys()]
  duty.standing.forgetParked((id) => id === second)
  assert.deepEqual([...duty.standing.parked.keys()], [second])
  assert.equal(duty.standing.isPending(first ?? 0), false)
})

test('what could not be written down is as if it had never come', () => {
  const duty = new Duty([{ id: 'all', when: {}, repeat: [minute], chatter: { count: 2, spanMs: hour }, limit: { count: 5, spanMs: hour } }])
  duty.hear(raised('Leak'))
  const written = JSON.stringify(duty.standing)
  const alert = { source: 'plc', rule: 'all', number: 2, text: 'Fire', severity: 'warning', to: ['ops'], stamp: stamp(duty) } as const
  const steps = [
    { ...alert, to: ['boss'], key: 'pump-1', state: 'cleared' as const },
    { ...alert, to: ['boss'], key: 'pump-2', state: 'raised' as const },
    { ...alert, to: ['boss'], key: 'pump-1', state: 'raised' as const, kept: 'hold' as const },
  ].map((one, index) => duty.standing.alert(one, 10 + index))
  assert.ok(duty.standing.isPending(11))
  assert.equal(duty.standing.situations.length, 2)
  assert.equal(JSON.stringify(duty.standing), written, 'what is not durable is not written down')
  for (const step of steps.toReversed()) step.undo()
  assert.equal(JSON.stringify(duty.standing), written)
  assert.deepEqual([...duty.standing.parked], [])
})

test('beyond 512 troubles at once the oldest is forgotten', () => {
  const duty = new Duty([{ id: 'all', when: {}, repeat: [hour] }])
  for (let i = 0; i < 520; i++) duty.hear(raised('Leak', `pump-${i}`))
  assert.equal(duty.standing.situations.length, 512)
  assert.deepEqual([duty.standing.get('all', 'plc', 'pump-7'), duty.standing.get('all', 'plc', 'pump-8')?.key], [undefined, 'pump-8'])
})

test('a clock that nobody says anything of is believed when it shows no time before the software was built', () => {
  const clock = new SimClock(new Timeline(), 'b', 1000)
  const certain = (set: 'yes' | 'no' | 'unknown', builtAt: number) => {
    clock.synchronised = () => set
    return nowBy(clock, instant(builtAt)).certain
  }
  assert.deepEqual([certain('yes', 2000), certain('no', 0), certain('unknown', 1000), certain('unknown', 1001)], [true, false, true, false])
})
