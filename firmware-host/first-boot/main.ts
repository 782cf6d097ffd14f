import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { announce } from './announce.ts'
import { apply, type Box } from './apply.ts'
import { identify, isBeingReset } from './device-file.ts'
import { readJson } from './files.ts'
import { type Device, hostNameOf, makeKey } from './identity.ts'
import { type KnownNetwork, networkUnits, setupApConf, setupApUnit, wifiConf } from './network.ts'
import { keepIdentity, removeRemains } from './remains.ts'
import { take } from './take.ts'

/**
 * First boot, and every other: identity, provisioning, and the network units that follow. It runs as root before the network; what it asks of the gateway's own
 * files it asks by the gateway's command, as the gateway's user. Each step can be cut off and is done again at the next boot.
 */
const outpost = { uid: 900, gid: 900, data: '/var/lib/outpost', home: '/usr/lib/outpost' }
const host = '/var/lib/outpost-host'
const run = '/run/outpost-host'
const start = '/boot/firmware'
const hasWifi = existsSync('/usr/lib/outpost/host/wifi')

const say = (words: string): void => void process.stderr.write(`${words}\n`)

function command(...args: string[]): { status: number; out: string; err: string } {
  const done = spawnSync(process.execPath, [`${outpost.home}/dist/outpost.cjs`, ...args, '--data', outpost.data], {
    uid: outpost.uid,
    gid: outpost.gid,
    cwd: outpost.home,
    encoding: 'utf8',
    timeout: 120_000,
    env: { PATH: '/usr/bin:/bin' },
  })
  // A program that could not be started has said nothing.
  return { status: done.status ?? 70, out: done.stdout ?? '', err: done.error?.message ?? done.stderr ?? '' }
}

const gateway: Box = { data: outpost.data, host, run, command, own: (path) => chownSync(path, outpost.uid, outpost.gid) }

/** The gateway makes its id and its claim code, and ends a reset; all of it is asked for by its label. */
function device(): Device | undefined {
  try {
    mkdirSync(outpost.data, { recursive: true, mode: 0o700 })
    chownSync(outpost.data, outpost.uid, outpost.gid)
  } catch (error) {
    say(`identity: ${error instanceof Error ? error.message : error}`)
  }
  return identify(outpost.data, () => {
    const { status, err } = command('board', 'label')
    if (status !== 0) say(`identity: ${err.trim()}`)
  })
}

/** `key` of the access point: without one there is none. Whether it is open is decided while the box runs (look.ts). */
function connect(hostName: string, key: string | undefined): { ap: boolean } {
  const network = readJson<KnownNetwork>(`${host}/network.json`) ?? {}
  const units = '/run/systemd/network'
  mkdirSync(units, { recursive: true, mode: 0o755 })
  for (const [name, text] of Object.entries(networkUnits(network))) writeFileSync(`${units}/${name}`, text, { mode: 0o644 })
  if (network.wifi) writeFileSync(`${run}/wifi.conf`, wifiConf(network.wifi), { mode: 0o600 })
  const ap = hasWifi && key !== undefined && !network.wifi
  if (ap) {
    writeFileSync(`${run}/setup-ap.conf`, setupApConf(hostName, key), { mode: 0o600 })
    writeFileSync(`${units}/40-setup.network`, setupApUnit, { mode: 0o644 })
  }
  return { ap }
}

function main(): void {
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const box = device()
  // The network is part of what was given away.
  if (isBeingReset(outpost.data)) for (const why of removeRemains({ host, start })) say(why)
  // A box that has no name is still better on the network that it knows than nowhere.
  if (!box) return void connect('outpost', undefined)
  const hostName = hostNameOf(box)
  writeFileSync('/proc/sys/kernel/hostname', hostName)
  const { key, whys } = keepIdentity({ host, start }, box.id, () => makeKey(randomBytes))
  for (const why of whys) say(why)
  for (const line of take(start, (provision) => apply(gateway, provision))) say(`provisioning: ${line}`)
  const { ap } = connect(hostName, key)
  try {
    announce({ ...gateway, start }, box, { hostName, key: ap ? key : undefined })
  } catch (error) {
    say(`label: ${error instanceof Error ? error.message : error}`)
  }
}

main()
