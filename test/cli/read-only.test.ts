import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Scene } from '../../src/cli/command.ts'
import { serveControl } from '../../src/cli/control.ts'
import { loadSettings, settleRollBack } from '../../src/cli/load.ts'
import { webKeyOrStandIn } from '../../src/cli/web-key.ts'
import { statusPath } from '../../src/device/update.ts'
import { NodeRandom } from '../../src/ports/node/random.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import { Door } from '../../src/web/door.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** What is written at the start must not keep a box from starting whose card takes nothing: letters wait on it. */
async function box() {
  const disk = new SimDisk()
  await disk.makeDir('data')
  const said: string[] = []
  const log = (level: string, event: string, facts: object = {}) => void said.push(`${level} ${event} ${JSON.stringify(facts)}`)
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const wentBack = JSON.stringify({ version: '0.1.0', slot: 'A', state: 'rolled-back' })
  const sys = { read: async (path: string) => (path === statusPath ? wentBack : undefined) }
  const ports = { clock, disk, log, sys, random: new NodeRandom() }
  return { scene: { ports, dir: 'data', builtAt: Date.UTC(2026, 10, 1), env: {}, hide: () => {} }, disk, said, timeline, clock }
}

test('a box without a device file has an id and a claim code for this life, and keeps them when the disk takes something again', async () => {
  const { disk, scene, clock } = await box()
  const { random } = scene.ports
  disk.faults.readOnly = true
  const device = await DeviceStore.open(disk, random, 'data')
  assert.match(device.notes.join(), /device.json cannot be made: .*read-only.* for this life only/)
  const door = await Door.open(clock, random, device)
  const code = door.claimCode
  assert.match(code, /^\w{4}-\w{4}$/)
  const key = await device.codeKey(random)
  assert.equal(key.length, 32)
  disk.faults.readOnly = false
  await device.synchronised(1)
  const again = await DeviceStore.open(disk, random, 'data')
  assert.equal(again.data.id, device.data.id)
  assert.equal(again.data.access?.claim, code)
  assert.deepEqual(await again.codeKey(random), key)
})

test('who has the password gets in to see what is wrong, though his session cannot be written down; a new password is not promised', async () => {
  const { disk, scene, clock } = await box()
  const { random } = scene.ports
  const device = await DeviceStore.open(disk, random, 'data')
  const door = await Door.open(clock, random, device)
  await door.claim(door.claimCode, 'correct horse battery', 'a')
  disk.faults.readOnly = true
  const id = await door.login('correct horse battery', 'a')
  const session = door.session(id)
  assert.ok(session)
  await assert.rejects(door.changePassword('correct horse battery', 'another horse battery', session, 'a'), /read-only/)
  assert.ok(await door.login('correct horse battery', 'a'))
})

test('a device file that cannot be made for another reason is an error', async () => {
  const { disk, scene } = await box()
  disk.faults.failWrite = 1
  await assert.rejects(DeviceStore.open(disk, scene.ports.random, 'data'), /a write failed/)
})

test('settings that are missing are the defaults, and those of before an update are in use where they lie', async () => {
  const { disk, scene, said } = await box()
  disk.faults.readOnly = true
  const load = () => loadSettings(scene as unknown as Parameters<typeof loadSettings>[0])
  assert.equal((await load()).settings.broker.enabled, true)
  assert.match(said.join(), /the defaults are in use and could not be written: .*read-only/)
  disk.faults.readOnly = false
  await disk.makeDir('data/update')
  await disk.write('data/update/settings.json', Buffer.from(JSON.stringify({ site: { name: 'Before' } })))
  await disk.write('data/settings.json', Buffer.from(JSON.stringify({ newer: true })))
  disk.faults.readOnly = true
  assert.equal((await load()).settings.site.name, 'Before')
  await settleRollBack(scene as unknown as Scene)
  assert.match(said.join(), /before the last update cannot be put in the place of the newer ones/)
})

test('a certificate that cannot be kept serves for this life, the same for everybody', async () => {
  const { disk, scene, said } = await box()
  disk.faults.readOnly = true
  const one = await webKeyOrStandIn(scene as unknown as Scene, ['outpost.local'])
  assert.equal((await webKeyOrStandIn(scene as unknown as Scene, ['outpost.local'])).facts.fingerprint, one.facts.fingerprint)
  assert.match(said.join(), /one that is made for now stands in/)
})

test('a control socket that cannot be bound is told once, and bound when it can be', async () => {
  const { scene, said, timeline } = await box()
  let bound = 0
  let refused = true
  const net = {
    listenPath: async (path: string) => {
      if (refused) throw new Error(`cannot listen on ${path}: EROFS`)
      bound++
      return { address: path, close: async () => void bound-- }
    },
  }
  const ports = { ...scene.ports, net: net as unknown as Parameters<typeof serveControl>[0]['net'] }
  const close = await serveControl(ports, 'data', { desk: () => undefined, standsStill: undefined })
  await timeline.run(timeline.now + 60_000)
  assert.deepEqual(
    said.filter((line) => line.includes('control:')),
    ['warning control: the command line cannot reach this gateway {"why":"cannot listen on data/control.sock: EROFS"}'],
  )
  refused = false
  await timeline.run(timeline.now + 60_000)
  assert.equal(bound, 1)
  await close()
  assert.equal(bound, 0)
})
