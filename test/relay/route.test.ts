import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { placeOf } from '../../src/relay/route/place.ts'
import { exchangesOf, type Host, type Route, triesOf } from '../../src/relay/route/route.ts'
import { SimRandom } from '../sim/world/random.ts'
import { inBoth } from './worlds.ts'

/** `mx1.example.org 192.0.2.1 2001:db8::1`, a host a line. */
const shown = (found: Route): string[] =>
  found.kind === 'hosts' ? found.hosts.map((host) => [host.name, ...host.addresses].join(' ')) : [`${found.kind}: ${found.why}`]
const statusOf = (found: Route): string => (found.kind === 'refused' ? found.status : found.kind)

const mx1 = { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] }
const mx2 = { a: ['192.0.2.2'] }

inBoth(
  'hosts are tried by their preference, and each has all its addresses',
  {
    'example.org': {
      mx: [
        [20, 'mx2.example.org'],
        [10, 'mx1.example.org'],
      ],
    },
    'mx1.example.org': mx1,
    'mx2.example.org': mx2,
  },
  async (find) => {
    assert.deepEqual(shown(await find('ops@example.org')), ['mx1.example.org 192.0.2.1 2001:db8::1', 'mx2.example.org 192.0.2.2'])
    const found = await find('OPS@EXAMPLE.ORG.')
    assert.ok(found.kind === 'hosts')
    assert.deepEqual(
      found.hosts.map((host) => [host.security, host.port]),
      [
        ['opportunistic', 25],
        ['opportunistic', 25],
      ],
    )
  },
)

inBoth(
  'hosts of equal preference take turns',
  {
    'example.org': {
      mx: [
        [10, 'mx1.example.org'],
        [10, 'mx2.example.org'],
        [20, 'mx3.example.org'],
      ],
    },
    'mx1.example.org': mx1,
    'mx2.example.org': mx2,
    'mx3.example.org': { a: ['192.0.2.3'] },
  },
  async (find) => {
    const random = new SimRandom(7)
    const first: Record<string, number> = {}
    for (let i = 0; i < 40; i++) {
      const hosts = shown(await find('example.org', { random })).map((line) => line.split(' ')[0] ?? '')
      assert.equal(hosts[2], 'mx3.example.org')
      first[hosts[0] ?? ''] = (first[hosts[0] ?? ''] ?? 0) + 1
    }
    assert.deepEqual(Object.keys(first).sort(), ['mx1.example.org', 'mx2.example.org'])
    assert.ok(
      Object.values(first).every((times) => times > 8),
      JSON.stringify(first),
    )
  },
)

inBoth(
  'an alias is followed, from the domain and from the host',
  {
    'example.org': { cname: 'mail.example.com' },
    'mail.example.com': { mx: [[10, 'mx.example.com']] },
    'mx.example.com': { cname: 'mx1.example.com' },
    'mx1.example.com': mx1,
  },
  async (find) => assert.deepEqual(shown(await find('ops@example.org')), ['mx.example.com 192.0.2.1 2001:db8::1']),
)

inBoth(
  'where there is no MX, the domain is its own host; and where it has no address either, mail is refused',
  { 'example.org': mx1, 'six.example.org': { aaaa: ['2001:db8::6'] }, 'empty.example.org': { txt: [['nothing']] } },
  async (find) => {
    assert.deepEqual(shown(await find('ops@example.org')), ['example.org 192.0.2.1 2001:db8::1'])
    assert.deepEqual(shown(await find('ops@six.example.org')), ['six.example.org 2001:db8::6'])
    assert.equal(statusOf(await find('ops@empty.example.org')), '5.4.4')
  },
)

inBoth('a null MX is refused at once, though the domain has an address', { 'example.org': { mx: [[0, '']], ...mx1 } }, async (find) => {
  const found = await find('ops@example.org')
  assert.equal(statusOf(found), '5.1.10')
  assert.match(shown(found)[0] ?? '', /takes no mail/)
})

