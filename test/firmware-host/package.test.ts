import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { control, scripts, units } from '../../firmware-host/debian/control.ts'
import { missing } from '../peers/process.ts'

const unit = new URL('../../firmware-host/rootfs/etc/systemd/system/outpost.service', import.meta.url).pathname

/** Exposure of 2.0 at most: 0 is none, 10 is everything. */
const analysed = (path: string) =>
  spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', path], { encoding: 'utf8' })

test('unnecessary privileges (CWE-250): the unit of the gateway may do nothing that it does not need (exposure of 2.0 at most)', {
  skip: missing('systemd-analyze'),
}, () => {
  const { status, stdout, stderr } = analysed(unit)
  assert.equal(status, 0, `${stdout.split('\n').slice(-3).join('\n')}${stderr}`)
  assert.match(stdout, /Overall exposure level for outpost\.service: [01]\.\d|: 2\.0/)
})

test('unnecessary privileges (CWE-250): a unit that is a little weaker is over the threshold', { skip: missing('systemd-analyze') }, () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-unit-`)
  try {
    const text = readFileSync(unit, 'utf8')
    for (const given of [
      /^CapabilityBoundingSet=$/m,
      /^SystemCallFilter=.*$/gm,
      /^(PrivateUsers|ProtectSystem|PrivateTmp|ProtectProc)=.*$/gm,
    ]) {
      const weaker = text.replace(given, '')
      assert.notEqual(weaker, text)
      writeFileSync(`${dir}/outpost.service`, weaker)
      assert.notEqual(analysed(`${dir}/outpost.service`).status, 0, String(given))
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('disclosure of secrets (CWE-528): no core of the gateway is kept', () => assert.match(readFileSync(unit, 'utf8'), /^LimitCORE=0$/m))

test('what the unit runs is what the package brings, as a user that it makes', () => {
  const text = readFileSync(unit, 'utf8')
  assert.match(text, /^ExecStart=\/usr\/lib\/outpost\/bin\/node .* dist\/outpost\.cjs run$/m)
  assert.match(text, /^User=outpost$/m)
  assert.match(
    readFileSync(new URL('../../firmware-host/rootfs/usr/lib/sysusers.d/outpost.conf', import.meta.url), 'utf8'),
    /^u!? outpost /m,
  )
  assert.doesNotMatch(text, /^(Requires|After)=.*outpost-/m, 'nothing that only a flashed device has')
})

test('an enabled gateway is started with the system, also where systemd does not know UpheldBy (252, Debian 12)', {
  skip: missing('systemctl'),
}, () => {
  const dir = mkdtempSync(`${tmpdir()}/outpost-enabled-`)
  try {
    const place = '/usr/lib/systemd/system/outpost.service'
    mkdirSync(`${dir}/usr/lib/systemd/system`, { recursive: true })
    cpSync(unit, dir + place)
    const { status, stderr } = spawnSync('systemctl', [`--root=${dir}`, 'enable', 'outpost.service'], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(readlinkSync(`${dir}/etc/systemd/system/multi-user.target.wants/outpost.service`), place)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('the lamps of a board can be lit by the unit of package and image alike', () => {
  assert.match(readFileSync(unit, 'utf8'), /^ReadWritePaths=-\/sys\/devices\/platform\/leds$/m)
})

/** Has the postinst configure a machine where programs are called and do nothing, those that `fails` names not even that. Returns what it called. */
function configured({ systemd, fails = '' }: { systemd: boolean; fails?: string }): string[] {
  const dir = mkdtempSync(`${tmpdir()}/outpost-postinst-`)
  try {
    for (const name of ['systemctl', 'udevadm', 'systemd-sysusers'])
      writeFileSync(
        `${dir}/${name}`,
        `#!/bin/sh\necho "${name} $*" >> ${dir}/called\ncase "${name} $*" in ${fails || '-'}) exit 1;; esac\n`,
        {
          mode: 0o755,
        },
      )
    if (systemd) mkdirSync(`${dir}/running`)
    const script = scripts.postinst?.replaceAll('/run/systemd/system', `${dir}/running`)
    const { status, stderr } = spawnSync('/bin/sh', ['-s', 'configure'], { input: script, encoding: 'utf8', env: { PATH: dir } })
    assert.equal(status, 0, stderr)
    return readFileSync(`${dir}/called`, 'utf8').trimEnd().split('\n')
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('an installed package takes adapters and lamps at once: their drivers and rules are there before the gateway starts', () => {
  const needed = ['systemctl restart systemd-modules-load.service', 'udevadm control --reload', 'udevadm trigger --subsystem-match=leds']
  for (const fails of ['', '*modules-load*|udevadm*']) {
    const called = configured({ systemd: true, fails })
    assert.deepEqual(
      called.filter((call) => needed.includes(call)),
      needed,
    )
    assert.equal(called[0], 'systemd-sysusers outpost.conf', 'the rule names its group')
    assert.equal(called.at(-1), 'systemctl restart outpost-clock.path outpost.service')
  }
})

test('a package is installed where no systemd runs, and only enabled', () => {
  assert.deepEqual(configured({ systemd: false }), [
    'systemd-sysusers outpost.conf',
    'systemctl enable --quiet outpost-clock.path outpost.service',
  ])
})

test('the package brings who sets the clock, as a unit that waits for the gateway’s word, and takes it along when it goes', () => {
  assert.deepEqual([...units].sort(), ['outpost-clock.path', 'outpost-clock.service', 'outpost.service'])
  assert.match(scripts.prerm ?? '', /disable --now --quiet outpost-clock\.path outpost\.service;/)
  const build = readFileSync(new URL('../../firmware-host/debian/build.ts', import.meta.url), 'utf8')
  assert.ok(build.includes("'usr/lib/outpost/host/clock',"))
})

test('the package says what it is, and its scripts are shell that fails at the first fault', () => {
  const text = control({ version: '0.1.0', arch: 'arm64', installedKiB: 1 })
  assert.match(text, /^Package: outpost\nVersion: 0\.1\.0\nArchitecture: arm64\n/)
  for (const line of text.split('\n').slice(0, -1)) assert.ok(/^([A-Z][A-Za-z-]+: | )/.test(line) && line.length < 200, line)
  for (const [name, script] of Object.entries(scripts)) {
    assert.match(script, /^#!\/bin\/sh\nset -e\n/)
    assert.equal(spawnSync('sh', ['-n'], { input: script }).status, 0, name)
  }
})
