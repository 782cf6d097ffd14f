import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Zone } from '../peers/zone.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { Box } from './box.ts'

/** Without a relay: letters go to the hosts that the DNS names for their recipients. */
async function begin(zone: Zone, delivery: Record<string, unknown> = {}): Promise<Box> {
  const box = new Box(1, { relays: [], delivery: { route: 'mx', digest: { from: 0 }, ...delivery } })
  Object.assign(box.zone, zone)
  await box.boot()
  return box
}

/** A mail server at an address. */
function server(box: Box, address: string): SimRelay {
  const relay = new SimRelay(box.timeline, new SimRandom(7))
  box.net.place(address, 25, relay)
  return relay
}
const told = (relay: SimRelay): string[] => relay.taken.flatMap(({ content, to }) => `${/\r\n\r\n(\w+)/.exec(content)?.[1]} ${to}`)
const mailbox = (box: Box): string =>
  box.disk
    .paths()
    .filter((path) => path.includes('/mailbox/'))
    .map((path) => Buffer.from(box.disk.durable(path) ?? []).toString())
    .join('\n')

test('each letter goes to the hosts of its recipient’s domain, the best one first', async () => {
  const box = await begin({
    'one.example': {
      mx: [
        [20, 'spare.one.example'],
        [10, 'mx.one.example'],
      ],
    },
    'mx.one.example': { a: ['192.0.2.10'] },
    'spare.one.example': { a: ['192.0.2.11'] },
    'two.example': { a: ['192.0.2.20'] },
  })
  const [first, spare, second] = [server(box, '192.0.2.10'), server(box, '192.0.2.11'), server(box, '192.0.2.20')]
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.send('beta', 'warning', 'b', 'ops@two.example')
  await box.pass(30_000)
  assert.deepEqual([told(first), told(spare), told(second)], [['alpha ops@one.example'], [], ['beta ops@two.example']])
  assert.equal(box.waiting, 0)
})

test('when the best host cannot be reached, the next one gets the letter, and the dead one is left alone for a while', async () => {
  const box = await begin({
    'one.example': {
      mx: [
        [10, 'mx.one.example'],
        [20, 'spare.one.example'],
      ],
    },
    'mx.one.example': { a: ['192.0.2.10'] },
    'spare.one.example': { a: ['192.0.2.11'] },
  })
  box.net.place('192.0.2.10', 25, 'refuses')
  const spare = server(box, '192.0.2.11')
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.pass(30_000)
  assert.deepEqual(told(spare), ['alpha ops@one.example'])
  const best = server(box, '192.0.2.10')
  await box.send('beta', 'warning', 'a', 'ops@one.example')
  await box.pass(30_000)
  assert.deepEqual(told(best), [], 'it rests')
  assert.deepEqual(told(spare), ['alpha ops@one.example', 'beta ops@one.example'])
})

test('a domain that takes no mail (null MX), or does not exist, refuses the letter: a notice lies in the mailbox', async () => {
  const box = await begin({ 'none.example': { mx: [[0, '']] } })
  await box.send('alpha', 'warning', 'a', 'ops@none.example')
  await box.send('beta', 'warning', 'b', 'ops@nowhere.example')
  await box.pass(60_000)
  assert.equal(box.waiting, 0)
  assert.match(mailbox(box), /5\.1\.10/)
  assert.match(mailbox(box), /5\.1\.2/)
  assert.match(mailbox(box), /alpha/)
})

test('a name server that cannot tell just now makes the letter wait, and holds up nobody else', async () => {
  const box = await begin({ 'one.example': { fails: 'servfail' }, 'two.example': { a: ['192.0.2.20'] } })
  const [one, two] = [server(box, '192.0.2.10'), server(box, '192.0.2.20')]
  await box.send('alpha', 'critical', 'a', 'ops@one.example')
  await box.send('beta', 'info', 'b', 'ops@two.example')
  await box.pass(120_000)
  assert.deepEqual(told(two), ['beta ops@two.example'])
  assert.equal(box.waiting, 1)
  box.zone['one.example'] = { a: ['192.0.2.10'] }
  await box.pass(3_600_000)
  assert.deepEqual(told(one), ['alpha ops@one.example'])
  assert.equal(mailbox(box), '')
})

test('a letter for two domains arrives at both, once, under one Message-ID, whichever way one of them fares', async () => {
  const box = new Box(1, {
    relays: [],
    delivery: { route: 'mx', digest: { from: 0 } },
    people: [
      { id: 'ops', name: 'Ops', address: 'ops@one.example' },
      { id: 'night', name: 'Night', address: 'night@two.example' },
    ],
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0', acknowledge: 'line' }],
    rules: [{ id: 'both', to: ['ops', 'night'] }],
  })
  Object.assign(box.zone, { 'one.example': { a: ['192.0.2.10'] }, 'two.example': { a: ['192.0.2.20'] } })
  await box.boot()
  const one = server(box, '192.0.2.10')
  box.net.place('192.0.2.20', 25, 'refuses')
  box.say('{"id":"n1","text":"alpha"}')
  await box.pass(60_000)
  assert.deepEqual(told(one), ['alpha ops@one.example'])
  assert.equal(box.waiting, 1)
  const two = server(box, '192.0.2.20')
  await box.pass(2 * 3_600_000)
  assert.deepEqual(told(two), ['alpha night@two.example'])
  assert.deepEqual(told(one), ['alpha ops@one.example'])
  assert.equal(new Set([...one.taken, ...two.taken].map((letter) => letter.messageId)).size, 1)
})

