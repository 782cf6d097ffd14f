import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Machine } from './machine.ts'
import type { Probe } from './probe.ts'
import { flash, lay } from './provision.ts'
import type { PiImage } from './raspberry-pi.ts'
import { until } from './until.ts'

/** One thing that must be so: a sentence, and the deed that shows it. What comes after it is not tried when it rejects. */
export type Check = (sentence: string, deed: () => Promise<unknown>) => Promise<void>

/**
 * Radio: a Raspberry Pi's kernel and root on QEMU's virt machine, with two simulated radios of Linux (mac80211_hwsim). One is the box's; the other has a network namespace of its own and is
 * somebody's telephone, and later the Wi-Fi of the site. raspi3b has no radio at all.
 */
const bootSeconds = 900
const diskBytes = 3 * 1024 ** 3
const home = '/run/phone'
const password = 'correct horse battery'
const site = { ssid: 'Pump station', passphrase: 'water under the bridge' }

/** What the telephone has beside what is on the device: `iw`, to give it its radio. Debian's program for the device, as a tar. */
function luggage(): string {
  const dir = join(homedir(), '.cache/outpost-image')
  const tar = join(dir, 'test-iw-arm64.tar')
  if (existsSync(tar)) return tar
  mkdirSync(dir, { recursive: true })
  // A run that is broken off leaves no half of it under the name that is looked for.
  const part = `${tar}.part.tar`
  const args = ['--variant=extract', '--architectures=arm64', '--include=iw', '--skip=check/qemu', 'trixie', part]
  const done = spawnSync('mmdebstrap', args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`mmdebstrap, for iw: ${done.error?.message ?? done.stderr.slice(-1000)}`)
  renameSync(part, tar)
  return tar
}

class Phone {
  readonly #probe: Probe
  constructor(probe: Probe) {
    this.#probe = probe
  }

  /** Takes the second radio into a namespace. Nothing can be started from /run itself (noexec). */
  async switchOn(): Promise<void> {
    await this.#probe.run(
      `mkdir -p ${home}; findmnt ${home} || mount -t tmpfs phone ${home}; tar -xf /dev/vdb -C ${home} --wildcards './usr/sbin/iw'; systemctl is-active phone || systemd-run --quiet --unit=phone -p PrivateNetwork=yes sleep infinity`,
      120,
    )
    await until(
      'the namespace is there',
      30,
      async () => (await this.#probe.try('test $(systemctl show -P MainPID phone) -gt 0')).code === 0,
    )
    await this.#probe.run(
      `${home}/usr/sbin/iw phy "$(basename "$(readlink /sys/class/net/wlan1/phy80211)")" set netns "$(systemctl show -P MainPID phone)"`,
    )
    await this.run('busybox ip link set wlan1 up')
  }

  run = (line: string, seconds = 60): Promise<string> => this.#probe.run(inside(line), seconds)
  readonly #try = (line: string) => this.#probe.try(inside(line))

  /** Looks around until that holds; resolves with what iw tells. The kernel may be busy with a scan before, and remembers for half a minute what has gone. */
  async scan(what: string, holds: (seen: string) => boolean): Promise<string> {
    let seen = ''
    await until(`the telephone sees ${what}`, 120, async () => {
      const { out, code } = await this.#try(`${home}/usr/sbin/iw dev wlan1 scan`)
      seen = out
      return code === 0 && holds(seen)
    })
    return seen
  }

  /** wpa_supplicant with this network; resolves with what it said once that has `until`. */
  async join(network: string[], hoped: RegExp, seconds: number): Promise<string> {
    await this.leave()
    const conf = ['country=DE', 'network={', ...network, '}'].join('\n')
    await this.#probe.run(`cat > ${home}/phone.conf <<'END'\n${conf}\nEND`)
    await this.run(`wpa_supplicant -B -t -i wlan1 -D nl80211 -c ${home}/phone.conf -f ${home}/phone.log -P ${home}/phone.pid`)
    const said = () => this.#probe.run(`cat ${home}/phone.log`)
    await until(`the telephone says ${hoped}`, seconds, async () => hoped.test(await said())).catch(async (error) => {
      throw new Error(`${error.message}\n${(await said()).slice(-1500)}`)
    })
    return await said()
  }

  async leave(): Promise<void> {
    await this.#probe.try(
      `p="$(cat ${home}/phone.pid)" && kill "$p" && while [ -d "/proc/$p" ]; do sleep 0.2; done; rm -f ${home}/phone.pid ${home}/phone.log`,
    )
  }

  /** Asks for an address; resolves with it. */
  async address(): Promise<string> {
    await this.#probe.run(
      `printf '#!/bin/sh\\n[ "$1" = bound ] && busybox ip addr add "$ip/$mask" dev "$interface"; echo "router $router" > ${home}/lease; exit 0\\n' > ${home}/lease.sh; chmod +x ${home}/lease.sh`,
    )
    await this.run(`busybox udhcpc -i wlan1 -n -q -s ${home}/lease.sh`, 90)
    return /inet ([\d.]+)/.exec(await this.run('busybox ip -4 addr show wlan1'))?.[1] ?? ''
  }

  /** A request as a browser would make it; resolves with status and body. */
  async fetch(url: string, body?: object): Promise<string> {
    const origin = new URL(url).origin
    const init = body && { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: origin }, body: JSON.stringify(body) }
    return await this.run(
      `/usr/lib/outpost/bin/node -e "fetch(...JSON.parse(process.argv[1])).then(async (r) => console.log(r.status, await r.text()))" ${quoted(JSON.stringify([url, ...(init ? [init] : [])]))}`,
      120,
    )
  }
}

