import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kind } from '../sim/world/relay.ts'
import { Box } from './box.ts'

/** A digest stands where the raises stood that it tells: while it is put off, what clears them waits for it. */
const minute = 60_000
const hour = 60 * minute
const rules = [{ id: 'all', to: ['ops', 'boss'] }]

async function opened(more: Record<string, unknown> = {}): Promise<Box> {
  const people = ['ops', 'boss'].map((id) => ({ id, name: id, address: `${id}@example.org` }))
  const box = new Box(1, { people, sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }], rules, ...more })
  await box.boot()
  await box.pass(minute)
  return box
}

async function raised(box: Box, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    box.blurt(JSON.stringify({ key: `k${i}`, state: 'raised', text: `alarm ${i}` }))
    await box.pass(1000)
  }
}

async function cleared(box: Box, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    box.blurt(JSON.stringify({ key, state: 'cleared', text: `fine ${key}` }))
    await box.pass(1000)
  }
}

/** An outage in which `k0` to `k5` are raised. */
async function wentAway(box: Box): Promise<void> {
  box.away()
  await raised(box, 6)
  await box.pass(10 * minute)
}

/** What this one was told, in its order: of a digest how many it tells, else the first line. */
const heard = (box: Box, who: string): string[] =>
  box.relay.taken.flatMap(({ to, content }) =>
    to.includes(`${who}@example.org`) ? (/^(\d+ alerts|fine \w+|alarm \d+)/m.exec(content.split('\r\n\r\n')[1] ?? '')?.slice(1) ?? []) : [],
  )

/** Titles in the letters that tell several, in their order. */
const titles = (box: Box): string[] => box.relay.taken.flatMap(({ content }) => content.match(/^(?:Still active|Came and went)/gm) ?? [])

test('what is over is told behind the digest that tells its beginning, when the relay puts that off', async () => {
  const box = await opened()
  await wentAway(box)
  box.relay.faults = { ...kind, putsOff: '6 alerts' }
  box.back()
  await box.pass(20_000)
  box.relay.faults = { ...kind }
  await cleared(box, 'k3', 'k9')
  await box.pass(30_000)
  assert.deepEqual(heard(box, 'ops'), ['fine k9'], 'of which the digest says nothing')
  await box.pass(hour)
  assert.deepEqual(heard(box, 'ops'), ['fine k9', '6 alerts', 'fine k3'])
  assert.equal(box.waiting, 0)
})

test('in the flight in which a digest is put off, nothing that it tells to stand is told to be over', async () => {
  const box = await opened()
  await wentAway(box)
  box.relay.faults = { ...kind, putsOff: '6 alerts' }
  // It came too late for the digest, and leaves right behind it.
  box.back()
  await cleared(box, 'k3', 'k9')
  await box.pass(30_000)
  assert.deepEqual(heard(box, 'ops'), ['fine k9'])
  box.relay.faults = { ...kind }
  await box.pass(hour)
  assert.deepEqual(heard(box, 'ops'), ['fine k9', '6 alerts', 'fine k3'])
})

test('who has had the digest does not wait for whom it was put off, and a power cut changes nothing of it', async () => {
  const box = await opened()
  await wentAway(box)
  box.relay.faults = { ...kind, full: ['boss@example.org'] }
  box.back()
  await box.pass(20_000)
  await cleared(box, 'k3')
  await box.powerCut()
  await cleared(box, 'k4')
  await box.pass(minute)
  assert.deepEqual([heard(box, 'ops'), heard(box, 'boss')], [['6 alerts', 'fine k3', 'fine k4'], []])
  box.relay.faults = { ...kind }
  await box.pass(6 * hour)
  assert.deepEqual(heard(box, 'boss'), ['6 alerts', 'fine k3', 'fine k4'])
  assert.equal(box.waiting, 0)
})

test('a digest that is given up keeps nobody back any more', async () => {
  const box = await opened()
  await wentAway(box)
  box.relay.faults = { ...kind, putsOff: '6 alerts' }
  box.back()
  await box.pass(20_000)
  await cleared(box, 'k3')
  await box.pass(hour)
  assert.deepEqual(heard(box, 'ops'), [])
  const id = box.log.find(({ event }) => event === 'backlog: merged into a digest')?.facts.id
  assert.ok(typeof id === 'number' && box.gateway.desk.drop(id, 'ops'))
  await box.pass(2 * minute)
  assert.deepEqual(heard(box, 'ops'), ['fine k3'])
})

