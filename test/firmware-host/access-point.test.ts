import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { graceMs, isWanted, type Seen, settleMs } from '../../firmware-host/first-boot/access-point.ts'
import { type Sights, see } from '../../firmware-host/first-boot/see.ts'

const root = new URL('../..', import.meta.url).pathname
const rootfs = (path: string): string => readFileSync(join(root, 'firmware-host/rootfs', path), 'utf8')

const hour = 3_600_000
const seen = (facts: Partial<Seen>): Seen => ({ upMs: hour, claimedForMs: undefined, wifi: false, cable: false, ...facts })

test('before the claim the access point is open, with a cable and without, from the first second', () => {
  for (const cable of [true, false]) for (const upMs of [0, hour]) assert.ok(isWanted(seen({ cable, upMs })))
})

test('where there is a cable it goes after the claim, when whoever claimed by it has had time to read the answer', () => {
  const claimed = (claimedForMs: number): Seen => seen({ cable: true, claimedForMs })
  assert.ok(isWanted(claimed(0)))
  assert.ok(isWanted(claimed(graceMs - 1)))
  assert.ok(!isWanted(claimed(graceMs)))
  assert.ok(!isWanted(claimed(Number.POSITIVE_INFINITY)))
  assert.ok(graceMs >= 5 * 60_000 && graceMs <= 15 * 60_000)
})

test('a box with Wi-Fi alone that knows none keeps it after the claim and has it again after a restart: nothing else leads to it', () => {
  assert.ok(isWanted(seen({ claimedForMs: graceMs })))
  assert.ok(isWanted(seen({ claimedForMs: Number.POSITIVE_INFINITY, upMs: settleMs })))
})

test('a claimed box with a cable shows no Wi-Fi while its sockets come up', () => {
  assert.ok(!isWanted(seen({ claimedForMs: Number.POSITIVE_INFINITY, upMs: settleMs - 1 })))
})

test('where a Wi-Fi is known the radio is for that, claimed or not', () => {
  for (const claimedForMs of [undefined, 0, Number.POSITIVE_INFINITY])
    for (const cable of [true, false]) assert.ok(!isWanted(seen({ wifi: true, claimedForMs, cable })))
})

