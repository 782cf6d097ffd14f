import { checkSettings } from '../../src/settings/check.ts'
import type { Settings } from '../../src/settings/schema.ts'

/** What a writer under a fault and whoever looks after it must agree upon. */

/** A journal that turns over within some dozen alerts: nine fit a segment, and eight segments stand at most. */
export const small = { segmentBytes: 16 * 1024, maxMiB: 8 / 64 }

/** Every third letter of it waits for ever, so that each segment has to be carried forward before it is recycled. */
export const stays = (name: string): boolean => Number(name.split('-')[1]) % 3 === 0

/** Alerts of a first life, and of one that goes on with its journal. */
export const alerts = { fresh: 72, again: 12 }

/** How often the settings and the device file are saved. */
export const saves = 2

/** Settings that can be told apart, long enough to be written in parts. */
export function named(nth: number): Settings {
  const { settings } = checkSettings(JSON.stringify({ site: { name: `name ${nth}` } }))
  if (!settings) throw new Error('the settings of the test are not valid')
  return settings
}
