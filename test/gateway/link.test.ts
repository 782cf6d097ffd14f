import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimRandom } from '../sim/world/random.ts'
import { Box } from './box.ts'

const hourMs = 3_600_000
const began = async (settings: Record<string, unknown> = {}, seed = 1) => {
  const box = new Box(seed, settings)
  await box.boot()
  return box
}

test('while there is no way nothing is tried, and no letter counts a try', async () => {
  const box = await began()
  box.away()
  await box.send('a')
  await box.pass(6 * hourMs)
  assert.deepEqual(box.net.tries, [])
  const { letters } = await box.settled(box.gateway.desk.list())
  assert.equal(letters[0]?.attempts, 0)
  assert.equal(box.gateway.desk.state().relays[0]?.attempts, 0)
  const { link } = box.gateway.desk.state()
  assert.equal(link?.up, false)
  assert.match(link?.why ?? '', /No network interface/)
})

test('nobody watches the link before a letter waits for it, nor after it has left', async () => {
  const box = await began()
  assert.equal(box.link.watchers, 0)
  await box.send('a')
  await box.pass(10_000)
  assert.deepEqual(box.told(), ['a'])
  assert.equal(box.link.watchers, 0)
  box.away()
  await box.send('b')
  await box.pass(10_000)
  assert.equal(box.link.watchers, 1)
  box.back()
  await box.pass(10_000)
  assert.deepEqual(box.told(), ['a', 'b'])
  assert.equal(box.link.watchers, 0)
})

test('the first try comes within a second of the way, for what is not critical a little later after a long outage, and none while it is away', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const box = await began({}, seed)
    const random = new SimRandom(seed)
    const awayFrom: [number, number][] = []
    const returns: { at: number; within: number }[] = []
    for (let i = 0; i < 12; i++) {
      if (random.once(2)) await box.send(`letter ${i}`)
      await box.pass(random.below(hourMs))
      const from = box.timeline.now
      box.away(random.once(2))
      const critical = random.once(2)
      if (random.once(2)) await box.send(`away ${i}`, critical ? 'critical' : 'warning')
      await box.pass(random.once(3) ? random.below(60_000) : random.below(3 * hourMs))
      const waits = box.waiting > 0
      const patience = critical ? 0 : Math.min(60_000, (box.timeline.now - from) / 60)
      awayFrom.push([from, box.timeline.now])
      // A mobile net gives another address each time; what hung on the old one hangs for ever.
      box.back({ address: `198.51.100.${10 + i}` })
      if (waits) returns.push({ at: box.timeline.now, within: 1000 + patience })
      await box.pass(63_000)
    }
    await box.pass(60_000)
    assert.equal(box.waiting, 0, `seed ${seed}: all have left`)
    for (const at of box.net.tries)
      assert.ok(!awayFrom.some(([from, to]) => at > from && at < to), `seed ${seed}: a try at ${at} while the link was away`)
    for (const { at, within } of returns)
      assert.ok(
        box.net.tries.some((one) => one >= at && one <= at + within),
        `seed ${seed}: no try within ${within} ms of ${at}: ${box.net.tries}`,
      )
  }
})

test('after a long outage boxes knock by lot, spread over a minute; a critical letter does not wait, and takes the others along', async () => {
  const waited: number[] = []
  for (let seed = 1; seed <= 40; seed++) {
    const box = await began({}, seed)
    box.away()
    await box.send('a')
    await box.pass(2 * hourMs)
    box.back()
    const at = box.timeline.now
    if (seed > 20) {
      await box.pass(700)
      await box.send('b', 'critical')
    }
    await box.pass(62_000)
    assert.equal(box.waiting, 0)
    const [first = Number.POSITIVE_INFINITY] = box.net.tries
    if (seed > 20) assert.ok(first <= at + 800, `seed ${seed}: ${first - at} ms`)
    else waited.push(first - at)
  }
  assert.ok(Math.max(...waited) <= 61_000, `${waited}`)
  for (const part of [0, 1, 2])
    assert.ok(
      waited.some((ms) => ms >= part * 20_000 && ms < (part + 1) * 20_000),
      `nobody knocked in part ${part} of the minute: ${waited}`,
    )
})

test('the lot is drawn once: a link that flaps does not put a backlog off again and again', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const box = await began({}, seed)
    box.away()
    await box.send('a')
    await box.pass(2 * hourMs)
    const at = box.timeline.now
    // Ten seconds there, five away.
    for (let i = 0; i < 8; i++) {
      box.back()
      await box.pass(10_000)
      box.away()
      await box.pass(5000)
    }
    assert.equal(box.waiting, 0, `seed ${seed}`)
    assert.ok((box.net.tries[0] ?? 0) <= at + 67_000)
  }
})

test('whoever asks for it need not wait for the lot', async () => {
  const box = await began({}, 3)
  box.away()
  await box.send('a')
  await box.pass(2 * hourMs)
  box.back()
  await box.pass(600)
  box.gateway.desk.retry()
  await box.pass(1000)
  assert.deepEqual(box.told(), ['a'])
})

test('a default route that comes after the address is tried at once, too', async () => {
  const box = await began()
  box.away()
  await box.send('a')
  await box.pass(60_000)
  // The address is there, but no name server is reached without the route.
  box.link.change('eth0', { up: true, defaultRoute: false })
  await box.pass(5000)
  assert.equal(box.net.tries.length, 1)
  const at = box.timeline.now
  box.back()
  await box.pass(1000)
  assert.ok((box.net.tries[1] ?? 0) >= at)
  assert.deepEqual(box.told(), ['a'])
})

