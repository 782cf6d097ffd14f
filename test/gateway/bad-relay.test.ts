import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimRandom } from '../sim/world/random.ts'
import { kind, SimRelay } from '../sim/world/relay.ts'
import { Box } from './box.ts'

/** A relay that serves nobody must not cost an alert, nor keep one from the relay behind it. */
const minute = 60_000
const day = 24 * 60 * minute
const both = {
  sources: [],
  relays: [
    { id: 'isp', host: 'relay.example.org', security: 'none', port: 25, timeout: '5m' },
    { id: 'spare', host: 'spare.example.org', security: 'none', port: 25, timeout: '5m' },
  ],
}

test('a relay that gives one octet of its greeting now and then keeps nobody from the next relay', async () => {
  const box = new Box(1, both)
  await box.boot()
  box.net.place('relay.example.org', 25, {
    serve: (end) => {
      const octets = [...'220 wait a moment']
      const say = () => {
        end.send(octets.shift() ?? '.')
        box.timeline.at(4 * minute, say)
      }
      say()
    },
  })
  await box.send('fire', 'critical', 'fire')
  await box.pass(6 * minute)
  assert.deepEqual(box.told(), ['fire'])
})

const notices = (box: Box): string[] => box.disk.paths().filter((path) => path.includes('/new/'))
const one = { sources: [], relays: both.relays.slice(0, 1) }
const denied = ['ops@example.org', 'ops@elsewhere.example']

test('alerts that a relay turns away because of us wait, with the cure beside them, and leave when it is mended', async () => {
  for (const way of [{}, { chunking: false }, { pipelining: false }]) {
    const box = new Box(1, one)
    await box.boot()
    box.relay.faults = { ...kind, ...way, denied }
    for (const text of ['fire', 'flood', 'gas']) await box.send(text, 'critical', text)
    await box.pass(day / 4)
    assert.deepEqual([box.waiting, notices(box)], [3, []])
    const { letters } = await box.settled(box.gateway.desk.list())
    for (const letter of letters) {
      assert.equal(letter.state, 'deferred')
      assert.match(letter.why ?? '', /554 5\.7\.1 <ops@example\.org>: Relay access denied\. .*set auth of this relay/)
    }
    box.relay.faults = { ...kind, ...way }
    // Other settings are another gateway, and a letter that was put off is tried at once by it.
    await box.powerCut()
    await box.pass(minute)
    assert.deepEqual(box.told().sort(), ['fire', 'flood', 'gas'])
  }
})

test('they wait until delivery.keep is over, and each of them leaves a notice', async () => {
  const box = new Box(1, { ...one, delivery: { keep: '3d' } })
  await box.boot()
  box.relay.faults = { ...kind, denied }
  await box.send('fire', 'critical', 'fire')
  await box.pass(2 * day)
  assert.deepEqual([box.waiting, notices(box).length], [1, 0])
  await box.pass(2 * day)
  assert.deepEqual([box.waiting, notices(box).length], [0, 1])
})

test('it may be about one domain alone: letters for others pass, also those for whom somebody is turned away', async () => {
  const people = [
    { id: 'ops', name: 'Ops', address: 'ops@example.org' },
    { id: 'firm', name: 'Firm', address: 'ops@elsewhere.example' },
  ]
  const box = new Box(1, {
    ...one,
    people,
    sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }],
    rules: [{ id: 'all', to: ['ops', 'firm'] }],
  })
  await box.boot()
  box.relay.faults = { ...kind, denied: ['ops@elsewhere.example'] }
  await box.pass(minute)
  for (const text of ['fire', 'flood']) {
    box.blurt(text)
    await box.pass(minute)
  }
  assert.deepEqual(
    box.relay.taken.map(({ to }) => to),
    [['ops@example.org'], ['ops@example.org']],
  )
  assert.deepEqual([box.waiting, notices(box)], [2, []])
})

