import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Route } from '../../src/relay/route/route.ts'
import { inBoth } from './worlds.ts'

/** What the DNS and a domain's policy want of the way to its hosts. */
const mx1 = { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] }
const mx2 = { a: ['192.0.2.2'] }
const digest = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
const ee = { usage: 3, selector: 1, matching: 1, data: digest('key') }
const signed = {
  mx: [
    [10, 'mx1.example.org'],
    [20, 'mx2.example.org'],
  ] as const,
  secure: true,
}
const want = (found: Route): string[] =>
  found.kind === 'hosts' ? found.hosts.map((host) => `${host.name} ${host.security}`) : [found.kind]

inBoth(
  'DANE binds where the MX, the address and the TLSA records are authenticated, and the name servers are trusted',
  {
    'example.org': signed,
    'mx1.example.org': { ...mx1, secure: true },
    'mx2.example.org': { ...mx2, secure: true },
    '_25._tcp.mx1.example.org': { tlsa: [ee], secure: true },
    'loose.example.org': { mx: signed.mx },
  },
  async (find) => {
    assert.deepEqual(want(await find('example.org', { dane: true })), ['mx1.example.org dane', 'mx2.example.org opportunistic'])
    assert.deepEqual(want(await find('example.org', { dane: false })), ['mx1.example.org opportunistic', 'mx2.example.org opportunistic'])
    assert.deepEqual(want(await find('loose.example.org', { dane: true })), [
      'mx1.example.org opportunistic',
      'mx2.example.org opportunistic',
    ])
    const found = await find('example.org', { dane: true })
    const host = found.kind === 'hosts' ? found.hosts[0] : undefined
    assert.deepEqual(host?.security === 'dane' && host.dane, {
      records: [ee],
      serverName: 'mx1.example.org',
      names: ['mx1.example.org', 'example.org'],
    })
  },
)

inBoth(
  'TLSA records stand under the port that is used',
  { 'example.org': { ...mx1, secure: true }, '_2525._tcp.example.org': { tlsa: [ee], secure: true } },
  async (find) => {
    assert.deepEqual(want(await find('example.org', { dane: true, port: 2525 })), ['example.org dane'])
    assert.deepEqual(want(await find('example.org', { dane: true })), ['example.org opportunistic'])
  },
)

inBoth(
  'a host whose TLSA question fails is left out; when all do, the letter waits',
  {
    'example.org': signed,
    'mx1.example.org': { ...mx1, secure: true },
    'mx2.example.org': { ...mx2, secure: true },
    '_25._tcp.mx1.example.org': { fails: 'servfail' },
    'one.example.org': { mx: [[10, 'mx1.example.org']], secure: true },
  },
  async (find) => {
    assert.deepEqual(want(await find('example.org', { dane: true })), ['mx2.example.org opportunistic'])
    assert.deepEqual(want(await find('one.example.org', { dane: true })), ['deferred'])
    assert.deepEqual(want(await find('one.example.org', { dane: false })), ['mx1.example.org opportunistic'])
  },
)

inBoth(
  'TLSA records that nobody signed do not bind; signed ones that cannot be used still want TLS',
  {
    'example.org': signed,
    'mx1.example.org': { ...mx1, secure: true },
    'mx2.example.org': { ...mx2, secure: true },
    '_25._tcp.mx1.example.org': { tlsa: [ee] },
    '_25._tcp.mx2.example.org': {
      tlsa: [
        { ...ee, usage: 1 },
        { ...ee, selector: 2 },
        { ...ee, matching: 3 },
        { ...ee, data: ee.data.subarray(1) },
      ],
      secure: true,
    },
  },
  async (find) => {
    const found = await find('example.org', { dane: true })
    assert.deepEqual(want(found), ['mx1.example.org opportunistic', 'mx2.example.org dane'])
    const host = found.kind === 'hosts' ? found.hosts[1] : undefined
    assert.deepEqual(host?.security === 'dane' && host.dane.records, [])
  },
)

