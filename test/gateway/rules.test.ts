import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

const minute = 60_000
const hour = 3_600_000

/** A box with one serial line, whose letters are counted by their subjects. */
async function box(rules: readonly object[], more: Record<string, unknown> = {}): Promise<Box> {
  const one = new Box(7, {
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line', ...((more.source as object) ?? {}) }],
    people: [
      { id: 'ops', address: 'ops@example.org' },
      { id: 'night', address: 'night@example.org' },
    ],
    rules: rules.map((rule, index) => ({ id: `r${index}`, to: ['ops'], ...rule })),
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'source')),
  })
  await one.boot()
  return one
}

const subjects = (one: Box): string[] =>
  one.relay.taken.map(({ content }) =>
    (/^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(content)?.[1] ?? '').replace(/\r\n/g, '').replace('Outpost: ', ''),
  )
const json = (members: object): string => JSON.stringify(members)
const leak = json({ key: 'pit', state: 'raised', text: 'Leak in pit' })
const dry = json({ key: 'pit', state: 'cleared', text: 'Pit is dry' })

test('what is held when the power goes is told when it has lasted, as if it had not gone', async () => {
  const one = await box([{ hold: '10m' }])
  one.say(leak)
  await one.pass(minute)
  assert.deepEqual(subjects(one), [])
  await one.powerCut()
  await one.pass(8 * minute)
  assert.deepEqual(subjects(one), [])
  await one.pass(3 * minute)
  assert.deepEqual(subjects(one), ['Warning: Leak in pit'])
  one.say(dry)
  await one.pass(minute)
  assert.deepEqual(subjects(one), ['Warning: Leak in pit', 'CLEARED: Pit is dry'])
  assert.equal(one.waiting, 0)
})

test('a reminder that is due goes out after a power cut, and only once', async () => {
  const one = await box([{ repeat: ['15m'], escalate: { after: '40m', to: ['night'] } }])
  one.say(leak)
  await one.pass(10 * minute)
  await one.powerCut()
  await one.pass(10 * minute)
  assert.equal(subjects(one).length, 2)
  await one.powerCut()
  await one.pass(26 * minute)
  assert.equal(one.relay.taken.filter(({ to }) => to.includes('night@example.org')).length, 1)
  assert.equal(subjects(one).length, 5)
})

