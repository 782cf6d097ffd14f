import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Household } from '../../src/cli/household.ts'
import { loadSettings } from '../../src/cli/load.ts'
import { perform } from '../../src/cli/outpost.ts'
import { statusPath } from '../../src/device/update.ts'
import { DeviceStore } from '../../src/settings/device.ts'
import type { SimDisk } from '../sim/world/disk.ts'
import { WebBox } from '../web/box.ts'

const kept = { site: { name: 'Of before the update' } }
const future = { site: { name: 'Newer' }, fromTheFuture: true }

/** What stands in a data directory, and in which state the system under it is. */
async function boxWith(files: Record<string, unknown>, state?: string): Promise<WebBox> {
  const box = await WebBox.open()
  await box.disk.makeDir('data/update')
  for (const [name, value] of Object.entries(files)) await box.disk.write(`data/${name}`, Buffer.from(JSON.stringify(value)))
  if (state) box.sys.files.set(statusPath, JSON.stringify({ version: '0.1.0+202611010000', slot: 'A', state }))
  return box
}
const begun = async ({ scene }: WebBox): Promise<Household> =>
  Household.open(scene, await DeviceStore.open(scene.ports.disk, scene.ports.random, 'data'))
const settingsFiles = (disk: SimDisk): string[] => disk.paths().filter((path) => path.startsWith('data/settings'))
const textOf = async (disk: SimDisk, name: string): Promise<string> => Buffer.from(await disk.read(`data/${name}`)).toString()

test('a box that was once updated makes do with those of yesterday, and not with those of before the update', async () => {
  for (const state of [undefined, 'idle', 'trial', 'rolled-back']) {
    const box = await boxWith(
      {
        'update/settings.json': kept,
        'settings.json.bak': { site: { name: 'Of yesterday' } },
        'settings.json': { site: { nmae: 'Of today' } },
      },
      state,
    )
    assert.equal((await begun(box)).current.site.name, 'Of yesterday', state)
    assert.match(await textOf(box.disk, 'settings.json'), /nmae/, 'what was written stays')
  }
})

test('roll-back (EN 303 645 5.3): what was kept before an update stands in after the box went back, and at no other time', async () => {
  const files = { 'update/settings.json': kept, 'settings.json.bak': { ...future, more: 1 }, 'settings.json': future }
  const box = await boxWith(files, 'rolled-back')
  assert.equal((await begun(box)).current.site.name, kept.site.name)
  assert.match(await textOf(box.disk, 'settings.newer.json'), /fromTheFuture/)
  box.sys.files.set(statusPath, JSON.stringify({ version: '0.1.0+202611010000', slot: 'A', state: 'idle' }))
  assert.equal((await begun(box)).current.site.name, kept.site.name, 'it lasts')
  for (const state of ['idle', undefined]) await assert.rejects(begun(await boxWith(files, state)), /fromTheFuture/)
})

test('only `run` changes the files of settings; other commands read what it would take', async () => {
  const box = await boxWith({ 'update/settings.json': kept, 'settings.json.bak': future, 'settings.json': future }, 'rolled-back')
  const before = settingsFiles(box.disk)
  assert.equal((await loadSettings(box.scene)).settings.site.name, kept.site.name)
  const said: string[] = []
  await perform(['preview', '--source', 'broker', '--data', 'data'], { ...box.scene, out: (text) => void said.push(text) }).catch(() => {})
  assert.deepEqual(settingsFiles(box.disk), before)
  assert.deepEqual(JSON.parse(await textOf(box.disk, 'settings.json')), future)
})