inBoth(
  'MX records of which none can be used are an error: the address of the domain is not tried',
  {
    'gone.example.org': {
      mx: [
        [10, 'nowhere.example.org'],
        [20, 'empty.example.org'],
      ],
      ...mx1,
    },
    'empty.example.org': { txt: [['no address']] },
    'number.example.org': { mx: [[10, '192.0.2.1']], ...mx1 },
    'odd.example.org': { mx: [[10, 'a host.example.org']], ...mx1 },
  },
  async (find) => {
    for (const domain of ['gone', 'number', 'odd']) assert.equal(statusOf(await find(`ops@${domain}.example.org`)), '5.4.4', domain)
  },
)

inBoth(
  'a host without an address is left out, and said',
  {
    'example.org': {
      mx: [
        [10, 'nowhere.example.org'],
        [20, 'mx2.example.org'],
        [30, ''],
      ],
    },
    'mx2.example.org': mx2,
  },
  async (find) => {
    const found = await find('ops@example.org')
    assert.deepEqual(shown(found), ['mx2.example.org 192.0.2.2'])
    assert.deepEqual(found.kind === 'hosts' && found.passed, ['The host nowhere.example.org has no address.'])
  },
)

inBoth('a domain that does not exist is refused', {}, async (find) => {
  const found = await find('ops@example.org')
  assert.equal(statusOf(found), '5.1.2')
  assert.match(shown(found)[0] ?? '', /example\.org does not exist/)
})

for (const fails of ['servfail', 'refused', 'silent', 'garbage'] as const)
  inBoth(
    `a name server that is ${fails} keeps the letter back, whichever question it was`,
    {
      'example.org': { fails },
      'no-mx.example.org': { fails: { a: fails, aaaa: fails } },
      'host.example.org': { mx: [[10, 'mx.example.org']] },
      'mx.example.org': { fails },
      'mixed.example.org': {
        mx: [
          [10, 'mx.example.org'],
          [20, 'nowhere.example.org'],
        ],
      },
      'well.example.org': {
        mx: [
          [10, 'mx.example.org'],
          [20, 'mx2.example.org'],
        ],
      },
      'mx2.example.org': mx2,
    },
    async (find) => {
      const kinds = await Promise.all(
        ['example.org', 'no-mx.example.org', 'host.example.org', 'mixed.example.org'].map(async (domain) => (await find(domain)).kind),
      )
      assert.deepEqual(kinds, ['deferred', 'deferred', 'deferred', 'deferred'])
      assert.deepEqual(shown(await find('well.example.org')), ['mx2.example.org 192.0.2.2'])
    },
  )

inBoth(
  'aliases in a circle keep the letter back',
  { 'example.org': { cname: 'b.example.org' }, 'b.example.org': { cname: 'example.org' } },
  async (find) => assert.equal((await find('ops@example.org')).kind, 'deferred'),
)

inBoth(
  'who finds itself among the hosts sends to better ones only, and to nobody when it is the best',
  {
    'backup.example.org': {
      mx: [
        [10, 'mx1.example.org'],
        [20, 'PS7.example.net'],
        [20, 'mx2.example.org'],
        [30, 'mx2.example.org'],
      ],
    },
    'best.example.org': {
      mx: [
        [10, 'ps7.example.net'],
        [20, 'mx2.example.org'],
      ],
    },
    'ps7.example.net': { a: ['192.0.2.7'] },
    'mx1.example.org': mx1,
    'mx2.example.org': mx2,
  },
  async (find) => {
    assert.deepEqual(shown(await find('ops@backup.example.org')), ['mx1.example.org 192.0.2.1 2001:db8::1'])
    assert.equal(statusOf(await find('ops@best.example.org')), '5.4.6')
    assert.equal(statusOf(await find('ops@ps7.example.net')), '5.4.6')
  },
)