/** A box with two relays; `asked`: how often the first one was. */
async function withSpare(seed = 1, more: Record<string, unknown> = {}) {
  const box = new Box(seed, { ...both, ...more })
  await box.boot()
  const spare = new SimRelay(box.timeline, new SimRandom(seed + 100))
  box.net.place('spare.example.org', 25, spare)
  const isp = { asked: 0 }
  box.net.place('relay.example.org', 25, {
    serve: (end) => {
      isp.asked++
      box.relay.serve(end)
    },
  })
  const faulty = () => box.gateway.desk.state().relays.filter((one) => one.why !== undefined)
  const reached = () =>
    [box.relay, spare].flatMap(({ taken }) => taken.flatMap(({ to, content }) => to.map((one) => `${one} ${wordOf(content)}`)))
  return { box, spare, isp, faulty, reached }
}
const wordOf = (content: string): string => content.split('\r\n\r\n')[1]?.split('\r\n')[0] ?? ''

const unwelcome = [
  { denied },
  { letter: '550 5.7.60 SMTP; Client does not have permissions to send as this sender' },
  { letter: '554 5.7.1 <ops@example.org>: Relay access denied' },
]
const ways = [{}, { chunking: false }, { pipelining: false }]

test('a letter that is turned away because of us goes on to the next relay at once; the first says why, and is asked again in ten minutes', async () => {
  for (const how of unwelcome)
    for (const way of ways) {
      const { box, spare, isp, faulty } = await withSpare()
      box.relay.faults = { ...kind, ...way, ...how }
      await box.send('fire', 'critical', 'fire')
      await box.pass(5000)
      assert.deepEqual([spare.taken.length, box.waiting, notices(box)], [1, 0, []])
      const [first, ...others] = faulty()
      assert.deepEqual([first?.id, others], ['isp', []])
      assert.match(
        first?.why ?? '',
        /^It turned mail for ops@example\.org away because of us, not of the mail\. The server answered to the (?:recipient|letter): 55/,
      )
      for (const text of ['flood', 'gas', 'smoke']) await box.send(text, 'critical', text)
      await box.pass(8 * minute)
      assert.deepEqual([spare.taken.length, isp.asked], [4, 1])
      box.relay.faults = { ...kind, ...way }
      await box.pass(3 * minute)
      await box.send('leak', 'critical', 'leak')
      await box.pass(5000)
      assert.deepEqual([box.told(), isp.asked, faulty()], [['leak'], 2, []])
    }
})

test('a sender that is turned away at MAIL makes the relay rest, and the letter leaves by the next one at once', async () => {
  for (const sender of ['550 5.7.1 sender not authorised', '553 5.1.8 bad sender address', '550 5.1.7 bad sender']) {
    const { box, spare, faulty } = await withSpare()
    box.relay.faults = { ...kind, sender }
    await box.send('fire', 'critical', 'fire')
    await box.pass(5000)
    assert.deepEqual([spare.taken.length, box.waiting, notices(box), faulty().map(({ id }) => id)], [1, 0, [], ['isp']])
  }
})

test('behind the content, spam is refused and the sender waits where there is one relay only', async () => {
  const box = new Box(1, one)
  await box.boot()
  box.relay.faults = { ...kind, letter: '554 5.2.252 SendAsDenied; ps7@example.org not allowed to send as ops@example.org' }
  await box.send('fire', 'critical', 'fire')
  await box.pass(day)
  assert.deepEqual([box.waiting, notices(box)], [1, []])
  assert.ok(box.net.tries.length < 40, `${box.net.tries.length} tries in a day`)
  box.relay.faults = { ...kind, letter: '554 5.7.1 spam' }
  await box.pass(day)
  assert.deepEqual([box.waiting, notices(box).length], [0, 1])
})

test('where no relay wants us the letter waits with its pauses, and leaves by the first that is mended', async () => {
  const { box, spare, isp } = await withSpare()
  for (const relay of [box.relay, spare]) relay.faults = { ...kind, denied }
  await box.send('fire', 'critical', 'fire')
  await box.pass(day)
  assert.deepEqual([box.waiting, notices(box)], [1, []])
  const { letters } = await box.settled(box.gateway.desk.list())
  assert.match(letters[0]?.why ?? '', /Relay access denied\. .*set auth of this relay/)
  assert.ok(isp.asked < 40 && box.net.tries.length < 80, `${isp.asked} of ${box.net.tries.length} tries in a day`)
  spare.faults = { ...kind }
  await box.pass(day / 4)
  assert.deepEqual([spare.taken.length, box.waiting], [1, 0])
})

