import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identify, readDevice } from '../../firmware-host/first-boot/device-file.ts'
import { consoleText, hostNameOf, isClaimed, makeKey } from '../../firmware-host/first-boot/identity.ts'
import { keepIdentity } from '../../firmware-host/first-boot/remains.ts'
import { wipeMark } from '../../src/settings/wipe.ts'
import { WebBox } from '../web/box.ts'

test('the host name ends with the last four digits of the device id', () => {
  assert.equal(hostNameOf({ id: '0123456789abcdef' }), 'outpost-cdef')
})

test('the page answers under the address of label, console and QR code, and its certificate is for it', async () => {
  const box = await WebBox.claimed()
  const hostName = hostNameOf(box.household.device.data)
  const facts = { hostName, claimCode: box.household.door.claimCode, qr: '' }
  const host = new URL(/http:\S+/.exec(consoleText(facts))?.[0] ?? '').host
  assert.equal((await box.raw('GET', '/healthz', undefined, { host })).status, 200)
  assert.equal((await box.raw('GET', '/healthz', undefined, { host: 'outpost-0000.local' })).status, 421, 'the name of another box')
  const names = (await box.household.certificate())?.names
  assert.ok(names?.includes(`DNS:${host}`), names)
  await box.household.stop()
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

test('the console tells address and code; Wi-Fi where there is an access point', () => {
  const facts = { hostName: 'outpost-cdef', claimCode: 'ABCD-2345', qr: '█▀█' }
  assert.match(consoleText(facts), /http:\/\/outpost-cdef\.local\/\n {2}Claim code ABCD-2345/)
  assert.doesNotMatch(consoleText(facts), /Wi-Fi/)
  assert.match(consoleText({ ...facts, ap: { key: 'k'.repeat(16), address: '192.168.77.1' } }), /Wi-Fi outpost-cdef, key kkkk/)
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
