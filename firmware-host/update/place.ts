import { readFileSync } from 'node:fs'
import type { Version } from './version.ts'
import { isVersion } from './version.ts'

/** Where things lie on the device; a test has them elsewhere, by the environment. */
export type Place = {
  /** The gateway's own directory, on the file system of `memory`: `update/bundle.raucb` and `update/request.json` are its words to us. */
  data: string
  status: string
  /** What was installed last. Only root writes here. */
  memory: string
  osRelease: string
}

export const placeOf = (env: Readonly<Record<string, string | undefined>>): Place => ({
  data: env.OUTPOST_DATA ?? '/var/lib/outpost',
  status: env.OUTPOST_UPDATE_STATUS ?? '/run/outpost-update/status.json',
  memory: env.OUTPOST_UPDATE_MEMORY ?? '/data/update',
  osRelease: env.OUTPOST_OS_RELEASE ?? '/etc/os-release',
})

/** os-release(5): IMAGE_VERSION. Throws with a sentence when it is none of ours. */
export function imageVersion(place: Place): Version {
  const version = /^IMAGE_VERSION="?([^"\n]*)"?$/m.exec(readFileSync(place.osRelease, 'utf8'))?.[1]
  if (!isVersion(version)) throw new Error(`${place.osRelease} names no version of an image.`)
  return version
}

export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