test('a summary of a rule keeps back what clears what it tells, too', async () => {
  const box = await opened({ rules: [{ id: 'all', to: ['ops'], limit: '1/1h' }] })
  box.relay.faults = { ...kind, putsOff: 'alerts were more' }
  await raised(box, 4)
  await box.pass(hour)
  const summary = box.log.find(({ event, facts }) => event === 'dispatcher: tell' && facts.told === 3)
  assert.ok(summary, 'k1 to k3 are told together')
  await cleared(box, 'k2')
  await box.pass(2 * hour)
  assert.deepEqual(heard(box, 'ops'), ['alarm 0'])
  box.relay.faults = { ...kind }
  await box.pass(6 * hour)
  assert.deepEqual(heard(box, 'ops'), ['alarm 0', '3 alerts', 'fine k2'])
})

test('in a mailbox of the box, too, which did not take the summary and takes what comes then', async () => {
  const people = [{ id: 'ops', name: 'ops', address: 'operator@site.example.org' }]
  const box = await opened({ people, rules: [{ id: 'all', to: ['ops'], limit: '2/1h' }] })
  await raised(box, 4)
  const write = box.disk.write.bind(box.disk)
  let failures = 1
  box.disk.write = (path, bytes) => (path.includes('/mailbox/') && failures-- > 0 ? Promise.reject(new Error('EIO')) : write(path, bytes))
  while (failures > 0) await box.pass(1000)
  await cleared(box, 'k2')
  await box.pass(20_000)
  const mails = () => box.disk.paths().filter((path) => path.includes('/mailbox/operator/new/')).length
  assert.equal(mails(), 2, 'the first two raises')
  await box.pass(minute)
  assert.equal(mails(), 4)
  assert.equal(box.waiting, 0)
})

test('what is over is merged in a second outage, too, while the digest waits that tells its beginning, and told behind that', async () => {
  const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5']
  const box = await opened()
  await wentAway(box)
  box.relay.faults = { ...kind, putsOff: '6 alerts' }
  box.back()
  await box.pass(20_000)
  box.away()
  await cleared(box, ...keys)
  await box.pass(3 * hour)
  box.back()
  await box.pass(20_000)
  assert.deepEqual(heard(box, 'ops'), [], 'both were put off')
  box.relay.faults = { ...kind }
  await box.pass(6 * hour)
  assert.deepEqual(heard(box, 'ops'), ['6 alerts', '6 alerts'])
  assert.deepEqual(titles(box), ['Still active', 'Came and went'])
  assert.equal(box.waiting, 0)
})

test('what a summary tells to be over waits for the summary that tells its beginning, also after a power cut', async () => {
  const box = await opened({ rules: [{ id: 'all', to: ['ops'], limit: '1/1h' }] })
  box.relay.faults = { ...kind, putsOff: 'Still active' }
  await raised(box, 4)
  await box.pass(hour)
  await cleared(box, 'k1', 'k2', 'k3')
  await box.pass(5 * hour)
  await box.powerCut()
  await box.pass(5 * hour)
  assert.deepEqual(titles(box), [])
  box.relay.faults = { ...kind }
  await box.pass(8 * hour)
  assert.deepEqual(titles(box), ['Still active', 'Came and went'])
  assert.equal(box.waiting, 0)
})

test('a mailbox of the box takes what a summary tells to be over behind the summary that tells its beginning', async () => {
  const people = [{ id: 'ops', name: 'ops', address: 'operator@site.example.org' }]
  const box = await opened({ people, rules: [{ id: 'all', to: ['ops'], limit: '1/1h' }] })
  await raised(box, 4)
  const write = box.disk.write.bind(box.disk)
  const first = () => box.log.find(({ event }) => event === 'dispatcher: tell')?.facts.id
  box.disk.write = (path, bytes) => (path.includes(`/O${first()}.`) ? Promise.reject(new Error('EIO')) : write(path, bytes))
  await box.pass(hour)
  await cleared(box, 'k1', 'k2', 'k3')
  await box.pass(3 * hour)
  const mails = () => box.disk.paths().filter((path) => path.includes('/mailbox/operator/new/')).length
  assert.equal(box.log.filter(({ event }) => event === 'dispatcher: tell').length, 2)
  assert.equal(mails(), 1, 'the first raise')
  box.disk.write = write
  await box.pass(2 * minute)
  assert.equal(mails(), 3)
  assert.equal(box.waiting, 0)
})

