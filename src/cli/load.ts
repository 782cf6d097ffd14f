import { Hatch } from '../device/update.ts'
import { isReadOnly, replaceFile } from '../ports/disk.ts'
import { sentence } from '../ports/log.ts'
import { checkSettings } from '../settings/check.ts'
import { type EffectiveSettings, effective } from '../settings/schema.ts'
import { Secrets } from '../settings/secrets.ts'
import { type Predecessor, SettingsStore } from '../settings/store.ts'
import { Refusal, type Scene } from './command.ts'

/**
 * After an update that did not work, the old software is here again and may not understand what the newer one wrote: then those of before the update are taken, and the newer ones put aside.
 */
async function loadedOrBefore(scene: Scene, store: SettingsStore, predecessor: Predecessor): ReturnType<SettingsStore['load']> {
  const { disk, log } = scene.ports
  const loaded = await store.load(predecessor === 'never' ? 'never' : 'when torn')
  if (loaded.settings || predecessor === 'never') return loaded
  const before = await new Hatch(disk, scene.dir).settingsBefore()
  const checked = before === undefined ? undefined : checkSettings(before)
  if (before === undefined || !checked?.settings) return store.load(predecessor)
  try {
    await disk.rename(`${scene.dir}/settings.json`, `${scene.dir}/settings.newer.json`)
    await replaceFile(disk, scene.dir, 'settings.json', Buffer.from(before))
  } catch (error) {
    if (!isReadOnly(error)) throw error
    const note = `Those of before the last update are in use, and cannot be put in the place of the newer ones: ${sentence(error)}`
    return { settings: checked.settings, findings: checked.findings, notes: [note] }
  }
  log('warning', 'settings: those of before the last update are in use; the newer ones are in settings.newer.json', {
    why: loaded.findings[0]?.what,
  })
  return store.load()
}

/**
 * The settings of a data directory, and its secrets. Says aloud what had to be mended; throws Refusal with every sentence when they cannot be used.
 */
export async function loadSettings(
  scene: Scene,
  predecessor: Predecessor = 'always',
): Promise<{ settings: EffectiveSettings; secrets: Secrets; store: SettingsStore }> {
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
  return { settings: effective(loaded.settings), secrets, store }
}
