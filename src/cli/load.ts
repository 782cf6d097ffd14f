import { type EffectiveSettings, effective } from '../settings/schema.ts'
import { Secrets } from '../settings/secrets.ts'
import { SettingsStore } from '../settings/store.ts'
import { Refusal, type Scene } from './command.ts'

/** The settings of a data directory, and its secrets. Says aloud what had to be mended; throws Refusal with every sentence when they cannot be used. */
export async function loadSettings(scene: Scene): Promise<{ settings: EffectiveSettings; secrets: Secrets; store: SettingsStore }> {
  const { disk, log } = scene.ports
  const store = new SettingsStore(disk, scene.dir)
  const loaded = await store.load()
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