/** The files of a machine, each with its text; false: a file that cannot be read, as the carrier of an interface that is down. */
function onMachine(files: Readonly<Record<string, string | false>>, deed: (sights: Sights, dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-access-point-'))
  const put = (path: string, text: string | false): void => {
    mkdirSync(join(dir, text === false ? path : dirname(path)), { recursive: true })
    if (text !== false) writeFileSync(join(dir, path), text)
  }
  try {
    for (const name of ['data', 'host', 'run', 'net']) mkdirSync(join(dir, name))
    for (const [path, text] of Object.entries({ uptime: '3600.25 7000.00\n', ...files })) put(path, text)
    const [data, host, run, net, uptime] = ['data', 'host', 'run', 'net', 'uptime'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
      string,
      string,
    ]
    deed({ data, host, run, net, uptime }, dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const device = (access: object): Record<string, string> => ({
  'data/device.json': JSON.stringify({ id: '0123456789abcdef', access: { claim: 'ABCD-2345', ...access } }, null, 2),
})
const claimed = device({ password: { hash: 'x' } })

test('how long ago the claim was follows from what this boot noted of it', () => {
  const ago = (files: Record<string, string>) => {
    let found: number | undefined
    onMachine(files, (sights) => {
      found = see(sights).claimedForMs
    })
    return found
  }
  assert.equal(ago({}), undefined)
  assert.equal(ago(device({})), undefined)
  assert.equal(ago({ ...claimed, 'run/unclaimed': '' }), 0, 'it has not been noted yet')
  assert.equal(ago({ ...claimed, 'run/claimed-at': '3540.25\n' }), 60_000)
  assert.equal(ago(claimed), Number.POSITIVE_INFINITY)
})

test('a cable is an Ethernet socket of the machine with a carrier: no radio, no modem, no interface without a socket', () => {
  const socket = (name: string, type: string, carrier: string | false, ...more: string[]) => ({
    [`net/${name}/type`]: type,
    [`net/${name}/carrier`]: carrier,
    ...Object.fromEntries(['device', ...more].map((part) => [`net/${name}/${part}/uevent`, ''])),
  })
  const cases: [files: Record<string, string | false>, cable: boolean][] = [
    [{}, false],
    [socket('eth0', '1\n', '1\n'), true],
    [{ ...socket('eth0', '1\n', '0\n'), ...socket('usb0', '1\n', '1\n') }, true],
    [socket('eth0', '1\n', '0\n'), false],
    [socket('eth0', '1\n', false), false],
    [socket('wlan0', '1\n', '1\n', 'phy80211'), false],
    [socket('wwan0', '519\n', '1\n'), false],
    [{ 'net/lo/type': '772\n', 'net/lo/carrier': '1\n' }, false],
    [{ 'net/br0/type': '1\n', 'net/br0/carrier': '1\n' }, false],
  ]
  for (const [files, cable] of cases) onMachine(files, (sights) => assert.equal(see(sights).cable, cable, JSON.stringify(files)))
  onMachine({ 'host/network.json': '{"ntp":["10.1.2.1"]}' }, (sights) => assert.equal(see(sights).wifi, false))
  onMachine({ 'host/network.json': '{"wifi":{"ssidHex":"61"}}' }, (sights) => assert.equal(see(sights).wifi, true))
})

test('the claim is noted once, before the label goes, and does not end the access point: the telephone wants its answer', () => {
  onMachine(
    { ...claimed, 'run/unclaimed': '', 'run/console': 'code', 'run/setup-ap.conf': '', 'boot/outpost-label.txt': 'code' },
    (sights, dir) => {
      mkdirSync(join(dir, 'bin'))
      writeFileSync(join(dir, 'bin/systemctl'), `#!/bin/sh\necho "$@" >> ${dir}/asked\n`, { mode: 0o755 })
      const script = rootfs('usr/lib/outpost/host/claimed')
        .replaceAll('/run/outpost-host', sights.run)
        .replaceAll('/var/lib/outpost/', `${sights.data}/`)
        .replaceAll('/boot/firmware', join(dir, 'boot'))
        .replaceAll('/proc/uptime', sights.uptime)
      const run = () => {
        const { status, stderr } = spawnSync('sh', ['-c', script], { env: { PATH: `${join(dir, 'bin')}:/usr/bin:/bin` }, encoding: 'utf8' })
        assert.equal(status, 0, stderr)
      }
      run()
      assert.equal(see(sights).claimedForMs, 0)
      assert.deepEqual(readdirSync(sights.run).sort(), ['claimed-at', 'setup-ap.conf'])
      assert.ok(!existsSync(join(dir, 'boot/outpost-label.txt')))
      assert.equal(readFileSync(join(dir, 'asked'), 'utf8'), 'stop outpost-claimed.path\n')
      writeFileSync(sights.uptime, '3660.25 7000.00\n')
      run()
      assert.equal(see(sights).claimedForMs, 60_000, 'device.json changes again and again')
    },
  )
})

test('one program opens and closes the access point: when there is a radio, and every minute', () => {
  const system = 'etc/systemd/system'
  const starter = rootfs('usr/lib/udev/rules.d/70-outpost-wifi.rules')
  assert.match(starter, /"outpost-access-point\.service outpost-wifi\.service"/)
  assert.ok(rootfs('etc/systemd/system-preset/00-outpost.preset').split('\n').includes('enable outpost-access-point.timer'))
  const others = readdirSync(join(root, 'firmware-host/rootfs', system))
    .filter((name) => /\.(service|path|timer)$/.test(name) && name !== 'outpost-first-boot.service' && name !== 'outpost-setup-ap.service')
    .filter((name) => rootfs(`${system}/${name}`).replace(/^#.*$/gm, '').includes('setup-ap.service'))
  assert.deepEqual(others, [])
  const program = /dist\/(\S+)$/m.exec(rootfs(`${system}/outpost-access-point.service`))?.[1]
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  assert.ok(scripts['build:host']?.includes(`firmware-host/first-boot/look.ts`))
  assert.ok(scripts['build:host']?.includes(`--outfile=dist/${program} `), program)
})
