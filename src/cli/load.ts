import { Hatch, systemOf } from '../device/update.ts'
import { isDiskError, isReadOnly, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { checkSettings } from '../settings/check.ts'
import { type EffectiveSettings, effective, type Settings } from '../settings/schema.ts'
import { Secrets } from '../settings/secrets.ts'
import { type Predecessor, SettingsStore } from '../settings/store.ts'
import { Refusal, type Scene } from './command.ts'

export type Loaded = {
  settings: EffectiveSettings
  /** As they were written: nothing is filled in that depends on others. */
  written: Settings
  secrets: Secrets
  store: SettingsStore
}

/**
 * The settings of a data directory, and its secrets. Says aloud what had to be mended; throws Refusal with every sentence when they cannot be used. No file is changed, except that a directory without settings gets
 * those of a first run.
 */
export async function loadSettings(scene: Scene, predecessor: Predecessor = 'always'): Promise<Loaded> {
  const { disk, log } = scene.ports
  const store = new SettingsStore(disk, scene.dir)
  const loaded = await loadedOrBefore(scene, store, predecessor)
  for (const note of loaded.notes) log('warning', 'settings', { note })
  if (!loaded.settings)
    throw new Refusal(loaded.findings.map((finding) => `${finding.path || 'settings.json'}: ${finding.what} ${finding.write}`).join('\n'))
  const secrets = await Secrets.load(disk, scene.dir, scene.env)
  for (const note of secrets.notes) log('warning', 'secrets', { note })
  for (const finding of [...loaded.findings, ...secrets.missing(loaded.settings), ...secrets.fixed(loaded.settings)])
    log('warning', 'settings', { path: finding.path, what: finding.what, write: finding.write })
  scene.hide(() => secrets.values())
  return { settings: effective(loaded.settings), written: loaded.settings, secrets, store }
}

async function loadedOrBefore(scene: Scene, store: SettingsStore, predecessor: Predecessor): ReturnType<SettingsStore['load']> {
  const loaded = await store.load(predecessor)
  const before = loaded.settings || predecessor === 'never' ? undefined : await beforeUpdate(scene)
  if (!before) return loaded
  return { ...before.checked, notes: ['Those of before the last update are in use.'] }
}

/**
 * What was kept when the last update began. It stands in only after the box went back from that update, where the old software may not understand what the newer one wrote: at any other time it is older than whatever
 * else there is.
 */
async function beforeUpdate({ ports: { disk, sys }, dir }: Scene) {
  if ((await systemOf(sys))?.state !== 'rolled-back') return undefined
  const text = await new Hatch(disk, dir).settingsBefore()
  const checked = text === undefined ? undefined : checkSettings(text)
  return text !== undefined && checked?.settings ? { text, checked } : undefined
}

/**
 * After an update that did not work: where neither settings.json nor its predecessor can be used by this software, the settings of before the update take their place, and the newer ones are put aside. Only for who has
 * the lock of the directory.
 */
export async function settleRollBack(scene: Scene): Promise<void> {
  const { disk, log } = scene.ports
  const before = await beforeUpdate(scene)
  if (!before) return
  const { settings, findings } = await new SettingsStore(disk, scene.dir).load('always')
  if (settings) return
  const newer = await disk.read(`${scene.dir}/settings.json`).catch((error: unknown) => {
    if (isDiskError(error, 'ENOENT')) return undefined
    throw error
  })
  try {
    if (newer) await replaceFile(disk, scene.dir, 'settings.newer.json', newer)
    await replaceFile(disk, scene.dir, 'settings.json', Buffer.from(before.text))
  } catch (error) {
    // They are in use all the same.
    if (!isReadOnly(error)) throw error
    log('warning', 'settings: those of before the last update cannot be put in the place of the newer ones', { why: sentence(error) })
    return
  }
  log('warning', 'settings: those of before the last update are in use; the newer ones are in settings.newer.json', {
    why: findings[0]?.what,
  })
}
