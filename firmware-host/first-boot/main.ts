import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { renderUnicodeCompact } from 'uqr'
import { identify, isBeingReset } from './device-file.ts'
import { blank, readJson, replace, syncDir } from './files.ts'
import { consoleText, type Device, hostNameOf, isClaimed, labelText, makeKey } from './identity.ts'
import { type KnownNetwork, known, networkUnits, setupAddress, setupApConf, setupApUnit, wifiConf } from './network.ts'
import { judge, type Provision, withoutSecrets } from './provision.ts'
import { keepIdentity, removeRemains } from './remains.ts'

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
  return { status: done.status ?? 70, out: done.stdout, err: done.stderr }
}

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

/** Takes outpost.json once. */
function provide(): void {
  const path = `${start}/outpost.json`
  if (!existsSync(path)) return
  const text = readFileSync(path, 'utf8')
  if (text.trim() === '') {
    // Cut off between the wiping and the end.
    rmSync(path)
    return
  }
  const { provision, findings } = judge(text)
  const whys = provision ? apply(provision) : findings
  if (whys.length > 0) {
    tell(
      `outpost.json was not taken; nothing was changed.\n\n${whys.map((why) => `- ${why}`).join('\n')}\n\nMend it and start the box again.\n`,
    )
    for (const why of whys) say(`provisioning: ${why}`)
    return
  }
  writeFileSync(`${start}/outpost.taken.json`, withoutSecrets(text))
  blank(path)
  rmSync(path)
  syncDir(start)
  tell('outpost.json was taken. What it said is in outpost.taken.json, without its secrets.\n')
  say('provisioning: outpost.json was taken')
}

const tell = (words: string): void => writeFileSync(`${start}/outpost-result.txt`, words.replaceAll('\n', '\r\n'))

/** What was wrong, or nothing; then all of it is on the disk. */
function apply({ settings, secrets, timeZone, network }: Provision): string[] {
  if (settings || timeZone !== undefined) {
    const whole = settings ?? (JSON.parse(command('settings', 'export').out) as Record<string, unknown>)
    const site = { ...(whole.site as Record<string, unknown> | undefined), ...(timeZone === undefined ? {} : { timeZone }) }
    const draft = `${run}/settings.json`
    writeFileSync(draft, JSON.stringify({ ...whole, site }))
    chownSync(draft, outpost.uid, outpost.gid)
    // The folder is root's; for this moment its user may walk through.
    chmodSync(run, 0o711)
    const { status, err } = command('settings', 'import', draft, '--yes')
    chmodSync(run, 0o700)
    rmSync(draft)
    if (status !== 0) return err.trim().split('\n')
  }
  if (Object.keys(secrets).length > 0) {
    const file = `${outpost.data}/secrets.json`
    replace(file, `${JSON.stringify({ ...readJson<Record<string, string>>(file), ...secrets }, null, 2)}\n`)
    chownSync(file, outpost.uid, outpost.gid)
  }
  if (network) replace(`${host}/network.json`, JSON.stringify(known(network)))
  return []
}

function connect(hostName: string, unclaimed: boolean, key: string): { ap: boolean } {
  const network = readJson<KnownNetwork>(`${host}/network.json`) ?? { ntp: [] }
  const units = '/run/systemd/network'
  mkdirSync(units, { recursive: true, mode: 0o755 })
  for (const [name, text] of Object.entries(networkUnits(network))) writeFileSync(`${units}/${name}`, text, { mode: 0o644 })
  if (network.wifi) writeFileSync(`${run}/wifi.conf`, wifiConf(network.wifi), { mode: 0o600 })
  const ap = hasWifi && unclaimed && !network.wifi
  if (ap) {
    writeFileSync(`${run}/setup-ap.conf`, setupApConf(hostName, key), { mode: 0o600 })
    writeFileSync(`${units}/40-setup.network`, setupApUnit, { mode: 0o644 })
  }
  return { ap }
}

/** The way in: for the console, and as a label to print on the start partition. */
function announce(device: Device, hostName: string, ap: { key: string; address: string } | undefined): void {
  const labels = { svg: `${start}/outpost-label.svg`, text: `${start}/outpost-label.txt` }
  if (isClaimed(device)) {
    for (const label of Object.values(labels)) if (existsSync(label)) rmSync(label)
    return
  }
  const claimCode = device.access?.claim ?? ''
  const address = `http://${hostName}.local/`
  writeFileSync(`${run}/unclaimed`, '')
  const qr = renderUnicodeCompact(`${address}#/claim/${claimCode}`)
  const facts = { hostName, claimCode, ...(ap && { ap }) }
  writeFileSync(`${run}/console`, consoleText({ ...facts, qr }), { mode: 0o600 })
  keepSame(labels.text, labelText(facts).replaceAll('\n', '\r\n'))
  const { status, out } = command('board', 'label', '--address', address)
  if (status === 0) keepSame(labels.svg, out)
}

/** Writes only what is new: the card is worn by writes. */
function keepSame(path: string, text: string): void {
  if (existsSync(start) && !(existsSync(path) && readFileSync(path, 'utf8') === text)) writeFileSync(path, text)
}

function main(): void {
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const box = device()
  // The network is part of what was given away.
  if (isBeingReset(outpost.data)) for (const why of removeRemains({ host, start })) say(why)
  // A box that has no name is still better on the network that it knows than nowhere.
  if (!box) return void connect('outpost', false, '')
  const hostName = hostNameOf(box)
  writeFileSync('/proc/sys/kernel/hostname', hostName)
  const { key, whys } = keepIdentity({ host, start }, box.id, () => makeKey(randomBytes))
  for (const why of whys) say(why)
  try {
    provide()
  } catch (error) {
    // A start partition that cannot be read or written is no reason to be without mail.
    say(`provisioning: ${error instanceof Error ? error.message : error}`)
  }
  const { ap } = connect(hostName, !isClaimed(box), key)
  try {
    announce(box, hostName, ap ? { key, address: setupAddress } : undefined)
  } catch (error) {
    say(`label: ${error instanceof Error ? error.message : error}`)
  }
}

main()