test('a domain that is dead keeps nobody from the others, however many letters wait for it, and is tried again in its time', async () => {
  const box = await begin({ 'one.example': { a: ['192.0.2.10'] }, 'two.example': { a: ['192.0.2.20'] } })
  box.net.place('192.0.2.10', 25, 'refuses')
  const two = server(box, '192.0.2.20')
  for (let i = 0; i < 1005; i++) await box.send(`alpha${i}`, 'critical', `a${i}`, 'ops@one.example')
  await box.pass(3_600_000)
  const tries = box.net.tries.length
  await box.send('beta', 'info', 'b', 'ops@two.example')
  await box.pass(10_000)
  assert.deepEqual(told(two), ['beta ops@two.example'])
  assert.equal(box.waiting, 1005)
  await box.pass(3_600_000)
  assert.ok(box.net.tries.length - tries < 24, `${box.net.tries.length - tries} tries in an hour`)
  const one = server(box, '192.0.2.10')
  await box.pass(40 * 60_000)
  assert.equal(one.taken.length, 1005)
})

test('a domain that refuses us until somebody does something keeps nobody from the others, either', async () => {
  const box = await begin({ 'one.example': { a: ['192.0.2.10'] }, 'two.example': { a: ['192.0.2.20'] } })
  const [one, two] = [server(box, '192.0.2.10'), server(box, '192.0.2.20')]
  one.serve = (wire) => {
    wire.onData = (bytes) => wire.send(`${Buffer.from(bytes).toString().startsWith('MAIL') ? '530 5.7.0 log in first' : '250 relay'}\r\n`)
    wire.send('220 relay\r\n')
  }
  for (let i = 0; i < 1005; i++) await box.send(`alpha${i}`, 'warning', `a${i}`, 'ops@one.example')
  await box.send('beta', 'warning', 'b', 'ops@two.example')
  await box.pass(120_000)
  assert.deepEqual(told(two), ['beta ops@two.example'])
})

test('without a link no name is asked for', async () => {
  const box = await begin({ 'one.example': { a: ['192.0.2.10'] } })
  const one = server(box, '192.0.2.10')
  box.away()
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.pass(3_600_000)
  assert.deepEqual(box.asked(), [])
  box.back()
  await box.pass(10_000)
  assert.deepEqual(told(one), ['alpha ops@one.example'])
})

const two: Zone = {
  'one.example': {
    mx: [
      [10, 'mx.one.example'],
      [20, 'spare.one.example'],
    ],
  },
  'mx.one.example': { a: ['192.0.2.10'] },
  'spare.one.example': { a: ['192.0.2.11'] },
}

test('a host that refuses the sender leaves the letter to the next one, and is no dead host', async () => {
  const box = await begin(two)
  const [best, spare] = [server(box, '192.0.2.10'), server(box, '192.0.2.11')]
  const serve = best.serve.bind(best)
  best.serve = (wire) => {
    wire.onData = (bytes) => wire.send(`${Buffer.from(bytes).toString().startsWith('MAIL') ? '550 5.7.1 not you' : '250 relay'}\r\n`)
    wire.send('220 relay\r\n')
  }
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.pass(30_000)
  assert.deepEqual(told(spare), ['alpha ops@one.example'])
  best.serve = serve
  await box.send('beta', 'warning', 'b', 'ops@one.example')
  await box.pass(30_000)
  assert.deepEqual(told(best), ['beta ops@one.example'])
  assert.equal(told(spare).length, 1)
})

test('a domain whose every host is dead is knocked at seldom, and gets its letter within the rest when one is back', async () => {
  const box = await begin(two)
  for (const address of ['192.0.2.10', '192.0.2.11']) box.net.place(address, 25, 'refuses')
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.pass(3_600_000)
  assert.equal(box.waiting, 1)
  assert.ok(box.net.tries.length >= 6 && box.net.tries.length <= 24, `${box.net.tries.length} tries in an hour`)
  const { letters } = await box.settled(box.gateway.desk.list())
  assert.equal(letters[0]?.attempts, 0, 'no letter counts a try')
  const best = server(box, '192.0.2.10')
  await box.pass(40 * 60_000)
  assert.deepEqual(told(best), ['alpha ops@one.example'])
})

test('a policy of the domain keeps letters from a host that it does not name, also when it is suppressed after a power cut', async () => {
  const box = await begin({ ...two, '_mta-sts.one.example': { txt: [['v=STSv1; id=1;']] } })
  const hosts = [server(box, '192.0.2.10'), server(box, '192.0.2.11')]
  const body = Buffer.from('version: STSv1\nmode: enforce\nmx: mx9.one.example\nmax_age: 604800\n')
  box.net.webs.set('https://mta-sts.one.example', () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body }))
  await box.send('alpha', 'warning', 'a', 'ops@one.example')
  await box.pass(60_000)
  assert.match(box.gateway.desk.state().relays.find((one) => one.id === 'one.example')?.why ?? '', /MTA-STS/)
  delete box.zone['_mta-sts.one.example']
  await box.powerCut()
  await box.pass(3_600_000)
  assert.equal(box.waiting, 1)
  assert.deepEqual(box.net.tries, [])
  assert.deepEqual(hosts.flatMap(told), [])
})
