import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/ports/disk.ts'
import { Box } from './box.ts'

/** Three critical letters of an earlier life, a relay that cannot be reached, and a card that was remounted read-only before this life. */
async function remounted(settings: Record<string, unknown> = {}): Promise<Box> {
  const box = new Box(1, settings)
  await box.boot()
  box.away()
  for (const text of ['a', 'b', 'c']) await box.send(text, 'critical')
  await box.pass(60_000)
  await box.settled(box.gateway.stop())
  box.disk.faults.readOnly = true
  await box.boot()
  return box
}

const refusedNow = async (box: Box): Promise<string> => {
  const taken = await box.settled(box.gateway.desk.send({ to: 'ops', text: 'd', severity: 'critical' }))
  assert.ok(taken.kind === 'refused')
  return `${taken.why} ${taken.hint}`
}

test('on a card that was remounted read-only the gateway starts, sends what waits, once, and accepts nothing', async () => {
  const box = await remounted()
  assert.match(box.gateway.desk.state().queue.readOnly ?? '', /read-only file system/, 'it is known before the first alert comes')
  assert.match(await refusedNow(box), /read-only file system.*Waiting letters are still sent/)
  assert.equal((await box.settled(box.gateway.desk.list())).letters.length, 3)
  box.back()
  await box.pass(5 * 60_000)
  assert.deepEqual(box.told().sort(), ['a', 'b', 'c'])
  assert.equal(box.waiting, 0)
  assert.ok(
    box.log.some(({ event }) => event === 'a late letter leaves without being frozen'),
    'they are late, and waited two minutes for a disk that may only stumble',
  )
  box.away()
  await box.pass(24 * 3_600_000)
  box.back()
  await box.pass(3_600_000)
  assert.equal(box.told().length, 3, 'what has left is remembered though it cannot be written down')
  assert.deepEqual(
    box.log.filter(({ event }) => /destroyed|round failed/.test(event)),
    [],
  )
  box.disk.faults.readOnly = false
  await box.pass(60_000)
  await box.powerCut()
  await box.pass(3_600_000)
  assert.equal(box.told().length, 3, 'a disk that takes notes again has them all')
})

test('the kernel remounts the card while the gateway runs: what waits leaves, once', async () => {
  const box = new Box(2)
  await box.boot()
  box.away()
  for (const text of ['a', 'b']) await box.send(text, 'critical')
  await box.pass(60_000)
  box.disk.faults.readOnly = true
  await refusedNow(box)
  box.back()
  await box.pass(10 * 60_000)
  assert.deepEqual(box.told().sort(), ['a', 'b'])
  await box.pass(24 * 3_600_000)
  assert.equal(box.told().length, 2)
})

test('a journal that cannot be opened for a while destroys nothing: letters are listed, tried now and then, and leave when it can', async () => {
  const box = new Box(3)
  await box.boot()
  box.away()
  for (const text of ['a', 'b', 'c']) await box.send(text, 'critical')
  await box.pass(60_000)
  const real = box.disk.open.bind(box.disk)
  let opened = 0
  box.disk.open = async (path, options) => {
    if (!path.endsWith('.seg')) return real(path, options)
    opened++
    throw new DiskError(`cannot open ${path}`, 'EIO')
  }
  box.back()
  await box.pass(3_600_000)
  assert.deepEqual(box.told(), [])
  assert.ok(opened < 200, `${opened} openings in an hour are no busy loop`)
  const { total, letters } = await box.settled(box.gateway.desk.list())
  assert.equal(total, 3)
  assert.match(letters[0]?.text ?? '', /^It cannot be read now: cannot open/)
  box.disk.open = real
  await box.pass(4 * 3_600_000)
  assert.deepEqual(box.told().sort(), ['a', 'b', 'c'])
  assert.deepEqual(
    box.log.filter(({ event }) => event.includes('destroyed')),
    [],
  )
})

test('what the rules keep and cannot be read now is told later', async () => {
  const box = new Box(4, {
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' }],
    rules: [{ id: 'held', hold: '10m', to: ['ops'] }],
  })
  await box.boot()
  box.say(JSON.stringify({ text: 'a', key: 'k', state: 'raised', severity: 'critical' }))
  await box.pass(60_000)
  assert.equal(box.gateway.desk.state().kept, 1)
  const real = box.disk.open.bind(box.disk)
  box.disk.open = async (path, options) => {
    if (!path.endsWith('.seg')) return real(path, options)
    throw new DiskError(`cannot open ${path}`, 'EIO')
  }
  await box.pass(30 * 60_000)
  assert.equal(box.gateway.desk.state().kept, 1)
  box.disk.open = real
  await box.pass(5 * 60_000)
  assert.equal(box.told().length, 1)
})
