import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identify, readDevice } from '../../firmware-host/first-boot/device-file.ts'
import { consoleText, hostNameOf, isClaimed, labelText, makeKey, wayIn } from '../../firmware-host/first-boot/identity.ts'
import { pageUrl, usualWeb } from '../../firmware-host/first-boot/page.ts'
import { keepIdentity } from '../../firmware-host/first-boot/remains.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { wipeMark } from '../../src/settings/wipe.ts'
import { WebBox } from '../web/box.ts'

test('the host name ends with the last four digits of the device id', () => {
  assert.equal(hostNameOf({ id: '0123456789abcdef' }), 'outpost-cdef')
})

test('the page answers under the address of label, console and QR code, and its certificate is for it', async () => {
  const box = await WebBox.claimed()
  const hostName = hostNameOf(box.household.device.data)
  const way = { hostName, claimCode: box.household.door.claimCode, key: undefined }
  const names = (await box.household.certificate())?.names
  for (const web of [usualWeb, { listen: '0.0.0.0:8443', tls: 'own' }]) {
    const { host, hostname } = new URL(/https?:\S+/.exec(consoleText({ ...wayIn(web, way), qr: '' }))?.[0] ?? '')
    assert.equal((await box.raw('GET', '/healthz', undefined, { host })).status, 200, host)
    assert.ok(names?.includes(`DNS:${hostname}`), names)
  }
  assert.equal((await box.raw('GET', '/healthz', undefined, { host: 'outpost-0000.local' })).status, 421, 'the name of another box')
  await box.household.stop()
})

test('the address has the scheme and the port of the settings, and no port that need not be typed', () => {
  const at = (listen: string, tls = 'off') => pageUrl({ listen, tls }, 'outpost-cdef.local')
  assert.equal(at('0.0.0.0:8080'), 'http://outpost-cdef.local/')
  assert.equal(at('[::]:8080'), 'http://outpost-cdef.local/')
  assert.equal(at('0.0.0.0:8081'), 'http://outpost-cdef.local:8081/')
  for (const tls of ['own', 'file']) assert.equal(at('0.0.0.0:8080', tls), 'https://outpost-cdef.local:8080/')
  assert.equal(at('0.0.0.0:443', 'own'), 'https://outpost-cdef.local/')
  assert.equal(at('0.0.0.0:443'), 'http://outpost-cdef.local:443/')
})

test('a page that listens on one address alone is announced by that, also where it is of this machine alone', () => {
  const at = (listen: string, tls = 'off') => pageUrl({ listen, tls }, 'outpost-cdef.local')
  assert.equal(at('192.168.1.20:8080'), 'http://192.168.1.20:8080/')
  assert.equal(at('[2001:db8::20]:443', 'own'), 'https://[2001:db8::20]/')
  assert.equal(at('127.0.0.1:8080'), 'http://127.0.0.1:8080/')
})

test('without a word of the settings it is announced where it listens then, and the firewall leads port 80 there', () => {
  const { listen, tls } = settingsSchema.parse({}).web
  assert.deepEqual(usualWeb, { listen, tls })
  const rules = readFileSync(new URL('../../firmware-host/rootfs/etc/nftables.conf', import.meta.url), 'utf8')
  assert.ok(rules.includes(`tcp dport 80 redirect to :${listen.split(':')[1]}`))
})

test('a box whose device.json is spoiled is the one that it was, and its gateway is started whatever first boot says', () => {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-identity-'))
  try {
    const put = (name: string, text: string) => writeFileSync(join(dir, name), text)
    const device = { id: '0123456789abcdef', access: { claim: 'ABCD-2345', password: { hash: 'x' } } }
    assert.equal(readDevice(dir), undefined)
    put('device.json.bak', JSON.stringify(device))
    for (const spoiled of ['', '\0'.repeat(400), '{"id":', 'null', '{}', '{"id":"another"}']) {
      put('device.json', spoiled)
      assert.deepEqual(readDevice(dir), device, JSON.stringify(spoiled))
    }
    put('device.json', JSON.stringify({ ...device, id: 'fedcba9876543210' }))
    assert.equal(readDevice(dir)?.id, 'fedcba9876543210')
  } finally {
    rmSync(dir, { recursive: true })
  }
  const unit = new URL('../../firmware-host/rootfs/etc/systemd/system/outpost.service.d/10-image.conf', import.meta.url)
  const lines = readFileSync(unit, 'utf8').split('\n')
  assert.ok(lines.includes('Wants=outpost-first-boot.service') && !lines.some((line) => line.startsWith('Requires=')))
})

