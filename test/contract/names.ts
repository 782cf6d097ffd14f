import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Looked, Names } from '../../src/ports/names.ts'
import type { Zone } from '../peers/zone.ts'

export type NamesWorld = { names: Names; done(): Promise<void> }

const digest = Uint8Array.from({ length: 32 }, (_, index) => index)

const zone: Zone = {
  'example.org': {
    mx: [
      [20, 'mx2.example.org'],
      [10, 'MX1.Example.org'],
    ],
    a: ['192.0.2.80'],
    txt: [['v=spf1 ', '-all'], ['caf\u00e9']],
  },
  'mx1.example.org': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1', '2001:db8:0:1::1', '::', '1::'], secure: true },
  'mx2.example.org': { aaaa: ['2001:db8:1:2:3:4:5:6'] },
  'null.example.org': { mx: [[0, '']] },
  '_25._tcp.mx1.example.org': { tlsa: [{ usage: 3, selector: 1, matching: 1, data: digest }], secure: true },
  'alias.example.org': { cname: 'second.example.org', secure: true },
  'second.example.org': { cname: 'example.org' },
  'signed.example.org': { cname: 'mx1.example.org', secure: true },
  'dangling.example.org': { cname: 'gone.example.org' },
  'empty-alias.example.org': { cname: 'mx2.example.org' },
  'circle.example.org': { cname: 'circle2.example.org' },
  'circle2.example.org': { cname: 'circle.example.org' },
  'servfail.example.org': { fails: 'servfail' },
  'refused.example.org': { fails: 'refused' },
  'silent.example.org': { fails: 'silent' },
  'garbage.example.org': { fails: 'garbage' },
  'half.example.org': { a: ['192.0.2.3'], fails: { aaaa: 'servfail' } },
  'no-half.example.org': { aaaa: [], fails: { a: 'servfail' } },
}

/** What every Names does. */
export function namesContract(name: string, make: (zone: Zone) => Promise<NamesWorld>): void {
  const on = (what: string, story: (names: Names) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const { names, done } = await make(zone)
      try {
        await story(names)
      } finally {
        await done()
      }
    })
  const kinds = async (...looked: Promise<Looked<unknown>>[]) => (await Promise.all(looked)).map((one) => one.kind)

  on('every type of record comes as it stands in the zone', async (names) => {
    const mx = await names.mx('EXAMPLE.org')
    assert.ok(mx.kind === 'found')
    assert.deepEqual(
      [...mx.records].sort((one, other) => one.preference - other.preference),
      [
        { preference: 10, exchange: 'mx1.example.org' },
        { preference: 20, exchange: 'mx2.example.org' },
      ],
    )
    assert.deepEqual(await names.addresses('mx1.example.org'), {
      kind: 'found',
      records: ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1', '::', '1::'],
      name: 'mx1.example.org',
      authenticated: true,
    })
    const txt = await names.txt('example.org')
    assert.ok(txt.kind === 'found')
    assert.deepEqual([...txt.records].sort(), ['caf\u00e9', 'v=spf1 -all'])
    const tlsa = await names.tlsa('_25._tcp.mx1.example.org')
    assert.ok(tlsa.kind === 'found' && tlsa.authenticated)
    assert.deepEqual(tlsa.records, [{ usage: 3, selector: 1, matching: 1, data: digest }])
  })

  on('a null MX is an exchange without a name', async (names) => {
    const looked = await names.mx('null.example.org')
    assert.deepEqual(looked.kind === 'found' && looked.records, [{ preference: 0, exchange: '' }])
  })

  on('no such record and no such name are told apart', async (names) => {
    assert.deepEqual(await kinds(names.mx('mx1.example.org'), names.mx('nowhere.example.org')), ['none', 'nxdomain'])
    assert.deepEqual(await kinds(names.txt('null.example.org'), names.tlsa('_25._tcp.mx2.example.org')), ['none', 'nxdomain'])
    assert.deepEqual(await kinds(names.addresses('null.example.org'), names.addresses('nowhere.example.org')), ['none', 'nxdomain'])
  })

  on('one family of addresses is enough', async (names) => {
    const six = await names.addresses('mx2.example.org')
    assert.deepEqual(six.kind === 'found' && six.records, ['2001:db8:1:2:3:4:5:6'])
  })

  on('an alias is followed to its end, which is named', async (names) => {
    const looked = await names.mx('alias.example.org')
    assert.ok(looked.kind === 'found')
    assert.equal(looked.name, 'example.org')
    assert.equal(looked.records.length, 2)
    assert.deepEqual(await kinds(names.mx('dangling.example.org'), names.mx('empty-alias.example.org')), ['nxdomain', 'none'])
    const own = await names.alias('alias.example.org')
    assert.deepEqual(own, { kind: 'found', records: ['second.example.org'], name: 'alias.example.org', authenticated: true })
    assert.deepEqual(await kinds(names.alias('example.org'), names.alias('nowhere.example.org')), ['none', 'nxdomain'])
  })

  on('an answer is authenticated when every step to it is', async (names) => {
    const signed = await names.addresses('signed.example.org')
    const unsigned = await names.addresses('alias.example.org')
    assert.ok(signed.kind === 'found' && signed.authenticated)
    assert.ok(unsigned.kind === 'found' && !unsigned.authenticated)
  })

  on('aliases in a circle are a fault, and end', async (names) => {
    assert.deepEqual(await kinds(names.mx('circle.example.org'), names.addresses('circle2.example.org')), ['fault', 'fault'])
  })

  for (const how of ['servfail', 'refused', 'silent', 'garbage'])
    on(`${how} is a fault with a sentence, whatever was asked`, async (names) => {
      const host = `${how}.example.org`
      for (const looked of await Promise.all([
        names.mx(host),
        names.addresses(host),
        names.txt(host),
        names.tlsa(host),
        names.alias(host),
      ])) {
        assert.ok(looked.kind === 'fault')
        assert.match(looked.why, /^[A-Z].*\.$/)
      }
    })

  on('half of the addresses is found; half of an answer is none', async (names) => {
    assert.deepEqual(await kinds(names.addresses('half.example.org'), names.addresses('no-half.example.org')), ['found', 'fault'])
  })

  on('what is no name does not exist', async (names) => {
    assert.deepEqual(
      await kinds(
        names.mx('a..b'),
        names.mx(`${'x'.repeat(64)}.org`),
        names.mx(Array(130).fill('a').join('.')),
        names.mx('b\u00fccher.example'),
      ),
      ['nxdomain', 'nxdomain', 'nxdomain', 'nxdomain'],
    )
  })
}
