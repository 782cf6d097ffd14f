import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Household } from '../../src/cli/household.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import type { SimDisk } from '../sim/world/disk.ts'
import { SimRandom } from '../sim/world/random.ts'
import { WebBox } from './box.ts'

const first = '0.0.0.0:8080'
const second = '10.99.99.99:8080'

async function move(box: WebBox, listen: string): Promise<Response> {
  const read = await box.ask('GET', '/api/settings')
  const { settings } = (await read.json()) as { settings: { web: object } }
  const match = { 'if-match': read.headers.get('etag') ?? '' }
  return box.ask('PUT', '/api/settings', { ...settings, web: { ...settings.web, listen } }, match)
}

/** What the next life finds, and the one after it. */
async function lives(disk: SimDisk): Promise<string[]> {
  const places: string[] = []
  for (let life = 0; life < 2; life++) {
    const box = await WebBox.open({}, {}, disk)
    await box.household.begin()
    await box.timeline.run(box.timeline.now + 600_000)
    places.push(box.household.current.web.listen)
    await box.household.stop()
  }
  return places
}

test('whoever cannot reach a page that was moved pulls the plug: at the next start it is where it was', async () => {
  const box = await WebBox.claimed()
  assert.equal((await move(box, '10.99.99.98:8080')).status, 200)
  assert.equal((await move(box, second)).status, 200)
  await box.timeline.run(box.timeline.now + 30_000)
  const disk = box.disk.powerCut(new SimRandom(1))
  assert.deepEqual(await lives(disk), [first, first])
  const later = await WebBox.open({}, {}, disk)
  assert.equal(later.household.trialLeftMs, undefined)
  assert.equal(later.household.device.data.placeBefore, undefined)
})

test('a restart ends no trial, a confirmation does', async () => {
  const box = await WebBox.claimed()
  await move(box, second)
  await box.household.stop()
  assert.deepEqual(await lives(box.disk), [first, first])
  const sure = await WebBox.claimed()
  await move(sure, second)
  assert.equal((await sure.ask('POST', '/api/confirm')).status, 204)
  assert.deepEqual(await lives(sure.disk.powerCut(new SimRandom(1))), [second, second])
})

test('a confirmation that the disk does not take is none yet', async () => {
  const box = await WebBox.claimed()
  await move(box, second)
  box.disk.faults.failSync = 1
  assert.equal((await box.ask('POST', '/api/confirm')).status, 507)
  box.disk.faults = {}
  assert.equal(box.household.trialLeftMs, 120_000)
  assert.equal((await box.ask('POST', '/api/confirm')).status, 204)
  assert.equal(box.household.device.data.placeBefore, undefined)
})

test('a move that was not saved leaves nothing to go back from', async () => {
  const box = await WebBox.claimed()
  const { rename } = box.disk
  box.disk.rename = async (from, to) => {
    if (to === 'data/settings.json') throw new Error('the card is gone')
    await rename.call(box.disk, from, to)
  }
  assert.equal((await move(box, second)).status, 422)
  box.disk.rename = rename
  assert.equal(box.household.trialLeftMs, undefined)
  assert.equal(box.household.device.data.placeBefore, undefined)
})

test('the power may go at any sync of a move: the next life is where the page was before', async () => {
  let moved = 0
  for (let syncs = 0; syncs < 14; syncs++) {
    const box = await WebBox.claimed()
    for (const path of ['data/settings.json', 'data/secrets.json', 'data']) await box.disk.sync(path)
    let left = syncs
    box.disk.delay = (kind) => (kind === 'write' || left-- > 0 ? Promise.resolve() : new Promise(() => {}))
    const answer = await Promise.race([move(box, second), sleep(150)])
    if (answer?.status === 200) moved++
    const disk = box.disk.powerCut(new SimRandom(syncs))
    assert.deepEqual(await lives(disk), [first, first], `after ${syncs} syncs`)
  }
  assert.ok(moved > 0, 'some moves came to their end')
})

test('a page goes back at a start also when the disk takes nothing', async () => {
  const box = await WebBox.claimed()
  await move(box, second)
  await box.household.stop()
  const device = await DeviceStore.open(box.disk, box.scene.ports.random, 'data')
  box.disk.write = async () => {
    throw new Error('read-only')
  }
  const next = await Household.open(box.scene, device)
  assert.equal(next.current.web.listen, first)
  assert.ok(device.data.placeBefore, 'and the next start does it again')
})
