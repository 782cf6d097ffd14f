import { existsSync, readFileSync, rmSync } from 'node:fs'
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
  raucConf: string
  /** Functions of the running kernel, by name. */
  kernelNames: string
}

export const placeOf = (env: Readonly<Record<string, string | undefined>>): Place => ({
  data: env.OUTPOST_DATA ?? '/var/lib/outpost',
  status: env.OUTPOST_UPDATE_STATUS ?? '/run/outpost-update/status.json',
  memory: env.OUTPOST_UPDATE_MEMORY ?? '/var/lib/outpost-host/update',
  osRelease: env.OUTPOST_OS_RELEASE ?? '/etc/os-release',
  raucConf: env.OUTPOST_RAUC_CONF ?? '/etc/rauc/system.conf',
  kernelNames: env.OUTPOST_KERNEL_NAMES ?? '/proc/kallsyms',
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

/** What the gateway brings and root keeps: up to 1 GiB each, so none of it may stay when nobody waits for it. */
export const bundlesOf = ({ data, memory }: Place) => ({
  part: `${data}/update/bundle.part`,
  brought: `${data}/update/bundle.raucb`,
  taken: `${memory}/bundle.raucb`,
  request: `${data}/update/request.json`,
})

/** After a start: a bundle that was found good and never installed, and what a power cut left of one. What is asked for stays. */
export function clearBundles(place: Place): void {
  const { request, ...bundles } = bundlesOf(place)
  if (existsSync(request)) return
  for (const path of Object.values(bundles)) rmSync(path, { force: true })
}
