import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Seen } from './access-point.ts'
import { readDevice } from './device-file.ts'
import { readJson } from './files.ts'
import { isClaimed } from './identity.ts'
import type { KnownNetwork } from './network.ts'

/** See: what decides on the access point, as this machine has it. `net` is /sys/class/net, `uptime` /proc/uptime. */
export type Sights = { data: string; host: string; run: string; net: string; uptime: string }

export function see({ data, host, run, net, uptime }: Sights): Seen {
  const upMs = msOf(readFileSync(uptime, 'utf8'))
  const device = readDevice(data)
  return {
    upMs,
    claimedForMs: device && isClaimed(device) ? sinceClaimMs(run, upMs) : undefined,
    wifi: readJson<KnownNetwork>(`${host}/network.json`)?.wifi !== undefined,
    cable: readdirSync(net).some((name) => isCable(`${net}/${name}`)),
  }
}

/** rootfs/usr/lib/outpost/host/claimed notes the claim, and takes `unclaimed` away after that. */
function sinceClaimMs(run: string, upMs: number): number {
  const noted = `${run}/claimed-at`
  if (existsSync(noted)) return upMs - msOf(readFileSync(noted, 'utf8'))
  return existsSync(`${run}/unclaimed`) ? 0 : Number.POSITIVE_INFINITY
}

/** The first number of /proc/uptime is seconds. */
const msOf = (text: string): number => Number.parseFloat(text) * 1000

/** ARPHRD_ETHER of linux/if_arp.h; radios and virtual interfaces have it, too. */
const ethernet = '1'

const isCable = (path: string): boolean =>
  existsSync(`${path}/device`) && !existsSync(`${path}/phy80211`) && word(`${path}/type`) === ethernet && word(`${path}/carrier`) === '1'

/** The kernel gives EINVAL for the carrier of an interface that is down. */
function word(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
