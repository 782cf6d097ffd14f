import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { percentIn } from '../../firmware-host/update/rauc.ts'
import { verdictOn, whyRefused } from '../../firmware-host/update/verdict.ts'
import { compareVersions } from '../../firmware-host/update/version.ts'

/** The two programs that root runs on the device, with commands in the place of RAUC and systemd that say what those say and note what they were asked. */
const dir = mkdtempSync(`${tmpdir()}/outpost-update-`)
after(() => rmSync(dir, { recursive: true, force: true }))

class Device {
  readonly root = mkdtempSync(`${dir}/device-`)
  readonly bundle = `${this.root}/data/update/bundle.raucb`
  /** Where root keeps it. */
  readonly taken = `${this.root}/memory/bundle.raucb`
  readonly #fake: Record<string, string> = {
    rauc: `case "$1 $2" in
  "status --output-format=json") echo '{"compatible":"outpost-generic-x86-64","booted":"A","slots":[]}';;
  "info --output-format=json") cat ${this.root}/info; exit $(cat ${this.root}/info.code);;
  install*) for i in 0 40 100; do echo "$i% Copying image to rootfs.1"; done;;
esac`,
    systemctl: 'exit 0',
    outpost: 'exit 0',
  }

  constructor(version = '0.1.0+202611010000') {
    for (const part of ['data/update', 'memory', 'run', 'bin']) mkdirSync(`${this.root}/${part}`, { recursive: true })
    writeFileSync(`${this.root}/os-release`, `ID=debian\nIMAGE_VERSION="${version}"\n`)
    writeFileSync(`${this.root}/asked`, '')
    this.brings({ compatible: 'outpost-generic-x86-64', version: '0.1.1+202612010000' })
    for (const [name, script] of Object.entries(this.#fake)) this.fake(name, script)
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

  run(program: 'install' | 'confirm', wish?: string): void {
    if (wish !== undefined) writeFileSync(`${this.root}/data/update/request.json`, wish)
    const env = {
      PATH: `${this.root}/bin:/usr/bin:/bin`,
      OUTPOST_DATA: `${this.root}/data`,
      OUTPOST_UPDATE_STATUS: `${this.root}/run/status.json`,
      OUTPOST_UPDATE_MEMORY: `${this.root}/memory`,
      OUTPOST_OS_RELEASE: `${this.root}/os-release`,
      OUTPOST_TRIAL_MS: '600',
      OUTPOST_TRIAL_EVERY_MS: '20',
      OUTPOST_TRIAL_WELL_MS: '60',
    }
    const file = new URL(`../../firmware-host/update/${program}.ts`, import.meta.url).pathname
    const { status, stderr } = spawnSync(process.execPath, [file], { env, encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, 0, stderr)
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

test('tampered, unsigned, truncated, foreign, older and equal bundles are refused with a sentence, and nothing is installed', () => {
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

test('words of the gateway that mean nothing do nothing', () => {
  for (const wish of ['', '{"do":"shell"}', '[]', '{"do":{"toString":1}}', 'null']) {
    const device = new Device()
    device.run('install', wish)
    assert.equal(device.status.state, 'idle')
    assert.deepEqual(device.asked, ['rauc status --output-format=json'])
  }
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

test('a new system that is well is confirmed; one that is not restarts the box and is not', () => {
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

test('the old system that comes back says so and is confirmed; one that was never changed is, too, whatever its gateway says', () => {
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

test('a system that the boot loader gave up is told', () => {
  const device = new Device()
  const slots = '"slots":[{"rootfs.0":{"bootname":"A"}},{"rootfs.1":{"bootname":"B"}}]'
  device.fake(
    'rauc',
    `[ "$2" = mark-good ] || echo '{"compatible":"outpost-generic-x86-64","booted":"A","boot_primary":"rootfs.1",${slots}}'`,
  )
  device.run('confirm')
  assert.equal(device.status.state, 'rolled-back')
  assert.match(String(device.status.why), /slot B did not start three times; the box runs version 0\.1\.0\+202611010000 in slot A/)
  assert.ok(device.asked.includes('rauc status mark-good'))
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
