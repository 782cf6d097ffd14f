import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

/** One recipient whose mailbox is full for days must not keep anything from the others. */
const people = ['ops', 'boss'].map((id) => ({ id, name: id, address: `${id}@example.org` }))
const ways = {
  'a chain': { chunking: true, pipelining: true },
  groups: { chunking: false, pipelining: true },
  steps: { chunking: false, pipelining: false },
} as const

async function opened(way: keyof typeof ways): Promise<Box> {
  const sources = [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' }]
  const box = new Box(1, { people, sources, rules: [{ id: 'all', to: ['ops', 'boss'] }], delivery: { digest: { from: 0 } } })
  box.relay.faults = { ...box.relay.faults, ...ways[way], full: ['boss@example.org'] }
  await box.boot()
  await box.pass(2000)
  return box
}

const heard = (box: Box, who: string): string[] =>
  box.relay.taken.flatMap(({ to, content }) =>
    to.includes(`${who}@example.org`) ? (/^(Pump \d|Level [a-z]+)/m.exec(content)?.slice(1) ?? []) : [],
  )

for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
  test(`by ${way}: without a key, a letter that the relay puts off for one keeps nobody back`, async () => {
    const box = await opened(way)
    await box.send('Pump 1', 'warning', undefined, 'boss')
    for (let i = 2; i <= 5; i++) {
      await box.send(`Pump ${i}`)
      await box.pass(60_000)
    }
    assert.deepEqual(heard(box, 'ops'), ['Pump 2', 'Pump 3', 'Pump 4', 'Pump 5'])
    box.relay.faults = { ...box.relay.faults, full: [] }
    await box.pass(2 * 3_600_000)
    assert.deepEqual(heard(box, 'boss'), ['Pump 1'])
    assert.equal(box.waiting, 0)
  })

  test(`by ${way}: of one key, each recipient hears in order, and nobody waits for what another one is to hear`, async () => {
    const box = await opened(way)
    const both = (text: string) => {
      box.say(JSON.stringify({ key: 'level', text }))
      return box.pass(60_000)
    }
    await both('Level high')
    await both('Level normal')
    await both('Level low')
    await box.pass(600_000)
    assert.deepEqual(heard(box, 'ops'), ['Level high', 'Level normal', 'Level low'])
    assert.deepEqual(heard(box, 'boss'), [])
    box.relay.faults = { ...box.relay.faults, full: [] }
    await box.pass(6 * 3_600_000)
    assert.deepEqual(heard(box, 'boss'), ['Level high', 'Level normal', 'Level low'])
    assert.deepEqual(heard(box, 'ops'), ['Level high', 'Level normal', 'Level low'], 'nobody hears anything twice')
    assert.equal(box.waiting, 0)
  })
}

test('what is over is told behind its beginning, though it weighs more and the beginning waits', async () => {
  const box = await opened('a chain')
  const say = (members: object) => {
    box.say(JSON.stringify({ key: 'level', ...members }))
    return box.pass(20_000)
  }
  await say({ state: 'raised', severity: 'info', text: 'Level high' })
  box.relay.faults = { ...box.relay.faults, full: [] }
  await say({ state: 'cleared', text: 'Level normal' })
  await box.pass(30 * 60_000)
  assert.deepEqual(heard(box, 'boss'), ['Level high', 'Level normal'])
})

test('of a backlog, what is over leaves behind its beginning, whatever stands between them', async () => {
  const box = await opened('a chain')
  box.away()
  await box.pass(1000)
  box.say(JSON.stringify({ key: 'level', state: 'raised', severity: 'info', text: 'Level high' }))
  await box.pass(1000)
  box.say(JSON.stringify({ key: 'level', state: 'cleared', text: 'Level normal' }))
  for (let i = 1; i <= 40; i++) {
    box.say(`Pump ${i}`)
    await box.pass(1000)
  }
  box.back()
  await box.pass(10 * 60_000)
  const told = heard(box, 'ops')
  assert.equal(told.length, 42)
  assert.deepEqual(
    told.filter((text) => text.startsWith('Level')),
    ['Level high', 'Level normal'],
  )
})