test('a box is claimed when it has a password', () => {
  assert.equal(isClaimed({ id: '', access: { claim: 'ABCD-2345' } }), false)
  assert.equal(isClaimed({ id: '', access: { claim: 'ABCD-2345', password: { hash: 'x' } } }), true)
})

test('a key has 16 signs that are not taken for one another, and no octet favours one', () => {
  const octets = Uint8Array.from({ length: 256 }, (_, index) => index)
  // 240 of 256 octets are used: each of the 30 signs by eight of them.
  const keys = new Map<string, number>()
  for (const octet of octets) {
    let first = true
    const key = makeKey(() => {
      const given = first ? Uint8Array.of(octet) : new Uint8Array(32)
      first = false
      return given
    })
    assert.match(key, /^[a-hj-km-np-z2-9]{16}$/)
    if (octet < 240) keys.set(key.charAt(0), (keys.get(key.charAt(0)) ?? 0) + 1)
  }
  assert.equal(keys.size, 30)
  assert.deepEqual(new Set(keys.values()), new Set([8]))
})

test('the console tells address and code; Wi-Fi where there is an access point, and the page answers at it', () => {
  const way = { hostName: 'outpost-cdef', claimCode: 'ABCD-2345', key: 'k'.repeat(16) }
  const told = (web = usualWeb) => labelText(wayIn(web, way))
  assert.equal(labelText(wayIn(usualWeb, { ...way, key: undefined })), '  http://outpost-cdef.local/\n  Claim code ABCD-2345\n')
  assert.match(told(), /^ {2}Wi-Fi outpost-cdef, key k{16}, then http:\/\/192\.168\.77\.1\/\n/)
  const tls = { listen: '0.0.0.0:8443', tls: 'own' }
  assert.match(told(tls), /^ {2}Wi-Fi .* then https:\/\/192\.168\.77\.1:8443\/\n {2}https:\/\/outpost-cdef\.local:8443\/\n/)
  assert.match(told({ ...usualWeb, listen: '192.168.77.1:8080' }), /Wi-Fi .* then http:\/\/192\.168\.77\.1:8080\//)
  assert.doesNotMatch(told({ ...usualWeb, listen: '192.168.1.20:8080' }), /Wi-Fi/)
})

/** What `deed` does with a directory of its own. */
function inDir(deed: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'outpost-first-boot-'))
  try {
    deed(dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('a box whose reset was cut off is nobody until the gateway has ended it, and then another one', () => {
  const old = JSON.stringify({ id: '0123456789abcdef', access: { claim: 'ABCD-2345', password: { hash: 'x' } } })
  inDir((dir) => {
    const put = (name: string, text: string) => writeFileSync(join(dir, name), text)
    put('device.json', old)
    assert.equal(identify(dir, () => assert.fail('nothing is missing'))?.id, '0123456789abcdef')
    put(wipeMark, '')
    let asked = 0
    assert.equal(
      identify(dir, () => void asked++),
      undefined,
      'it could not be ended',
    )
    assert.equal(asked, 1)
    const after = identify(dir, () => {
      for (const name of readdirSync(dir)) rmSync(join(dir, name))
      put('device.json', JSON.stringify({ id: 'fedcba9876543210', access: { claim: 'EFGH-2345' } }))
    })
    assert.equal(after?.id, 'fedcba9876543210')
  })
})

test('remains of user data (CWE-212): after a reset neither the networks nor what the provisioning file said are left, and a power cut in between leaves that to the next boot', () => {
  inDir((dir) => {
    const names = () => readdirSync(dir).sort()
    const own = (id: string) => keepIdentity({ host: dir, start: dir }, id, () => `key of ${id}`).key
    assert.equal(own('a'), 'key of a')
    for (const name of ['network.json', 'outpost.taken.json', 'outpost-result.txt', 'outpost.json', 'outpost-label.txt'])
      writeFileSync(join(dir, name), 'of the owner')
    const kept = names()
    assert.equal(own('a'), 'key of a')
    assert.deepEqual(names(), kept, 'the same box keeps all of it')
    const makeNone = () => {
      throw new Error('the power is gone')
    }
    assert.throws(() => keepIdentity({ host: dir, start: dir }, 'b', makeNone))
    assert.deepEqual(names(), ['identity.json', 'outpost-label.txt', 'outpost.json'])
    assert.equal(own('b'), 'key of b')
    assert.equal(own('b'), 'key of b')
  })
})
