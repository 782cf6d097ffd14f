import assert from 'node:assert/strict'
import { BlockList, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isIn, isNetwork } from '../../src/settings/address.ts'

test('an address is in a network as Node has it', () => {
  const pair = fc.oneof(
    fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 })),
    fc.ipV4().chain((address) => fc.tuple(fc.constant(address), fc.constant(address), fc.integer({ min: 0, max: 32 }))),
  )
  fc.assert(
    fc.property(pair, ([address, network, length]) => {
      const family = isIPv6(network) ? 'ipv6' : 'ipv4'
      const list = new BlockList()
      list.addSubnet(network, length, family)
      assert.equal(isIn(address, [`${network}/${length}`]), list.check(address, family), `${address} in ${network}/${length}`)
    }),
    { numRuns: 2000 },
  )
})

test('what is no network is told, and the families are apart', () => {
  for (const text of ['192.168.0.0/16', '10.1.2.3', '2001:db8::/32', '::1']) assert.ok(isNetwork(text), text)
  for (const text of ['192.168.0.0/33', '192.168.0', 'x/8', '10.0.0.0/8/8', '2001:db8::/129', '', '10.0.0.0/'])
    assert.ok(!isNetwork(text), text)
  assert.ok(!isIn('::1', ['0.0.0.0/0']))
})
