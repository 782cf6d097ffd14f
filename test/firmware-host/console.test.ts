import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { consoleText, wayIn } from '../../firmware-host/first-boot/identity.ts'
import { setupApUnit } from '../../firmware-host/first-boot/network.ts'
import { anyAddress, pageUrl, usualWeb } from '../../firmware-host/first-boot/page.ts'

const rootfs = new URL('../../firmware-host/rootfs/', import.meta.url).pathname
const script = readFileSync(join(rootfs, 'usr/lib/outpost/host/console'), 'utf8')

/** What stands on the console of a box that has these addresses, as `hostname -I` tells them, and that nobody has taken. */
function shown(addresses: string, web = usualWeb): string {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-console-'))
  try {
    const facts = wayIn(web, { hostName: 'outpost-cdef', claimCode: 'ABCD-2345', key: undefined })
    writeFileSync(join(dir, 'console'), consoleText({ ...facts, qr: '█▀█' }))
    writeFileSync(join(dir, 'page'), pageUrl(web, anyAddress))
    writeFileSync(join(dir, 'hostname'), `#!/bin/sh\necho '${addresses} '\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${dir}:${process.env.PATH}` }
    const { status, stdout, stderr } = spawnSync('sh', { input: script.replaceAll('/run/outpost-host', dir), encoding: 'utf8', env })
    assert.equal(status, 0, stderr)
    return stdout
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('the console tells every address of IPv4, below one line', () => {
  const lines = ['█▀█', 'It is also at:', '  http://192.0.2.7/', '  http://198.51.100.7/', '', ''].join('\n')
  assert.ok(shown('192.0.2.7 2001:db8::7 198.51.100.7').endsWith(lines))
})

test('the console of a box without an address announces none', () => {
  for (const addresses of ['', 'fe80::7']) assert.ok(shown(addresses).endsWith('Claim code ABCD-2345\n\n█▀█\n\n'), addresses)
})

test('the console tells the addresses by scheme and port of the settings, and none but its own of a page that listens on one alone', () => {
  const lines = ['It is also at:', '  https://192.0.2.7:8443/', '', ''].join('\n')
  assert.ok(shown('192.0.2.7', { listen: '[::]:8443', tls: 'own' }).endsWith(lines))
  const alone = shown('192.0.2.7 10.0.0.0', { listen: '10.0.0.0:8080', tls: 'off' })
  assert.match(alone, /^ {2}http:\/\/10\.0\.0\.0:8080\/\n {2}Claim code/m)
  assert.ok(alone.endsWith('█▀█\n\n'), alone)
})

/** What a unit of the device names in such a line, its drop-ins included. */
const named = (unit: string, key: string): string[] =>
  [unit, ...globSync(`${unit}.d/*.conf`, { cwd: join(rootfs, 'etc/systemd/system') })].flatMap((path) =>
    [...readFileSync(join(rootfs, 'etc/systemd/system', path), 'utf8').matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(
      ([, words = '']) => words.split(' '),
    ),
  )

test('the console waits for the network, which nobody else asks for; the gateway does not', () => {
  const waits = 'network-online.target'
  assert.ok(named('outpost-console.service', 'After').includes(waits))
  assert.ok(named('outpost-console.service', 'Wants').includes(waits))
  for (const unit of globSync('*.service', { cwd: join(rootfs, 'etc/systemd/system') }))
    if (unit !== 'outpost-console.service')
      for (const online of [waits, 'systemd-networkd-wait-online.service', 'outpost-console.service', 'multi-user.target'])
        assert.ok(!named(unit, 'After').includes(online), `${unit} after ${online}`)
  const wait = readFileSync(join(rootfs, 'etc/systemd/system/systemd-networkd-wait-online.service.d/50-outpost.conf'), 'utf8')
  assert.match(wait, /^ExecStart=.* --timeout=20$/m)
  assert.match(wait, /^SuccessExitStatus=1$/m)
})

test('the access point of the box itself is no network that was waited for', () => {
  assert.match(setupApUnit, /^\[Link\]\nRequiredForOnline=no$/m)
})
