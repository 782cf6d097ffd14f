import { mailboxOf } from '../gateway/plan.ts'
import { type DkimKey, dkimRecord, publishedKey } from '../mail/dkim.ts'
import { keepDkimKey, readDkimKey } from '../mail/dkim-key.ts'
import { sentence } from '../ports/log.ts'
import type { Ports } from '../ports/ports.ts'
import type { EffectiveSettings } from '../settings/schema.ts'

/** Of a scene what a key needs. */
type Place = { ports: Pick<Ports, 'clock' | 'disk' | 'log' | 'names' | 'random'>; dir: string }

/** The key that the settings ask for; undefined when they ask for none, or it cannot be had: letters then leave unsigned, which is better than not. */
export async function dkimKeyOf(scene: Place, settings: EffectiveSettings): Promise<DkimKey | undefined> {
  const { dkim, from } = settings.mail
  if (!dkim) return undefined
  const { disk, log } = scene.ports
  try {
    const privateKey = await readDkimKey(disk, scene.dir, dkim.selector)
    const domain = dkim.domain ?? mailboxOf(from).address.replace(/^.*@/, '')
    return privateKey && { selector: dkim.selector, domain, privateKey }
  } catch (error) {
    log('error', 'dkim: letters leave unsigned', { selector: dkim.selector, why: sentence(error) })
    return undefined
  }
}

/** Makes the key when there is none. Only for whoever holds the data directory. */
export async function makeDkimKey(scene: Place, settings: EffectiveSettings): Promise<void> {
  const { dkim } = settings.mail
  if (!dkim) return
  const { disk, random, log } = scene.ports
  try {
    await keepDkimKey(disk, random, scene.dir, dkim.selector)
  } catch (error) {
    log('error', 'dkim: there is no key', { selector: dkim.selector, why: sentence(error) })
  }
}

type Say = (ok: boolean, words: string, ms?: number) => void

/** Whether others can verify our signatures: the record that is published, held against our key. Says nothing where the settings ask for none. */
export async function lookAtDkim(scene: Place, settings: EffectiveSettings, say: Say): Promise<void> {
  if (!settings.mail.dkim) return
  const key = await dkimKeyOf(scene, settings)
  if (!key) return say(false, 'There is no key that can be used: outpost run makes one, or its log says why not.')
  const { clock, names } = scene.ports
  const record = dkimRecord(key)
  const began = clock.monotonic()
  const looked = await names(settings.delivery.dns).txt(record.name)
  const ms = clock.monotonic() - began
  if (looked.kind === 'fault') return say(false, `${looked.why} It should have: ${record.zoneLine}`, ms)
  const keys = looked.kind === 'found' ? looked.records.map(publishedKey) : []
  if (keys.includes(publishedKey(record.value))) return say(true, `${record.name} has our key`, ms)
  say(false, `${record.name} ${shortcoming(keys)}. Publish: ${record.zoneLine}`, ms)
}

function shortcoming(keys: readonly (string | undefined)[]): string {
  if (keys.length === 0) return 'is not published, so our signatures count for nothing'
  if (keys.includes('')) return 'says that the key was withdrawn, so our signatures count for nothing'
  return 'has another key, so our signatures are broken ones'
}