const people = [
  { id: 'ops', name: 'Ops', address: 'ops@example.org' },
  { id: 'firm', name: 'Firm', address: 'firm@elsewhere.example' },
]
const toBoth = { people, sources: [{ id: 'plc', kind: 'serial', path: '/dev/ttyS0' }], rules: [{ id: 'all', to: ['ops', 'firm'] }] }

test('of two people each has the letter by the relay that takes it for him, and only once', async () => {
  const { box, reached, isp } = await withSpare(1, toBoth)
  box.relay.faults = { ...kind, denied: ['firm@elsewhere.example'] }
  await box.pass(minute)
  for (const text of ['fire', 'flood']) {
    box.blurt(text)
    await box.pass(minute)
  }
  assert.deepEqual(reached().sort(), [
    'firm@elsewhere.example fire',
    'firm@elsewhere.example flood',
    'ops@example.org fire',
    'ops@example.org flood',
  ])
  assert.deepEqual([box.waiting, isp.asked, box.relay.turnedAway], [0, 2, ['firm@elsewhere.example']])
})

test('whoever is put off beside somebody who is turned away goes on with him, and keeps him from nothing', async () => {
  const { box, spare } = await withSpare(1, toBoth)
  box.relay.faults = { ...kind, denied: ['firm@elsewhere.example'], full: ['ops@example.org'] }
  await box.pass(minute)
  box.blurt('fire')
  await box.pass(5000)
  assert.deepEqual([spare.taken.map(({ to }) => to.toSorted()), box.waiting], [[['firm@elsewhere.example', 'ops@example.org']], 0])
})

test('who is not to be told yet is not turned away: a letter that no relay wants for one of two waits with its pauses', async () => {
  const { box, spare } = await withSpare(1, toBoth)
  const full = ['firm@elsewhere.example']
  for (const relay of [box.relay, spare]) relay.faults = { ...kind, full }
  await box.pass(minute)
  box.blurt(JSON.stringify({ key: 'pump', state: 'raised', text: 'one' }))
  await box.pass(minute)
  // The next letter for firm waits behind this one; for ops neither relay wants us.
  for (const relay of [box.relay, spare]) relay.faults = { ...kind, full, denied: ['ops@example.org'] }
  box.blurt(JSON.stringify({ key: 'pump', state: 'event', text: 'two' }))
  const before = box.net.tries.length
  await box.pass(30 * minute)
  assert.ok(box.net.tries.length - before < 20, `${box.net.tries.length - before} connections in half an hour`)
  for (const relay of [box.relay, spare]) relay.faults = { ...kind }
  await box.pass(day / 4)
  assert.equal(box.waiting, 0)
})

test('what is worst leaves first, also by the relay behind', async () => {
  const { box, spare } = await withSpare(1, { people })
  box.relay.faults = { ...kind, denied: ['ops@example.org'] }
  await box.send('fire', 'critical', 'fire')
  await box.pass(minute)
  box.away()
  await box.send('door', 'info', 'door', 'firm')
  await box.send('flood', 'critical', 'flood')
  box.back()
  await box.pass(5 * minute)
  const told = spare.taken.map(({ content }) => wordOf(content))
  assert.deepEqual([told, box.told()], [['fire', 'flood', 'door'], []], 'and whatever else is due goes with it')
})

test('whatever both relays put off and turn away, each person has each letter once', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { box, spare, reached } = await withSpare(seed, { ...toBoth, delivery: { digest: { from: 0 } } })
    box.relay.faults = { ...kind, ...ways[seed % 3], later: 6, denied: ['firm@elsewhere.example'] }
    spare.faults = { ...kind, ...ways[(seed + 1) % 3], later: 6, denied: seed % 2 === 0 ? ['ops@example.org'] : [] }
    await box.pass(minute)
    const words = Array.from({ length: 12 }, (_, index) => `fire${index}`)
    for (const word of words) {
      box.blurt(word)
      await box.pass(minute)
    }
    await box.pass(day)
    assert.deepEqual([box.waiting, notices(box)], [0, []], `seed ${seed}`)
    const expected = words.flatMap((word) => people.map(({ address }) => `${address} ${word}`))
    assert.deepEqual(reached().sort(), expected.sort(), `seed ${seed}`)
    assert.ok(box.net.tries.length < 400, `seed ${seed}: ${box.net.tries.length} tries`)
  }
})