inBoth(
  'of a host that is an alias, the end of the signed chain has the TLSA records, else the host itself',
  {
    'example.org': {
      mx: [
        [10, 'alias.example.org'],
        [20, 'alias2.example.org'],
        [30, 'out.example.org'],
        [40, 'loose.example.org'],
        [50, 'dark.example.org'],
      ],
      secure: true,
    },
    'alias.example.org': { cname: 'mx1.example.org', secure: true },
    'mx1.example.org': { ...mx1, secure: true },
    '_25._tcp.mx1.example.org': { tlsa: [ee], secure: true },
    '_25._tcp.alias.example.org': { tlsa: [{ ...ee, usage: 2 }], secure: true },
    'alias2.example.org': { cname: 'mx2.example.org', secure: true },
    'mx2.example.org': { ...mx2, secure: true },
    '_25._tcp.alias2.example.org': { tlsa: [ee], secure: true },
    'out.example.org': { cname: 'unsigned.example.com', secure: true },
    'unsigned.example.com': { a: ['192.0.2.9'] },
    '_25._tcp.out.example.org': { tlsa: [ee], secure: true },
    '_25._tcp.unsigned.example.com': { tlsa: [ee] },
    'loose.example.org': { cname: 'mx1.example.org' },
    // Nobody signed the alias: whether its zone can say anything about TLSA is no reason to leave the host out.
    'dark.example.org': { cname: 'unsigned.example.com' },
    '_25._tcp.dark.example.org': { fails: 'servfail' },
  },
  async (find) => {
    const found = await find('example.org', { dane: true })
    assert.deepEqual(
      found.kind === 'hosts' &&
        found.hosts.map((host) => (host.security === 'dane' ? `${host.dane.serverName} ${host.dane.records[0]?.usage}` : host.security)),
      ['mx1.example.org 3', 'alias2.example.org 3', 'out.example.org 3', 'opportunistic', 'opportunistic'],
    )
  },
)

const policy = { mode: 'enforce', mx: ['mx1.example.org', '*.backup.example.org'], maxAgeS: 86_400 } as const

inBoth(
  'a policy that is to be enforced leaves only the hosts that it names, and verifies them',
  {
    'example.org': {
      mx: [
        [10, 'evil.example.com'],
        [20, 'mx1.example.org'],
        [30, 'a.backup.example.org'],
      ],
    },
    'only-evil.example.org': { mx: [[10, 'evil.example.com']] },
    'evil.example.com': { a: ['192.0.2.66'] },
    'mx1.example.org': mx1,
    'a.backup.example.org': mx2,
  },
  async (find) => {
    const policyOf = async () => policy
    assert.deepEqual(want(await find('example.org', { policyOf })), ['mx1.example.org verified', 'a.backup.example.org verified'])
    assert.deepEqual(want(await find('only-evil.example.org', { policyOf })), ['deferred'])
    for (const mode of ['testing', 'none'] as const)
      assert.deepEqual(want(await find('only-evil.example.org', { policyOf: async () => ({ ...policy, mode }) })), [
        'evil.example.com opportunistic',
      ])
    assert.deepEqual(want(await find('only-evil.example.org', { policyOf: async () => undefined })), ['evil.example.com opportunistic'])
  },
)

inBoth(
  'where DANE binds, the policy does not weaken it, and still says which hosts there are',
  {
    'example.org': {
      mx: [
        [10, 'mx1.example.org'],
        [20, 'mx2.example.org'],
      ],
      secure: true,
    },
    'mx1.example.org': { ...mx1, secure: true },
    'mx2.example.org': { ...mx2, secure: true },
    '_25._tcp.mx1.example.org': { tlsa: [ee], secure: true },
    '_25._tcp.mx2.example.org': { tlsa: [ee], secure: true },
  },
  async (find) => assert.deepEqual(want(await find('example.org', { dane: true, policyOf: async () => policy })), ['mx1.example.org dane']),
)
