import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAbsent } from '../../src/cli/address.ts'

test('a page at an address that no interface has is absent, which no older software mends; one at an address that is there, or on this machine, is not', () => {
  const link = { known: true, interfaces: [{ name: 'eth0', up: true, addresses: ['192.168.1.20', 'fd00::7'] }] }
  assert.ok(isAbsent('192.168.1.21', link))
  for (const host of ['192.168.1.20', 'fd00::7', '127.0.0.1', '::1', 'box.example']) assert.ok(!isAbsent(host, link), host)
  assert.ok(!isAbsent('192.168.1.21', { known: false, interfaces: [] }), 'nothing is known')
})