test('a digest leaves over a metered link, though it is larger than what waits there: what it tells would have left', async () => {
  const box = await opened({ rules: [], delivery: { links: [{ interface: 'eth0', metered: true }], meteredMaxBytes: 2000 } })
  box.away()
  await raised(box, 60)
  await box.pass(10 * minute)
  box.back()
  await box.pass(minute)
  assert.equal(box.waiting, 0)
  assert.ok((box.relay.taken.at(-1)?.content.length ?? 0) > 2000)
})

test('what is over is not called active when its end is kept by the rules; what was raised anew is, and what nobody cleared', async () => {
  for (const cut of [false, true]) {
    const box = await opened({ rules: [{ id: 'one', when: { key: 'p*' }, limit: '4/h', to: ['ops'] }, log] })
    box.away()
    const say = async (key: string, state: string, text: string) => {
      box.blurt(JSON.stringify({ key, state, text }))
      await box.pass(1000)
    }
    for (const key of ['p1', 'p2', 'p3']) await say(key, 'raised', `leak ${key}`)
    await say('p2', 'cleared', 'dry p2')
    await say('p1', 'cleared', 'dry p1')
    await say('p2', 'raised', 'again p2')
    for (let i = 0; i < 3; i++) await say(`d${i}`, 'event', `door ${i}`)
    await box.pass(10 * minute)
    if (cut) await box.powerCut()
    await box.pass(10 * minute)
    box.back()
    await box.pass(minute)
    const [digest] = box.relay.taken
    assert.match(digest?.content ?? '', /7 alerts after an outage, 1 still active/)
    assert.match(digest?.content ?? '', /Still active \(1\)\r\n.*leak p3/)
    assert.match(digest?.content ?? '', /Came and went \(2\)\r\n.*leak p2 -> dry p2.*\r\n.*leak p1 \(plc #1\)/)
    await box.pass(2 * hour)
    assert.match(box.relay.taken.at(-1)?.content ?? '', /Still active \(1\)\r\n.*again p2/)
    assert.equal(box.waiting, 0)
  }
})

/** In an outage: readings of one boiler, and four doors that go. */
async function readInOutage(box: Box, ...values: number[]): Promise<string> {
  box.away()
  for (const value of values) {
    box.blurt(JSON.stringify({ key: 'boiler', value, text: `at ${value}` }))
    await box.pass(1000)
  }
  for (let i = 0; i < 4; i++) {
    box.blurt(JSON.stringify({ text: `door ${i}` }))
    await box.pass(1000)
  }
  await box.pass(10 * minute)
  box.back()
  await box.pass(minute)
  assert.equal(box.relay.taken.length, 1)
  return box.relay.taken[0]?.content ?? ''
}
const log = { id: 'log', to: ['ops'] }

test('a level that ends by a reading which another rule takes is over', async () => {
  const box = await opened({ rules: [{ id: 'hot', when: { field: 'value > 80' }, to: ['ops'] }, log] })
  const digest = await readInOutage(box, 90, 20)
  assert.match(digest, /none still active/)
  assert.match(digest, /Came and went \(1\)\r\n.*at 90 -> at 20/)
})

test('of two levels of one reading the one that stands is called active', async () => {
  const level = (id: string, bound: number) => ({ id, when: { field: `value > ${bound}` }, to: ['ops'] })
  const box = await opened({ rules: [level('hot', 100), level('warm', 80), log] })
  const digest = await readInOutage(box, 90, 120, 91)
  assert.deepEqual(
    box.gateway.desk.alerts().active.map(({ rule }) => rule),
    ['warm'],
  )
  assert.match(digest, /Still active \(1\)\r\n.*at 90 /)
  assert.match(digest, /Came and went \(1\)\r\n.*at 120 -> at 91/)
})

test('the end of a level that a digest says to stand waits for the digest, though a worse level ended in it', async () => {
  const level = (id: string, bound: number) => ({ id, when: { field: `value > ${bound}` }, to: ['ops'] })
  const box = await opened({ rules: [level('hot', 100), level('warm', 80), log] })
  box.relay.faults = { ...kind, putsOff: '7 alerts' }
  box.away()
  const read = (value: number) =>
    box.blurt(JSON.stringify({ key: 'boiler', value, state: value < 80 ? 'cleared' : 'event', text: `at ${value}` }))
  for (const value of [90, 120, 91]) {
    read(value)
    await box.pass(1000)
  }
  for (let i = 0; i < 4; i++) box.blurt(JSON.stringify({ text: `door ${i}` }))
  await box.pass(10 * minute)
  box.back()
  await box.pass(20_000)
  read(20)
  await box.pass(minute)
  assert.equal(box.relay.taken.length, 0)
  box.relay.faults = { ...kind }
  await box.pass(2 * hour)
  assert.deepEqual(
    box.relay.taken.map(({ content }) => /(7 alerts waited|at 20)/.exec(content)?.[1]),
    ['7 alerts waited', 'at 20'],
  )
})

test('what becomes critical in an outage has its letter of its own beside the digest', async () => {
  const box = await opened({ rules: [] })
  box.away()
  await raised(box, 6)
  box.blurt(JSON.stringify({ key: 'k2', state: 'raised', severity: 'critical', text: 'alarm 22' }))
  await box.pass(10 * minute)
  box.back()
  await box.pass(minute)
  assert.deepEqual(heard(box, 'ops'), ['7 alerts', 'alarm 22'])
  const subjects = box.relay.taken.map(({ content }) => /^Subject: (.*)/m.exec(content)?.[1] ?? '')
  assert.equal(subjects.length, 2)
  assert.match(subjects[0] ?? '', /7 alerts after an outage, 6 still active/)
  assert.match(subjects[1] ?? '', /CRITICAL.*alarm 22/)
})

test('what a digest that is put off only names is told to be over behind it, too', async () => {
  const box = await opened({ rules: [] })
  box.away()
  await raised(box, 6)
  box.blurt(JSON.stringify({ key: 'k2', state: 'raised', severity: 'critical', text: 'alarm 22' }))
  await box.pass(10 * minute)
  box.relay.faults = { ...kind, putsOff: '7 alerts' }
  box.back()
  await box.pass(20_000)
  assert.deepEqual(heard(box, 'ops'), ['alarm 22'])
  box.relay.faults = { ...kind }
  box.blurt(JSON.stringify({ key: 'k2', state: 'cleared', severity: 'critical', text: 'fine k2' }))
  await box.pass(30_000)
  assert.deepEqual(heard(box, 'ops'), ['alarm 22'])
  await box.pass(hour)
  assert.deepEqual(heard(box, 'ops'), ['alarm 22', '7 alerts', 'fine k2'])
  assert.equal(box.waiting, 0)
})

const looks = [
  ['in another script', { format: 'text' }],
  ['with HTML and the alert for machines', { format: 'text+html', json: true }],
] as const

for (const [name, look] of looks)
  test(`a digest is no larger than the largest letter, and names every number: ${name}`, async () => {
    const maxBytes = 20_000
    const box = new Box(1, {
      sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }],
      mail: { from: 'Насос 7 <box@example.org>', maxBytes, ...look },
    })
    box.segmentBytes = 1024 * 1024
    await box.boot()
    await box.pass(minute)
    box.away()
    for (let i = 0; i < 250; i++) {
      box.blurt(JSON.stringify({ key: `k${i}`, state: 'raised', text: `Насос ${i}: температура подшипника выше предела` }))
      await box.pass(1000)
    }
    await box.pass(10 * minute)
    box.back()
    await box.pass(minute)
    const [digest, ...others] = box.relay.taken
    const octets = digest?.content.length ?? 0
    assert.deepEqual([others.length, box.waiting], [0, 0])
    assert.ok(octets <= maxBytes && octets > maxBytes * 0.7, `${octets} octets`)
    const text = Buffer.from(/base64\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(digest?.content ?? '')?.[1] ?? '', 'base64').toString()
    assert.match(text, /^250 alerts[\s\S]*\.\.\. and \d+ more, which the numbers below name[\s\S]*\nNumbers told here: plc #1-#250\r\n/)
  })