inBoth(
  'a domain of other letters is asked for by its A-label',
  { 'xn--bcher-kva.example': { mx: [[10, 'mx1.example.org']] }, 'mx1.example.org': mx1 },
  async (find) => {
    for (const domain of ['bücher.example', 'BÜCHER.example', 'xn--bcher-kva.example', 'bu\u0308cher.example'])
      assert.deepEqual(shown(await find(`ops@${domain}`)), ['mx1.example.org 192.0.2.1 2001:db8::1'], domain)
  },
)

inBoth('an address literal is a host, and nobody is asked', {}, async (find) => {
  assert.deepEqual(shown(await find('ops@[192.0.2.1]')), ['[192.0.2.1] 192.0.2.1'])
  assert.deepEqual(shown(await find('ops@[IPv6:2001:DB8::1]')), ['[2001:db8::1] 2001:db8::1'])
  for (const no of [
    '[192.0.2.300]',
    '[2001:db8::1]',
    '[IPv6:x]',
    '[IPv6:1:2]',
    '[192.0.2.1',
    '192.0.2.1',
    'a b.org',
    '-x.org',
    'x..org',
    '',
    '１２７.0.0.1',
    'bücher.example/x',
    'bücher.example:25',
    'bücher.example?',
  ])
    assert.equal(statusOf(await find(`ops@${no}`)), '5.1.3', no)
})

inBoth(
  'many hosts are cut to a few, the best ones',
  {
    'example.org': { mx: Array.from({ length: 30 }, (_, index) => [index, `mx${index}.example.org`] as const) },
    ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`mx${index}.example.org`, { a: [`192.0.2.${index}`] }])),
  },
  async (find) => {
    const hosts = shown(await find('example.org'))
    assert.ok(hosts.length >= 2 && hosts.length <= 10)
    assert.equal(hosts[0], 'mx0.example.org 192.0.2.0')
  },
)

test('whatever the MX records are, nobody behind ourselves is asked, and the order is theirs', () => {
  const record = fc.record({ preference: fc.nat(4), exchange: fc.constantFrom('', 'a.org', 'b.org', 'us.org', 'c.org', '192.0.2.1') })
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.nat(), (records, seed) => {
      const random = new SimRandom(seed)
      const found = exchangesOf({ kind: 'found', records, name: 'x.org', authenticated: false }, 'x.org', ['us.org'], () => random.unit())
      const best = (name: string) => Math.min(...records.filter((one) => one.exchange === name).map((one) => one.preference))
      if (found.kind !== 'exchanges') return
      assert.ok(found.names.length > 0)
      assert.deepEqual(found.names, [...new Set(found.names)])
      for (const [index, name] of found.names.entries()) {
        assert.ok(best(name) < best('us.org'))
        assert.ok(index === 0 || best(found.names[index - 1] ?? '') <= best(name))
      }
    }),
  )
})

test('the place of an address is a domain or a literal, and nothing of it reaches a question unseen', () => {
  assert.deepEqual(placeOf('ops@Example.ORG'), { kind: 'domain', domain: 'example.org' })
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (noise) => {
      const place = placeOf(`ops@${noise}`)
      if (place.kind === 'domain') assert.match(place.domain, /^[a-z0-9_.-]+$/)
    }),
  )
})

test('two addresses at least are tried where there are two, and those that rest are not', () => {
  const host = (name: string, ...addresses: string[]): Host => ({ name, addresses, port: 25, security: 'opportunistic' })
  const tried = (hosts: Host[], ...resting: string[]) =>
    triesOf(hosts, (address) => resting.includes(address)).flatMap(({ addresses }) => addresses)
  assert.deepEqual(tried([host('a', '1', '2')]), ['1', '2'])
  assert.deepEqual(tried([host('a', '1'), host('b', '2')]), ['1', '2'])
  assert.deepEqual(tried([host('a', '1', '2'), host('b', '3')], '1', '2'), ['3'])
  assert.deepEqual(tried([host('a', '1')], '1'), [])
  const many = tried([host('a', ...Array.from({ length: 20 }, (_, index) => `a${index}`)), host('b', 'b0')])
  assert.ok(many.includes('b0') && many.length < 10, 'a host of many addresses leaves room for the next')
})
