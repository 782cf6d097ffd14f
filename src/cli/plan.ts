import { type Plan, planOf } from '../gateway/plan.ts'
import { sentence } from '../ports/log.ts'
import type { RefreshToken } from '../relay/login/token.ts'
import type { Traits } from '../relay/traits.ts'
import { DeviceStore, hostNameOf } from '../settings/device.ts'
import type { EffectiveSettings } from '../settings/schema.ts'
import type { Secrets } from '../settings/secrets.ts'
import { SeenMail } from '../settings/seen-mail.ts'
import type { Scene } from './command.ts'
import { dkimKeyOf } from './dkim.ts'
import { webKeyOrStandIn } from './web-key.ts'

/** The plan of a data directory: reads device.json and the certificates that the settings name (paths are relative to the data directory). */
export async function planFor(scene: Scene, settings: EffectiveSettings, secrets: Secrets, store?: DeviceStore): Promise<Plan> {
  const { dir, software, builtAt } = scene
  const device = store ?? (await DeviceStore.open(scene.ports.disk, scene.ports.random, dir))
  for (const note of device.notes) scene.ports.log('warning', 'device', { note })
  const pem = await pemsOf(scene, [...settings.relays, ...settings.sources, ...(settings.answers ? [settings.answers] : [])])
  const dkim = await dkimKeyOf(scene, settings)
  const answering = settings.answers
    ? { key: await device.codeKey(scene.ports.random), seen: await SeenMail.open(scene.ports.disk, dir) }
    : undefined
  const serves = settings.sources.some((source) => source.kind === 'smtp')
  const serverKey = serves
    ? await webKeyOrStandIn(scene, [settings.site.domain, 'outpost.local', `${hostNameOf(device.data)}.local`])
    : undefined
  const keepRelay = (id: string, traits: Traits) =>
    void device
      .relay(id, traits)
      .catch((error) => scene.ports.log('warning', 'device: what a relay showed cannot be kept', { why: sentence(error) }))
  return planOf({
    settings,
    secret: (name) => secrets.get(name),
    refreshToken: (name) => refreshTokenOf(scene, secrets, name),
    pem,
    device: device.data,
    keepRelay,
    dir,
    software,
    builtAt,
    ...(dkim ? { dkim } : {}),
    ...(serverKey ? { serverKey } : {}),
    ...(answering ? { answering } : {}),
  })
}

/** PEM by the path that is named under `ca`, relative to the data directory. What cannot be read is told in the log, and left out. */
export async function pemsOf({ dir, ports: { disk, log } }: Scene, trusting: readonly object[]): Promise<Map<string, string>> {
  const pem = new Map<string, string>()
  for (const path of new Set(trusting.flatMap((one) => ('ca' in one && typeof one.ca === 'string' ? [one.ca] : [])))) {
    try {
      pem.set(path, Buffer.from(await disk.read(path.startsWith('/') ? path : `${dir}/${path}`)).toString())
    } catch (error) {
      log('error', 'settings: a certificate cannot be read', { path, why: sentence(error) })
    }
  }
  return pem
}

/** A refresh token among the secrets. A disk or a place that keeps nothing is told, and the gateway goes on with what it has. */
export const refreshTokenOf = ({ ports: { log } }: Scene, secrets: Secrets, name: string): RefreshToken => ({
  read: () =>
    secrets.current(name).catch((error) => {
      log('error', 'secrets: could not be read anew', { name, why: sentence(error) })
      return secrets.get(name)
    }),
  keep: async (value) => {
    const why = await secrets.keep(name, value).catch(sentence)
    if (why === undefined) log('info', 'secrets: the provider gave a new refresh token, it was kept', { name })
    else log('error', 'secrets: the provider gave a new refresh token, and it could not be kept', { name, why })
  },
})