const inside = (line: string): string => `nsenter -t "$(systemctl show -P MainPID phone)" -n sh -c ${quoted(line)}`
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

export async function radio(image: string, pi: PiImage, check: Check, tell: (diagnosis: () => Promise<string>) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-radio-'))
  const disk = join(folder, 'disk.img')
  flash(image, disk, diskBytes)
  const { words, ...files } = pi.kernel(folder)
  const machine = new Machine('arm64', disk, {
    stick: luggage(),
    kernel: { ...files, words: `${words} console=ttyAMA0 modules_load=mac80211_hwsim mac80211_hwsim.radios=2` },
  })
  tell(
    async () =>
      (
        await machine.probe.try(
          'systemctl --failed --no-legend; systemctl list-timers --no-pager; journalctl -b -p 5 --no-pager -o cat | tail -30; busybox ip addr; networkctl --no-pager',
          120,
        )
      ).out,
  )
  const isOpen = async () => (await machine.probe.try('systemctl is-active outpost-setup-ap.service')).out === 'active'
  try {
    await machine.start()
    await check(
      "the Raspberry Pi's system on QEMU's virt machine: from power to READY",
      async () => `${await machine.ready(bootSeconds)} s; the unit takes ${await machine.memory()}`,
    )
    await setUp(machine, check, isOpen)
    await machine.cut()
    lay(disk, 'outpost.json', JSON.stringify({ network: { wifi: { ...site, country: 'DE' } } }))
    await machine.start()
    await check('with the Wi-Fi of the site in outpost.json: from power to READY', async () => `${await machine.ready(bootSeconds)} s`)
    await joinSite(machine, check, isOpen)
  } finally {
    await machine.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

const names =
  (ssid: string) =>
  (seen: string): boolean =>
    seen.includes(`SSID: ${ssid}\n`)

type IsOpen = () => Promise<boolean>

async function setUp(machine: Machine, check: Check, isOpen: IsOpen): Promise<void> {
  const { probe } = machine
  const phone = new Phone(probe)
  const label = await probe.run('cat /boot/firmware/outpost-label.txt')
  const [, ssid = '', key = '', address = ''] = /Wi-Fi (\S+), key (\S+), then (\S+)\//.exec(label) ?? []
  const code = /Claim code (\S+)/.exec(label)?.[1] ?? ''
  const secured = (psk: string) => [`ssid="${ssid}"`, 'key_mgmt=WPA-PSK', `psk="${psk}"`]
  await check('before the claim the set-up access point is open: WPA2 with a key, nothing less', async () => {
    await until('its unit runs', 180, isOpen)
    await phone.switchOn()
    const seen = await phone.scan(ssid, names(ssid))
    assert.match(seen, /RSN:/)
    assert.match(seen, /Authentication suites: PSK\b/)
    assert.match(seen, /Pairwise ciphers: CCMP\s/)
    assert.doesNotMatch(seen, /WPA:|TKIP|WEP/)
    return ssid
  })
  await check('a telephone with another key is turned away', async () => {
    const said = await phone.join(secured('another key 1234'), /WRONG_KEY|pre-shared key may be incorrect/, 120)
    assert.doesNotMatch(said, /CTRL-EVENT-CONNECTED/)
  })
  await check('one with the key of the label gets an address and the page', async () => {
    await phone.join(secured(key), /CTRL-EVENT-CONNECTED/, 120)
    const own = await phone.address()
    assert.match(own, /^192\.168\.77\.\d+$/)
    assert.equal((await probe.run(`cat ${home}/lease`)).trim(), 'router', 'the telephone keeps its own way to the Internet')
    assert.match(await phone.fetch(`${address}/healthz`), /^200 /)
    assert.match(await phone.fetch(`${address}/`), /^200 <!doctype html>/i)
    return own
  })
  await check('nothing but the page is reached through it', async () => {
    await probe.run(
      `systemd-run --quiet --unit=stray /usr/lib/outpost/bin/node -e 'require("http").createServer((q,r)=>r.end("stray")).listen(9999)' && sleep 5 && systemctl is-active stray`,
      120,
    )
    const ask = () => phone.run(`busybox wget -T 8 -qO- ${address}:9999/ || echo nothing`)
    assert.match(await ask(), /nothing/)
    await probe.run('nft add rule inet outpost input tcp dport 9999 accept')
    assert.match(await ask(), /stray/, 'with a rule of its own it is: so it was the firewall')
    await probe.run('systemctl stop stray')
  })
  await check('whoever claims the box by it hears the answer, and stays on the page', async () => {
    assert.match(await phone.fetch(`${address}/api/claim`, { code, password }), /^204/)
    await until('the claim is noted', 60, async () => (await probe.try('test -e /run/outpost-host/claimed-at')).code === 0)
    await probe.run('systemctl start outpost-access-point.service', 120)
    assert.ok(await isOpen())
    assert.match(await phone.fetch(`${address}/healthz`), /^200 /)
  })
  await check('ten minutes after the claim, with a cable, it is closed by its timer', async () => {
    // As though they had passed.
    await probe.run(
      "awk '{ print $1 - 600 }' /run/outpost-host/claimed-at > /run/claimed-at && cat /run/claimed-at > /run/outpost-host/claimed-at",
    )
    await until('it is closed', 240, async () => !(await isOpen()))
    await phone.leave()
    await phone.run('busybox ip link set wlan1 up')
    await phone.scan(`no ${ssid} any more`, (seen) => !names(ssid)(seen))
  })
  await check('the cable is pulled: it opens again; the cable is back: it closes', async () => {
    await machine.monitor.cable(false)
    await until('it is open', 240, isOpen)
    await phone.join(secured(key), /CTRL-EVENT-CONNECTED/, 120)
    await machine.monitor.cable(true)
    await until('it is closed', 240, async () => !(await isOpen()))
    await phone.leave()
  })
}

async function joinSite(machine: Machine, check: Check, isOpen: IsOpen): Promise<void> {
  const { probe } = machine
  const phone = new Phone(probe)
  const own = '192.168.88.1'
  await check('the box joins it, gets an address and gives its page there', async () => {
    await phone.switchOn()
    await phone.join(
      [`ssid="${site.ssid}"`, 'mode=2', 'frequency=2437', 'key_mgmt=WPA-PSK', 'proto=RSN', 'pairwise=CCMP', `psk="${site.passphrase}"`],
      /AP-ENABLED/,
      60,
    )
    await phone.run(`busybox ip addr add ${own}/24 dev wlan1`)
    await probe.run(
      `printf 'interface wlan1\\nstart 192.168.88.20\\nend 192.168.88.30\\nlease_file ${home}/leases\\npidfile ${home}/dhcpd.pid\\n' > ${home}/dhcpd.conf; : > ${home}/leases`,
    )
    await phone.run(`busybox udhcpd -S ${home}/dhcpd.conf`)
    let address = ''
    await until('wlan0 has an address', 240, async () => {
      address = /inet (192\.168\.88\.\d+)/.exec(await probe.run('busybox ip -4 addr show wlan0'))?.[1] ?? ''
      return address !== ''
    })
    assert.match(await phone.fetch(`http://${address}/healthz`), /^200 /)
    return address
  })
  await check('the set-up access point stays closed, with a cable and without', async () => {
    assert.equal(await isOpen(), false)
    await machine.monitor.cable(false)
    await probe.run('sleep 75; systemctl start outpost-access-point.service', 150)
    assert.equal(await isOpen(), false)
  })
  await check('the file was taken, and its pass phrase is nowhere on the start partition', async () => {
    const start = await probe.run('cat /boot/firmware/outpost-result.txt /boot/firmware/outpost.taken.json; ls /boot/firmware')
    assert.match(start, /outpost\.json was taken/)
    assert.doesNotMatch(start, /^outpost\.json$/m)
    assert.equal(start.includes(site.passphrase), false)
  })
}
