import { existsSync } from 'node:fs'
import { readJson } from './files.ts'
import type { Device } from './identity.ts'

/** Device file: device.json as the gateway keeps it, or its predecessor device.json.bak when that is spoiled: the gateway takes the same. Undefined: neither can be used. */
export function readDevice(dir: string): Device | undefined {
  for (const name of ['device.json', 'device.json.bak']) {
    const device = readJson<Partial<Device> | null>(`${dir}/${name}`)
    if (typeof device?.id === 'string' && /^[0-9a-f]{16}$/.test(device.id)) return device as Device
  }
  return undefined
}

/** A reset was cut off (src/settings/wipe.ts, and a test holds the two together): what lies there is of somebody who gave the box away. */
export const isBeingReset = (dir: string): boolean => existsSync(`${dir}/resetting`)

/**
 * Who the box is. `ask` is the gateway's own command: it ends a reset that was cut off, and makes the id and the claim code that are missing. Undefined: it could do neither; nothing of an owner before is read then.
 */
export function identify(dir: string, ask: () => void): Device | undefined {
  if (isBeingReset(dir) || !readDevice(dir)?.access) ask()
  return isBeingReset(dir) ? undefined : readDevice(dir)
}
