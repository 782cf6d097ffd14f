import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { firstSlots, grubEnv } from '../../firmware-host/image/grub.ts'
import { placeOf } from '../../firmware-host/update/place.ts'
import { percentIn } from '../../firmware-host/update/rauc.ts'
import { verdictOn, whyRefused } from '../../firmware-host/update/verdict.ts'
import { compareVersions } from '../../firmware-host/update/version.ts'

/** The two programs that root runs on the device, with commands in the place of RAUC and systemd that say what those say and note what they were asked. */
const dir = mkdtempSync(`${tmpdir()}/outpost-update-`)
after(() => rmSync(dir, { recursive: true, force: true }))

class Device {
  readonly root = mkdtempSync(`${dir}/device-`)
  readonly bundle = `${this.root}/data/update/bundle.raucb`
  readonly request = `${this.root}/data/update/request.json`
  /** Where root keeps it. */
  readonly taken = `${this.root}/memory/bundle.raucb`
  readonly #fake: Record<string, string> = {
    rauc: `case "$1 $2" in
  "status --output-format=json") echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';;
  "info --output-format=json") cat ${this.root}/info; exit $(cat ${this.root}/info.code);;
  install*) for i in 0 40 100; do echo "$i% Copying image to rootfs.1"; done;;
esac`,
    systemctl: 'exit 0',
    'grub-editenv': 'exit 0',
    outpost: 'exit 0',
  }

  constructor(version = '0.1.0+202611010000') {
    for (const part of ['data/update', 'memory', 'run', 'bin']) mkdirSync(`${this.root}/${part}`, { recursive: true })
    writeFileSync(`${this.root}/os-release`, `ID=debian\nIMAGE_VERSION="${version}"\n`)
    writeFileSync(`${this.root}/asked`, '')
    writeFileSync(`${this.root}/system.conf`, `[system]\nbootloader=grub\ngrubenv=${this.root}/grubenv\n`)
    this.grub({})
    writeFileSync(`${this.root}/kallsyms`, '0000000000000000 t schedule\n')
    this.brings({ compatible: 'outpost-generic-x86-64', version: '0.1.1+202612010000' })
    for (const [name, script] of Object.entries(this.#fake)) this.fake(name, script)
  }

  /** What GRUB has noted: by default a box as it was flashed, in its first start. */
  grub(values: Readonly<Record<string, string>>): void {
    writeFileSync(`${this.root}/grubenv`, grubEnv({ ...firstSlots, A_TRY: '1', ...values }))
  }

  /** A Raspberry Pi. Of its kernel it matters whether it tells the firmware to try. */
  isPi(kernel: string): this {
    writeFileSync(
      `${this.root}/system.conf`,
      '[system]\nbootloader=custom\n\n[handlers]\nbootloader-custom-backend=/usr/lib/outpost/host/tryboot\n',
    )
    writeFileSync(`${this.root}/kallsyms`, kernel)
    return this
  }

  fake(name: string, script: string): void {
    writeFileSync(`${this.root}/bin/${name}`, `#!/bin/sh\necho "${name} $*" >> ${this.root}/asked\n${script}\n`, { mode: 0o755 })
  }

  /** What the bundle that lies there says of itself. */
  brings(info: object | string, code = 0): void {
    writeFileSync(this.bundle, 'bundle')
    writeFileSync(`${this.root}/info`, typeof info === 'string' ? '' : JSON.stringify(info))
    writeFileSync(`${this.root}/info.code`, String(code))
    if (typeof info === 'string')
      this.fake(
        'rauc',
        `case "$1" in status) echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';; *) echo "${info}" >&2; exit 1;; esac`,
      )
  }

  /** `code`: with which it has to end. */
  run(program: 'install' | 'confirm', wish?: string, code = 0): void {
    if (wish !== undefined) writeFileSync(this.request, wish)
    const env = {
      PATH: `${this.root}/bin:/usr/bin:/bin`,
      OUTPOST_DATA: `${this.root}/data`,
      OUTPOST_UPDATE_STATUS: `${this.root}/run/status.json`,
      OUTPOST_UPDATE_MEMORY: `${this.root}/memory`,
      OUTPOST_OS_RELEASE: `${this.root}/os-release`,
      OUTPOST_RAUC_CONF: `${this.root}/system.conf`,
      OUTPOST_KERNEL_NAMES: `${this.root}/kallsyms`,
      OUTPOST_TRIAL_MS: '600',
      OUTPOST_TRIAL_EVERY_MS: '20',
      OUTPOST_TRIAL_WELL_MS: '60',
    }
    const file = new URL(`../../firmware-host/update/${program}.ts`, import.meta.url).pathname
    const { status, stderr } = spawnSync(process.execPath, [file], { env, encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, code, stderr)
  }

  get status(): Record<string, unknown> {
    return JSON.parse(readFileSync(`${this.root}/run/status.json`, 'utf8')) as Record<string, unknown>
  }

  get asked(): string[] {
    return readFileSync(`${this.root}/asked`, 'utf8').trim().split('\n')
  }

  get tried(): string | undefined {
    return existsSync(`${this.root}/memory/tried.json`) ? readFileSync(`${this.root}/memory/tried.json`, 'utf8') : undefined
  }
}

test('a bundle that is signed, for this board and newer is told before it is installed, and then installed', () => {
  const device = new Device()
  device.run('install', '{"do":"check"}')
  assert.deepEqual(device.status, {
    compatible: 'outpost-generic-x86-64',
    version: '0.1.0+202611010000',
    slot: 'A',
    state: 'checked',
    bundle: '0.1.1+202612010000',
  })
  assert.ok(!device.asked.some((line) => line.startsWith('rauc install')))
  device.run('install', '{"do":"install","request":"ab12"}')
  assert.equal(device.status.state, 'installed')
  const { request } = device.status as Record<string, unknown>
  assert.equal(request, 'ab12')
  assert.ok(device.asked.includes(`rauc install ${device.taken}`))
  assert.equal(device.asked.at(-1), 'systemctl reboot')
  assert.equal(device.tried, '{"version":"0.1.1+202612010000","stage":"written"}')
  assert.ok(!existsSync(device.bundle) && !existsSync(device.taken))
})

test('unsigned and older updates (CWE-347, CWE-1328): tampered, unsigned, truncated, foreign, older and equal bundles are refused with a sentence, and nothing is installed', () => {
  const cases: [object | string, RegExp][] = [
    ['signature verification failed: Verify error: self-signed certificate', /signature of the bundle/],
    ['Failed to open bundle: Invalid bundle: size is too small', /no update bundle, or only a part/],
    [{ compatible: 'outpost-raspberry-pi-5', version: '9.0.0+202612010000' }, /bundle for this board/],
    [{ compatible: 'outpost-generic-x86-64', version: '0.0.9+202612010000' }, /older than/],
    [{ compatible: 'outpost-generic-x86-64', version: '0.1.0+202610310000' }, /older than/],
    [{ compatible: 'outpost-generic-x86-64', version: '0.1.0+202611010000' }, /runs already/],
    [{ compatible: 'outpost-generic-x86-64' }, /does not say/],
  ]
  for (const [info, why] of cases) {
    const device = new Device()
    device.brings(info)
    device.run('install', '{"do":"install"}')
    assert.equal(device.status.state, 'refused')
    assert.match(String(device.status.why), why)
    assert.ok(!device.asked.some((line) => /^rauc install|reboot/.test(line)), String(why))
    assert.equal(device.tried, undefined)
    assert.ok(!existsSync(device.bundle) && !existsSync(device.taken), 'it does not fill the card')
  }
})

test('command injection (CWE-77): words of the gateway that mean nothing do nothing', () => {
  for (const wish of ['', '{"do":"shell"}', '[]', '{"do":{"toString":1}}', 'null']) {
    const device = new Device()
    device.run('install', wish)
    assert.equal(device.status.state, 'idle')
    assert.deepEqual(device.asked, ['rauc status --output-format=json'])
  }
})

test('RAUC that fails is told once as a sentence, and the request is gone: nothing is asked again and again', () => {
  const device = new Device()
  const before = { compatible: 'outpost-generic-x86-64', version: '0.1.0+202611010000', slot: 'A' }
  writeFileSync(`${device.root}/run/status.json`, JSON.stringify({ ...before, state: 'checking' }))
  device.fake('rauc', 'echo "Failed to connect to D-Bus" >&2; exit 1')
  device.run('install', '{"do":"check","request":"ab12"}')
  assert.ok(!existsSync(device.request))
  const { why, ...rest } = device.status
  assert.deepEqual(rest, { ...before, state: 'refused', request: 'ab12' })
  assert.match(String(why), /failed on the box itself \(rauc status: Failed to connect to D-Bus\)\. Nothing was changed\./)
})

test('what fails in the middle leaves no state that the page would wait behind', () => {
  const cases: [string, (device: Device) => void][] = [
    ['the answer of RAUC is no JSON', (device) => writeFileSync(`${device.root}/info`, 'null and void')],
    [
      'the bundle cannot be moved',
      (device) => {
        rmSync(`${device.root}/memory`, { recursive: true })
        writeFileSync(`${device.root}/memory`, 'a file in its place')
      },
    ],
    ['the note cannot be written', (device) => mkdirSync(`${device.root}/memory/tried.json.tmp`)],
  ]
  for (const [what, spoil] of cases) {
    const device = new Device()
    spoil(device)
    device.run('install', '{"do":"install","request":"ab12"}')
    assert.equal(device.status.state, 'refused', what)
    assert.equal(device.status.request, 'ab12')
    assert.match(String(device.status.why), /failed on the box itself \(.+\)/, what)
    assert.ok(!device.asked.some((line) => /^rauc install|reboot/.test(line)), what)
  }
})

test('an installation is told to its end, and the box restarts, when no note can be kept of it any more', () => {
  const device = new Device()
  device.fake(
    'rauc',
    `case "$1" in status) echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';; info) cat ${device.root}/info;; *) mkdir ${device.root}/memory/tried.json.tmp;; esac`,
  )
  device.run('install', '{"do":"install"}')
  assert.equal(device.status.state, 'installed')
  assert.equal(device.asked.at(-1), 'systemctl reboot')
})

test('roll-back (EN 303 645 5.3): a system that GRUB gave up is told, and only that: the start of the one that runs is counted, too, until it is confirmed', () => {
  // As they stand while an updated box starts, for the first time and later: RAUC calls A the primary slot of all of them.
  const updated = { ORDER: 'B A', B_OK: '1', B_TRY: '1', B_SURE: '1', A_TRY: '0', A_SURE: '1' }
  const at = (booted: 'A' | 'B', values: Record<string, string>): Device => {
    const device = new Device()
    device.grub(values)
    device.fake(
      'rauc',
      `[ "$2" = mark-good ] || echo '{"compatible":"outpost-generic-x86-64","booted":"${booted}","boot_primary":"rootfs.0"}'`,
    )
    device.run('confirm')
    return device
  }
  assert.equal(at('B', updated).status.state, 'idle')
  assert.equal(at('A', { A_TRY: '2' }).status.state, 'idle')
  const given = at('A', { ...updated, B_TRY: '9', A_TRY: '1' })
  assert.equal(given.status.state, 'rolled-back')
  assert.match(String(given.status.why), /system in slot B was started again and again .* version 0\.1\.0.* in slot A/)
})

test('a slot that is confirmed is told to GRUB as sure, one that is written over is not', () => {
  const device = new Device()
  device.run('confirm')
  assert.ok(device.asked.includes(`grub-editenv ${device.root}/grubenv set A_SURE=1`))
  const sure = new Device()
  sure.grub({ A_SURE: '1', B_SURE: '1' })
  sure.run('confirm')
  assert.ok(!sure.asked.some((line) => line.startsWith('grub-editenv')), 'nothing is written that stands there')
  sure.run('install', '{"do":"install"}')
  const [cleared, written] = ['grub-editenv', 'rauc install'].map((word) => sure.asked.findIndex((line) => line.startsWith(word)))
  assert.ok(sure.asked[cleared ?? -1]?.endsWith('set B_SURE=0') && (cleared ?? 0) < (written ?? 0), String(sure.asked))
})

test('a start that RAUC could not confirm, for its bus was not there yet, is tried again: unconfirmed, a good system would be left at its third start', () => {
  const device = new Device()
  device.fake('rauc', 'echo "Failed to connect to the bus" >&2; exit 1')
  device.run('confirm', undefined, 1)
  const unit = readFileSync(new URL('../../firmware-host/rootfs/etc/systemd/system/outpost-good.service', import.meta.url), 'utf8')
  assert.match(unit, /^Restart=on-failure$/m)
  device.fake('rauc', `[ "$2" = mark-good ] || echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}'`)
  device.run('confirm')
  assert.ok(device.asked.includes('rauc status mark-good'))
})

test('the unit that serves requests gives up on one that comes again and again, and waits for the trial of this system', () => {
  const unit = readFileSync(new URL('../../firmware-host/rootfs/etc/systemd/system/outpost-update.service', import.meta.url), 'utf8')
  assert.match(unit, /^StartLimitIntervalSec=[1-9]/m)
  assert.match(unit, /^StartLimitBurst=[1-9]/m)
  assert.match(unit, /^After=outpost-good\.service$/m)
})

/** As /proc/kallsyms has them, addresses hidden. Linux has the first of both; only the kernel of Raspberry Pi OS the second. */
const linux = '0000000000000000 t rpi_firmware_shutdown\n0000000000000000 T rpi_firmware_property\n'
const raspberry = `${linux}0000000000000000 t rpi_firmware_notify_reboot\n`

test('a Raspberry Pi is told to try the other slot once; the plain restart that follows a bad trial goes back by itself', () => {
  const device = new Device().isPi(raspberry)
  device.run('install', '{"do":"install"}')
  assert.equal(device.status.state, 'installed')
  assert.equal(device.asked.at(-1), 'systemctl reboot --reboot-argument=0 tryboot')
  const trial = new Device('0.1.1+202612010000').isPi(raspberry)
  trial.fake('outpost', 'exit 1')
  writeFileSync(`${trial.root}/memory/tried.json`, '{"version":"0.1.1+202612010000"}')
  trial.run('confirm')
  assert.equal(trial.asked.at(-1), 'systemctl reboot')
})

test('a Raspberry Pi whose kernel cannot tell the firmware to try takes no update, and says so before one is brought', () => {
  const device = new Device().isPi(linux)
  device.run('confirm')
  assert.equal(device.status.state, 'idle')
  assert.match(String(device.status.why), /cannot be updated in place.*backup, flash the card/)
  for (const wish of ['check', 'install']) {
    writeFileSync(device.bundle, 'bundle')
    device.run('install', JSON.stringify({ do: wish }))
    assert.equal(device.status.state, 'refused')
    assert.match(String(device.status.why), /cannot be updated in place/)
    assert.ok(!existsSync(device.bundle) && !existsSync(device.taken), 'it does not fill the card')
  }
  assert.ok(!device.asked.some((line) => /^rauc (install|info)|reboot/.test(line)), String(device.asked))
  const able = new Device().isPi(raspberry)
  able.run('confirm')
  assert.deepEqual([able.status.state, able.status.why], ['idle', undefined])
})

test('a disk that fails while the slot is written leaves the box as it is', () => {
  const device = new Device()
  device.fake(
    'rauc',
    `case "$1" in status) echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';; info) cat ${device.root}/info;; *) echo "failed: No space left on device" >&2; exit 1;; esac`,
  )
  device.run('install', '{"do":"install"}')
  assert.match(String(device.status.why), /no room/)
  assert.equal(device.tried, undefined)
})

test('roll-back (EN 303 645 5.3): a new system that is well is confirmed; one that is not restarts the box and is not', () => {
  const good = new Device('0.1.1+202612010000')
  writeFileSync(`${good.root}/memory/tried.json`, '{"version":"0.1.1+202612010000"}')
  good.run('confirm')
  assert.ok(good.asked.includes('rauc status mark-good'))
  assert.equal(good.status.state, 'idle')
  assert.equal(good.tried, undefined)
  for (const [name, script] of [
    ['outpost', 'exit 1'],
    ['systemctl', 'case "$1" in is-active) exit 3;; esac'],
  ] as const) {
    const bad = new Device('0.1.1+202612010000')
    bad.fake(name, script)
    writeFileSync(`${bad.root}/memory/tried.json`, '{"version":"0.1.1+202612010000"}')
    bad.run('confirm')
    assert.ok(!bad.asked.includes('rauc status mark-good'))
    assert.deepEqual(bad.asked.slice(-2), ['rauc status mark-bad', 'systemctl reboot'])
    assert.equal(bad.status.state, 'trial')
  }
})

test('roll-back (EN 303 645 5.3): the old system that comes back says so and is confirmed; one that was never changed is, too, whatever its gateway says', () => {
  const back = new Device()
  writeFileSync(`${back.root}/memory/tried.json`, '{"version":"0.1.1+202612010000","stage":"written"}')
  back.run('confirm')
  assert.equal(back.status.state, 'rolled-back')
  assert.match(String(back.status.why), /0\.1\.1\+202612010000 did not come up well, and the box went back to 0\.1\.0/)
  assert.ok(back.asked.includes('rauc status mark-good'))
  assert.equal(back.tried, undefined)
  const usual = new Device()
  usual.fake('outpost', 'exit 1')
  usual.fake('systemctl', 'exit 3')
  usual.run('confirm')
  assert.ok(usual.asked.includes('rauc status mark-good'))
  assert.ok(!usual.asked.includes('systemctl reboot'))
})

test('a power cut while the slot was written is no fault of the new system', () => {
  const device = new Device()
  writeFileSync(`${device.root}/memory/tried.json`, '{"version":"0.1.1+202612010000","stage":"writing"}')
  device.run('confirm')
  assert.equal(device.status.state, 'refused')
  assert.match(String(device.status.why), /power went while version 0\.1\.1/)
  assert.ok(device.asked.includes('rauc status mark-good'))
})

test('after a start no bundle fills the card for which nobody waits; one that is asked for stays', () => {
  for (const asked of [false, true]) {
    const device = new Device()
    const part = `${device.root}/data/update/bundle.part`
    for (const path of [device.bundle, device.taken, part]) writeFileSync(path, 'bundle')
    if (asked) writeFileSync(device.request, '{"do":"install"}')
    device.run('confirm')
    assert.deepEqual(
      [device.bundle, device.taken, part].map((path) => existsSync(path)),
      [asked, asked, asked],
    )
  }
})

test('where nothing else is said, things lie where the units of the image have them', () => {
  const { data, memory } = placeOf({})
  const unit = (name: string) => readFileSync(new URL(`../../firmware-host/rootfs/etc/systemd/system/${name}`, import.meta.url), 'utf8')
  assert.match(unit('outpost-update.path'), new RegExp(`^PathExists=${data}/update/request\\.json$`, 'm'))
  const kept = readFileSync(new URL('../../firmware-host/rootfs/usr/lib/tmpfiles.d/outpost.conf', import.meta.url), 'utf8')
  assert.ok(kept.includes(`d ${memory.replace(/\/update$/, '')} 0700 root root`), 'it is in a directory that root alone reads')
  for (const name of ['outpost-good.service', 'outpost-update.service']) assert.match(unit(name), /^RequiresMountsFor=\/var\/lib$/m)
})

test('a bundle whose contents do not fit its signature is told so: the kernel finds it while the slot is written', () => {
  const device = new Device()
  device.fake(
    'rauc',
    `case "$1" in status) echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';; info) cat ${device.root}/info;; *)
echo " 40% Verifying signature done."
echo "LastError: Installation error: Failed updating slot rootfs.1: failed to copy data: Input/output error"
echo "Installing failed" >&2; exit 1;; esac`,
  )
  device.run('install', '{"do":"install"}')
  assert.match(String(device.status.why), /changed or damaged after it was signed/)
  assert.equal(device.tried, undefined)
})

test('versions are ordered, and progress is read', () => {
  const version = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.option(fc.integer({ min: 202601010000, max: 203001010000 })))
  const written = ([a, b, c, minute]: [number, number, number, number | null]) => `${a}.${b}.${c}${minute === null ? '' : `+${minute}`}`
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const [x, y, z] = [written(a), written(b), written(c)]
      assert.equal(Math.sign(compareVersions(x, y)), -Math.sign(compareVersions(y, x)) + 0)
      assert.equal(compareVersions(x, x), 0)
      if (compareVersions(x, y) < 0 && compareVersions(y, z) < 0) assert.ok(compareVersions(x, z) < 0)
    }),
  )
  assert.ok(compareVersions('0.10.0', '0.9.9+202612010000') > 0)
  assert.equal(percentIn(' 40% Copying image'), 40)
  assert.equal(percentIn('installing'), undefined)
  assert.equal(verdictOn(null, { compatible: 'x', version: '1.0.0' }).kind, 'refused')
  assert.match(whyRefused('something else'), /something else/)
})
