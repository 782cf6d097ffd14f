import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Scene } from '../../src/cli/command.ts'
import { tellService } from '../../src/cli/service.ts'
import { stateOf } from '../../src/web/state.ts'
import { WebBox } from '../web/box.ts'

const pass = (box: WebBox, ms: number) => box.timeline.run(box.timeline.now + ms)
const under = (box: WebBox, env: Record<string, string>): Scene => ({ ...box.scene, env })
const unit = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '60000000' }
const beats = (box: WebBox) => box.notified.filter((words) => words.includes('WATCHDOG=1')).length

test('without systemd nothing is told', async () => {
  const box = await WebBox.claimed()
  const goodbye = tellService(under(box, { WATCHDOG_USEC: '60000000' }), box.household)
  await pass(box, 600_000)
  await goodbye('stop')
  assert.deepEqual(box.notified, [])
  await box.household.stop()
})

test('ready, how it is, signs of life and goodbye; the status only when it changes', async () => {
  const box = await WebBox.claimed()
  const goodbye = tellService(under(box, unit), box.household)
  await pass(box, 10)
  assert.deepEqual(box.notified, [['READY=1', 'WATCHDOG=1', 'STATUS=All well.']])
  await pass(box, 300_000)
  assert.equal(beats(box), 11)
  await pass(box, 5 * 3_600_000)
  assert.equal(beats(box), 611, 'a box with nothing to do hangs at nothing')
  assert.deepEqual(box.notified.at(-1), ['WATCHDOG=1'])
  box.household.hardware = { supply: 'low' }
  await pass(box, 30_000)
  assert.deepEqual(box.notified.at(-1), ['WATCHDOG=1', 'STATUS=The power supply is too weak.'])
  await goodbye('stop')
  assert.deepEqual(box.notified.at(-1), ['STOPPING=1'])
  const told = box.notified.length
  await pass(box, 600_000)
  assert.equal(box.notified.length, told)
  await box.household.stop()
})

test('a restart from the page is no goodbye: systemd would kill what comes next', async () => {
  const box = await WebBox.claimed()
  const goodbye = tellService(under(box, unit), box.household)
  await pass(box, 10)
  await goodbye('restart')
  assert.ok(!box.notified.flat().includes('STOPPING=1'))
  await box.household.stop()
})

test('a disk that never comes back from a sync costs the sign of life, although every timer still runs', async () => {
  const box = await WebBox.claimed()
  const goodbye = tellService(under(box, unit), box.household)
  await pass(box, 60_000)
  let release = () => {}
  box.disk.delay = (kind) => (kind === 'sync' ? new Promise((resolve) => (release = resolve)) : Promise.resolve())
  void box.ask('POST', '/api/alerts', { text: 'Door open' })
  await pass(box, 100)
  const before = beats(box)
  await pass(box, 110_000)
  assert.ok(beats(box) > before, 'a slow disk is not a dead one')
  await pass(box, 60_000)
  const dead = beats(box)
  await pass(box, 300_000)
  assert.equal(beats(box), dead)
  assert.match(box.notified.flat().at(-1) ?? '', /^STATUS=The disk has not finished a write of the journal for \d+ s\.$/)
  assert.ok(box.book.lines.some((line) => JSON.stringify(line).includes('something hangs')))
  box.disk.delay = async () => {}
  release()
  await pass(box, 40_000)
  assert.ok(beats(box) > dead, 'it came back after all')
  await goodbye('stop')
  await box.household.stop()
})

test('a box that can write nothing still lives: the page says what to do, and a restart would not mend the card', async () => {
  const box = await WebBox.claimed()
  const goodbye = tellService(under(box, unit), box.household)
  // Every sync fails, however often it is tried.
  Object.defineProperty(box.disk.faults, 'failSync', { get: () => 1, set: () => {} })
  const answering = box.ask('POST', '/api/alerts', { text: 'Door open' })
  await pass(box, 1000)
  assert.equal((await answering).status, 507)
  assert.equal(stateOf(box.household).health.mood, 'trouble')
  await pass(box, 600_000)
  assert.ok(beats(box) >= 20)
  await goodbye('stop')
  await box.household.stop()
})
