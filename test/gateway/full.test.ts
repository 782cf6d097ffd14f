import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

/** A box without a way out, less than a fifth of whose journal is free, and a line whose device does not listen. */
async function fullBox(): Promise<Box> {
  const sources = [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }]
  const box = new Box(1, { queue: { maxMiB: 4 }, delivery: { digest: { from: 0 } }, sources })
  await box.boot()
  await box.pass(2000)
  box.away()
  const queue = () => box.gateway.desk.state().queue
  for (let n = 1; queue().free >= queue().total * 0.18; n++) await box.send(`${n} ${'x'.repeat(3000)}`, 'critical')
  return box
}

const says = (box: Box, text: string, severity: string) => box.blurt(JSON.stringify({ text, severity }))

test('what is critical does not wait behind an info that is refused for want of room', async () => {
  const box = await fullBox()
  says(box, 'coffee is ready', 'info')
  await box.pass(1000)
  says(box, 'the pump house is flooded', 'critical')
  await box.pass(2000)
  assert.equal(box.gateway.desk.state().numbers.plc, 1, 'it is on the disk')
  await box.powerCut()
  box.back()
  await box.pass(600_000)
  assert.ok(box.told().includes('the pump house is flooded'))
})

test('a device that offers a refused alert again every second fills no log', async () => {
  const box = await fullBox()
  says(box, 'coffee is ready', 'info')
  await box.pass(600_000)
  const refused = box.log.filter(({ event }) => event === 'an alert was refused')
  assert.ok(refused.length >= 5 && refused.length <= 11, `${refused.length} entries in ten minutes`)
  assert.ok(Number(refused.at(-1)?.facts.refusedSince) > 30, 'the others are counted')
})

test('what waited for room is told behind what has passed it, and says when it was heard', async () => {
  const box = await fullBox()
  says(box, 'coffee is ready', 'info')
  says(box, 'the pump house is flooded', 'critical')
  await box.pass(3_600_000)
  box.back()
  await box.pass(600_000)
  const told = box.told()
  const [flood, coffee] = [told.indexOf('the pump house is flooded'), told.indexOf('coffee is ready')]
  assert.ok(flood >= 0 && coffee > flood, `flood ${flood}, coffee ${coffee} of ${told.length}`)
  const dateOf = (at: number) => Date.parse(/^Date: (.*)$/m.exec(box.relay.taken[at]?.content ?? '')?.[1] ?? '')
  assert.equal(dateOf(coffee), dateOf(flood), 'an hour ago, both of them')
})