test('a limit is kept over power cuts, and what is beyond it is told together with every number', async () => {
  const one = await box([{ limit: '3/h' }])
  for (let i = 1; i <= 10; i++) {
    one.say(`Door ${i}`)
    await one.pass(minute)
    if (i % 3 === 0) await one.powerCut()
  }
  assert.equal(subjects(one).length, 3)
  await one.pass(hour)
  assert.equal(subjects(one).length, 4)
  const last = one.relay.taken.at(-1)?.content ?? ''
  assert.match(last, /plc #4-#10/)
  for (let i = 4; i <= 10; i++) assert.match(last, new RegExp(`Door ${i}\\b`))
  assert.equal(one.waiting, 0)
})

test('an acknowledgement and a silence outlive the power', async () => {
  const one = await box([{ repeat: ['15m'] }])
  one.say(leak)
  await one.pass(minute)
  const [active] = one.gateway.desk.alerts().active
  assert.equal(active?.text, 'Leak in pit')
  assert.equal(await one.settled(one.gateway.desk.acknowledge(active?.id ?? 0, 'Ann')), true)
  await one.settled(one.gateway.desk.silence({ match: { key: 'door' }, ms: hour, by: 'Ann' }))
  await one.powerCut()
  one.say(json({ key: 'door', text: 'Door open' }))
  await one.pass(30 * minute)
  assert.deepEqual(subjects(one), ['Warning: Leak in pit'])
  assert.equal(one.gateway.desk.alerts().active[0]?.acknowledgedBy, 'Ann')
  await one.pass(40 * minute)
  assert.deepEqual(subjects(one), ['Warning: Leak in pit', 'Warning: Door open'])
})

test('readings within what a rule allows are acknowledged, told to nobody and write nothing', async () => {
  const one = await box([{ when: { field: 'value > 80' }, clearBelow: 75 }])
  const before = one.gateway.desk.state().queue.records
  for (const value of [20, 21, 22]) one.say(json({ key: 'boiler', value }))
  await one.pass(minute)
  assert.equal(one.gateway.desk.state().queue.records, before)
  one.say(json({ key: 'boiler', value: 90 }))
  await one.pass(minute)
  await one.powerCut()
  one.say(json({ key: 'boiler', value: 78 }))
  await one.pass(minute)
  one.say(json({ key: 'boiler', value: 70 }))
  await one.pass(minute)
  assert.equal(subjects(one).length, 2)
  assert.match(subjects(one)[1] ?? '', /^CLEARED/)
})

test('a source that is silent is told, and told again when it speaks', async () => {
  const one = await box([], { source: { silentAfter: '10m' } })
  one.say('hello')
  await one.pass(9 * minute)
  assert.deepEqual(subjects(one), ['Warning: hello'])
  await one.pass(2 * minute)
  assert.deepEqual(subjects(one).at(-1), 'Warning: Nothing heard from plc for 10 min')
  await one.powerCut()
  await one.pass(30 * minute)
  assert.equal(subjects(one).length, 2)
  one.say('hello again')
  await one.pass(minute)
  assert.deepEqual(subjects(one).slice(2).sort(), ['CLEARED: plc is heard again', 'Warning: hello again'])
})

test('a source that falls silent again soon after it spoke is told as soon as the first time', async () => {
  const one = await box([], { source: { silentAfter: '10m' } })
  one.say('hello')
  await one.pass(12 * minute)
  one.say('hello again')
  await one.pass(9 * minute)
  const before = subjects(one).length
  await one.pass(2 * minute)
  assert.deepEqual(subjects(one).slice(before), ['Warning: Nothing heard from plc for 10 min'])
})

test('a box that was off without a goodbye says so, one that was stopped does not', async () => {
  const one = await box([], { reports: { to: ['night'] } })
  one.say('hello')
  await one.pass(minute)
  await one.powerCut()
  await one.pass(minute)
  assert.equal(one.relay.taken.length, 2)
  const letter = one.relay.taken[1]
  assert.deepEqual(letter?.to, ['night@example.org'])
  assert.match(letter?.content ?? '', /was off without a goodbye/)
  await one.settled(one.gateway.stop())
  await one.boot()
  await one.pass(minute)
  assert.equal(one.relay.taken.length, 2)
  const { cuts, gaps } = one.gateway.desk.state().power
  assert.equal(cuts, 1)
  assert.deepEqual(
    gaps.map((gap) => gap.cut),
    [true, false],
  )
})

test('once a week the box says that it lives and what came in', async () => {
  const one = await box([], { reports: { weekly: 'Mon 08:00', to: ['ops'] } })
  for (let i = 0; i < 5; i++) one.say(`Door ${i}`)
  await one.pass(15 * 24 * hour)
  const weekly = one.relay.taken.filter(({ content }) => content.includes('The box is alive'))
  assert.equal(weekly.length, 2)
  assert.match(weekly[0]?.content ?? '', /plc: 5 alerts, #1-#5/)
  assert.match(weekly[0]?.content ?? '', /Recipients: 5 delivered, 0 merged, 0 refused, 0 expired\./)
  assert.match(weekly[1]?.content ?? '', /No alerts came in/)
  assert.match(weekly[1]?.content ?? '', /Recipients: 1 delivered, 0 merged/, 'the weekly letter before this one')
})

test('the boxes of a fleet write their weekly letter within ten minutes, each at its own moment', async () => {
  const told: number[][] = []
  for (const id of ['00000000000000aa', '80000000000000aa', 'ffffffff000000aa']) {
    const one = new Box(1, { reports: { weekly: 'Mon 08:00', to: ['ops'] } })
    one.deviceId = id
    await one.boot()
    // It was Tuesday, one in the morning.
    await one.pass(6 * 24 * hour + 7 * hour - minute)
    const counts: number[] = []
    for (const minutes of [1.5, 5, 5]) {
      await one.pass(minutes * minute)
      counts.push(one.relay.taken.filter(({ content }) => content.includes('The box is alive')).length)
    }
    told.push(counts)
  }
  assert.deepEqual(told, [
    [1, 1, 1],
    [0, 1, 1],
    [0, 0, 1],
  ])
})

test('the weekly letter counts what was settled before a power cut once', async () => {
  const one = await box([], { reports: { weekly: 'Mon 08:00', to: ['ops'] } })
  for (let i = 0; i < 5; i++) {
    one.say(`Door ${i}`)
    await one.pass(minute)
    await one.powerCut()
  }
  await one.pass(8 * 24 * hour)
  const weekly = one.relay.taken.find(({ content }) => content.includes('The box is alive'))
  const cuts = one.relay.taken.filter(({ content }) => content.includes('without a goodbye')).length
  assert.ok(cuts > 0)
  assert.match(weekly?.content ?? '', new RegExp(`Recipients: ${5 + cuts} delivered, 0 merged`))
})

test('what a rule kept until the journal was short of room is told all the same, and makes room', async () => {
  const one = await box([{ limit: '1/h' }], { queue: { maxMiB: 4 } })
  const { total } = one.gateway.desk.state().queue
  const cramped = () => one.gateway.desk.state().queue.free < total * 0.2
  for (let said = 0; said < 2000 && !cramped(); said++) {
    one.say(json({ severity: 'info', text: `${said} ${'x'.repeat(3500)}` }))
    await one.pass(300)
  }
  assert.ok(cramped(), 'infos are refused')
  await one.pass(2 * hour)
  assert.equal(one.waiting, 0)
  assert.ok(one.gateway.desk.state().queue.free > total * 0.8)
  assert.equal(subjects(one).length, 2)
})

test('what was kept and then dropped by hand is not taken for lost', async () => {
  const one = await box([{ limit: '1/h' }])
  for (const text of ['one', 'two', 'three']) {
    one.say(text)
    await one.pass(2000)
  }
  const { letters } = await one.settled(one.gateway.desk.list())
  const two = letters.find(({ text }) => text === 'two')
  assert.equal(two?.state, 'kept')
  one.gateway.desk.drop(two.id, 'a technician')
  await one.pass(2 * hour)
  assert.deepEqual(one.told(), ['one', 'three'])
  assert.deepEqual(
    one.log.filter(({ event }) => event.includes('destroyed')),
    [],
  )
})

/** From now on the disk takes so long for each sync. */
function slows(one: Box, ms: number): void {
  one.disk.delay = () => new Promise((done) => void one.clock.after(ms, done))
}

test('nobody is reminded of what ended or was acknowledged while others were being told, and nobody is called for it', async () => {
  const one = await box([{ repeat: ['10m'], escalate: { after: '10m', to: ['night'] } }])
  for (let i = 0; i < 8; i++) one.say(json({ key: `p${i}`, state: 'raised', text: `Leak ${i}` }))
  await one.pass(10 * minute - 2000)
  slows(one, 100)
  while (!one.log.some(({ event }) => event === 'dispatcher: escalation')) await one.pass(50)
  for (const i of [4, 5, 6]) one.say(json({ key: `p${i}`, state: 'cleared', text: `Dry ${i}` }))
  const last = one.gateway.desk.alerts().active.find(({ key }) => key === 'p7')
  void one.gateway.desk.acknowledge(last?.id ?? 0, 'ops')
  await one.pass(3 * minute)
  const hears = (i: number, who: string) =>
    one.relay.taken.flatMap(({ to, content }) =>
      to.includes(`${who}@example.org`) && new RegExp(`(Leak|Dry) ${i}\\b`).test(content)
        ? (/(CLEARED|Still active)/.exec(content)?.[1] ?? 'first')
        : [],
    )
  assert.deepEqual([hears(0, 'ops'), hears(0, 'night')], [['first', 'Still active'], ['first']])
  for (const i of [4, 5, 6]) assert.deepEqual([hears(i, 'ops'), hears(i, 'night')], [['first', 'CLEARED'], []])
  assert.deepEqual([hears(7, 'ops'), hears(7, 'night')], [['first'], []])
})

test('what another letter has told since it was due is not told again', async () => {
  const one = await box(
    ['a', 'b', 'c'].map((key) => ({ when: { key }, hold: '10m' })),
    { delivery: { keep: '2h' } },
  )
  for (const state of ['raised', 'cleared'])
    for (const key of ['a', 'b', 'c']) one.say(json({ key, state, text: `Leak ${key} is ${state}` }))
  await one.pass(hour - 2000)
  assert.deepEqual([one.told(), one.waiting], [[], 6])
  slows(one, 100)
  const tells = () => one.log.filter(({ event }) => event === 'dispatcher: tell')
  while (tells().length === 0) await one.pass(10)
  // What was kept of `b` is on its way to the disk, and what was kept of `c` is next.
  one.say(json({ key: 'c', text: 'Door c' }))
  await one.pass(hour)
  assert.deepEqual(
    tells().map(({ facts }) => facts.told),
    [1, 2, 1],
    'the two of `c` stand in the letter about the door',
  )
  assert.equal(one.relay.taken.length, 4)
})

test('an end that waits until somebody is on duty is named where the same is raised anew, and ends nothing of that', async () => {
  const people = ['ops', 'night'].map((id) => ({ id, address: `${id}@example.org`, hours: 'Mon-Sun 03:00-18:00' }))
  const one = await box([{ repeat: ['3h'] }], { people, site: { domain: 'site.example.org', timeZone: 'UTC' } })
  const raise = () => one.say(json({ key: 'pit', state: 'raised', severity: 'critical', text: 'Leak in pit' }))
  for (const say of [raise, () => one.say(dry), raise]) {
    say()
    await one.pass(20 * minute)
  }
  assert.deepEqual([one.relay.taken.length, one.waiting], [2, 0])
  assert.match(one.relay.taken.at(-1)?.content ?? '', /#3, previous #1, also told here: #2/)
  await one.pass(2 * hour)
  assert.equal(one.relay.taken.length, 2)
  assert.equal(one.gateway.desk.alerts().active.length, 1)
  await one.pass(2 * hour)
  assert.match(one.relay.taken.at(-1)?.content ?? '', /Still active/)
})
