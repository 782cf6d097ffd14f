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