test('a name that fails is not asked more often than the relay rests, however the link flaps', async () => {
  const box = await began()
  box.net.up = false
  await box.send('a')
  await box.pass(hourMs)
  const steady = box.net.tries.length
  assert.ok(steady >= 5 && steady <= 16, `${steady} tries in an hour with a link that stays`)
  for (let i = 0; i < 900; i++) {
    box.link.change('eth0', { up: i % 2 === 1 })
    await box.pass(2000)
  }
  const flapping = box.net.tries.length - steady
  // 450 returns: three are believed, each try after that rests 3, 15, 30, 60, 120, 300, 600 s.
  assert.ok(flapping >= 3 && flapping <= 14, `${flapping} tries in half an hour of flapping`)
})

test('a relay that refused the password stays alone when the link comes back', async () => {
  const box = await began()
  box.relay.serve = (wire) => {
    wire.onData = (bytes) => wire.send(`${Buffer.from(bytes).toString().startsWith('EHLO') ? '250 relay' : '530 5.7.0 log in first'}\r\n`)
    wire.send('220 relay\r\n')
  }
  await box.send('a')
  await box.pass(60_000)
  assert.equal(box.gateway.desk.state().relays[0]?.held, true)
  const { length } = box.net.tries
  box.away()
  await box.pass(60_000)
  box.back()
  await box.pass(hourMs)
  assert.equal(box.net.tries.length, length)
})

test('a relay of the neighbourhood is reached without a default route, one of this machine without any link', async () => {
  const near = await began({ relays: [{ id: 'lan', host: '198.51.100.9', security: 'none', port: 25 }] })
  near.link.change('eth0', { defaultRoute: false })
  await near.send('a')
  await near.pass(5000)
  assert.deepEqual(near.told(), ['a'])
  const own = await began({ relays: [{ id: 'own', host: 'localhost', security: 'none', port: 25 }] })
  own.link.change('eth0', { up: false })
  await own.send('a')
  await own.pass(5000)
  assert.deepEqual(own.told(), ['a'])
})

test('a relay without a route is passed over for the next one', async () => {
  const box = await began({
    relays: [
      { id: 'far', host: '203.0.113.9', security: 'none', port: 25 },
      { id: 'lan', host: '198.51.100.9', security: 'none', port: 25 },
    ],
  })
  box.link.change('eth0', { defaultRoute: false })
  await box.send('a')
  await box.pass(5000)
  assert.deepEqual(box.told(), ['a'])
  const [far, lan] = box.gateway.desk.state().relays
  assert.deepEqual([far?.attempts, lan?.attempts], [0, 0])
})

test('where the system does not tell, everything is tried as if there were a way', async () => {
  const box = await began()
  box.link.known = false
  box.net.up = false
  await box.send('a')
  await box.pass(hourMs)
  assert.ok(box.net.tries.length >= 5)
  box.net.up = true
  await box.pass(hourMs)
  assert.deepEqual(box.told(), ['a'])
})

test('a flight whose address is gone is given up as soon as there is another way; its letter arrives under one name', async () => {
  const box = await began()
  let content = false
  const serve = box.relay.serve.bind(box.relay)
  box.relay.serve = (wire) => {
    serve(wire)
    const { onData } = wire
    wire.onData = (bytes) => {
      onData(bytes)
      if (!content && Buffer.from(bytes).includes('Message-ID')) {
        content = true
        box.away(true)
      }
    }
  }
  await box.send('a')
  await box.pass(30_000)
  assert.equal(content, true)
  assert.equal(box.waiting, 1)
  box.link.change('wwan0', { up: true, address: '192.0.2.77', defaultRoute: true })
  box.net.up = true
  await box.pass(2000)
  assert.equal(box.waiting, 0, 'nobody waited for the time-out')
  assert.equal(new Set(box.relay.taken.map((letter) => letter.messageId)).size, 1)
  assert.equal(new Set(box.relay.taken.map((letter) => letter.content)).size, 1)
})

test('a link that comes back while it is being looked at is not overlooked', async () => {
  const box = await began({ relays: [{ id: 'far', host: '203.0.113.9', security: 'none', port: 25 }] })
  box.away()
  await box.send('a')
  await box.pass(5000)
  const look = box.link.route.bind(box.link)
  box.link.route = async (address) => {
    const seen = await look(address)
    await new Promise<void>((resolve) => void box.timeline.at(600, resolve))
    return seen
  }
  await box.send('b')
  box.back()
  await box.pass(3000)
  assert.deepEqual(box.told(), ['a', 'b'])
})

test('an attempt to connect that hangs is given up when the link gets better, and when the gateway stops', async () => {
  const box = await began()
  const connect = box.net.connect.bind(box.net)
  let hangs = true
  box.net.connect = (target) => {
    const connecting = connect(target)
    return hangs ? new Promise(() => {}) : connecting
  }
  await box.send('a')
  await box.pass(20_000)
  assert.equal(box.net.tries.length, 1)
  hangs = false
  box.away()
  await box.pass(5000)
  box.back()
  await box.pass(2000)
  assert.deepEqual(box.told(), ['a'])
  hangs = true
  await box.send('b')
  await box.pass(1000)
  const at = box.timeline.now
  await box.settled(box.gateway.stop())
  assert.ok(box.timeline.now - at <= 10_100, `${box.timeline.now - at} ms`)
})
