import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LinkState } from '../../src/ports/link.ts'
import { RelayHealth } from '../../src/relay/health.ts'
import { isBetter, linkWay, wayTo } from '../../src/relay/way.ts'

const link = (words: string): LinkState => {
  const interfaces = words
    .split(', ')
    .filter(Boolean)
    .map((one) => {
      const [name = '', carrier, address] = one.split(' ')
      return { name, up: carrier === 'up', addresses: address ? [address] : [] }
    })
  const by = /(\S+) up \S+ default/.exec(words)?.[1]
  return { known: true, interfaces, ...(by === undefined ? {} : { defaultRoute: by }) }
}
const none = link('')
const cable = link('eth0 up 192.0.2.2 default')

const stories: [what: string, host: string, link: LinkState, route: boolean | undefined, open: boolean, why: RegExp][] = [
  ['no interface at all', 'mail.example.org', none, undefined, false, /^No network interface has a link/],
  ['a cable that is pulled', 'mail.example.org', link('eth0 down 192.0.2.2'), undefined, false, /^No network interface/],
  ['a carrier without an address', 'mail.example.org', link('wwan0 up'), undefined, false, /^The interface wwan0 has no address yet/],
  ['an address without a default route', 'mail.lan', link('eth0 up 192.0.2.2'), undefined, true, /eth0 reaches its neighbours only/],
  ['a default route', 'mail.example.org', cable, undefined, true, /leads out by eth0/],
  ['an address that no route leads to', '203.0.113.9', link('eth0 up 192.0.2.2'), false, false, /^There is no route to 203.0.113.9/],
  ['a neighbour by address', '192.0.2.9', link('eth0 up 192.0.2.2'), true, true, /There is a route/],
  ['this machine by name', 'localhost', none, undefined, true, /on this machine/],
  ['this machine by address', '127.0.0.1', none, false, true, /on this machine/],
  ['a neighbour whose cable has just been pulled', '192.0.2.9', link('eth0 down 192.0.2.2'), true, false, /There is no route/],
  ['a system that tells nothing', '203.0.113.9', { known: false, interfaces: [] }, false, true, /does not tell/],
]
for (const [what, host, state, leads, open, why] of stories)
  test(`${what}: the way to ${host} is ${open ? 'open' : 'closed'}`, () => {
    const way = wayTo(host, state, leads === undefined ? undefined : leads ? { leads, by: 'eth0' } : { leads })
    assert.equal(way.open, open)
    assert.match(way.why, why)
    assert.match(way.why, /^[A-Z].*\.$/, 'a sentence')
  })

test('a carrier, an address, a default route make a link better; losing one does not', () => {
  const steps = ['', 'eth0 up', 'eth0 up 192.0.2.2', 'eth0 up 192.0.2.2 default'].map(link)
  const better = steps.slice(1).map((state, index) => isBetter(state, steps[index] ?? none))
  assert.deepEqual(better, [false, true, true], 'a carrier alone carries nothing yet')
  assert.deepEqual(
    steps.slice(1).map((state, index) => isBetter(steps[index] ?? none, state)),
    [false, false, false],
  )
  assert.equal(isBetter(cable, link('eth0 down 192.0.2.2')), true, 'the cable is back')
  assert.equal(isBetter(link('eth0 up 192.0.2.2, wwan0 up 198.51.100.2 default'), cable), true, 'the default route is another one')
  assert.equal(isBetter(cable, cable), false)
  assert.equal(linkWay(cable).by, 'eth0')
})

const even = { unit: () => 0.8, bytes: () => new Uint8Array(), rsaKey: async () => '', ecKey: async () => '' }

test('a better link ends the rest of whoever wanted a way, and of nobody else', () => {
  const health = new RelayHealth(['dns', 'busy', 'locked', 'clock'], even)
  health.failed('dns', { stage: 'dns', why: 'no name server' }, 0)
  health.failed('busy', { stage: 'greeting', why: 'busy', reply: { code: 421, text: 'busy' } }, 0)
  health.failed('locked', { stage: 'auth', why: 'no', hold: true, reply: { code: 535, text: 'no' } }, 0)
  health.failed('clock', { stage: 'tls', why: 'not valid yet', clock: true }, 0)
  assert.equal(health.choose(100).relay, undefined)
  health.wayIsBack(100)
  assert.equal(health.choose(100).relay, 'dns')
  assert.equal(health.choose(100, (id) => id !== 'dns').relay, undefined)
  assert.equal(health.list().find((one) => one.id === 'locked')?.held, true)
})

test('after long trouble a link that comes back begins anew, with a short rest first', () => {
  const health = new RelayHealth(['a'], even)
  const fail = (now: number) => health.failed('a', { stage: 'connect', why: 'no' }, now)
  for (let i = 0; i < 10; i++) fail(i)
  assert.equal(health.choose(100).nextTry, 9 + 600_000)
  health.wayIsBack(1000)
  fail(2000)
  assert.equal(health.choose(2000).nextTry, 5000)
  fail(5000)
  assert.equal(health.choose(5000).nextTry, 5000 + 30_000)
})

test('a link that flaps ends three rests at once, then one in as long as the rest would be', () => {
  const health = new RelayHealth(['a'], even)
  const tries: number[] = []
  for (let now = 0; now <= 3_600_000; now += 1000) {
    if (now % 2000 === 0) health.wayIsBack(now)
    if (health.choose(now).relay === undefined) continue
    tries.push(now)
    health.failed('a', { stage: 'dns', why: 'no' }, now)
  }
  assert.deepEqual(tries.slice(0, 5), [0, 2000, 4000, 6000, 9000], 'and a link that has just come gets a moment more')
  assert.ok(tries.length < 20, `${tries.length} tries in an hour: ${tries}`)
  health.succeeded('a', 0)
  health.failed('a', { stage: 'dns', why: 'no' }, 4_000_000)
  health.wayIsBack(4_000_001)
  assert.equal(health.choose(4_000_001).relay, 'a', 'a success forgives')
})
