import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Box } from './box.ts'

const hourMs = 3_600_000
const began = async (settings: Record<string, unknown>, seed = 1) => {
  const box = new Box(seed, settings)
  await box.boot()
  return box
}
const perDay = (letters: number, MiB = 20) => ({ delivery: { perDay: { letters, MiB } } })
const budget = (box: Box) => box.gateway.desk.state().budget

test('when the letters of the day are used up, warnings wait for midnight of the site, and critical ones leave', async () => {
  const box = await began(perDay(3))
  box.away()
  for (const name of ['a', 'b', 'c', 'd']) await box.send(name)
  await box.send('worse', 'critical')
  box.back()
  await box.pass(10_000)
  assert.deepEqual(box.told(), ['worse', 'a', 'b'])
  await box.send('worst', 'critical')
  await box.pass(10_000)
  assert.deepEqual(box.told(), ['worse', 'a', 'b', 'worst'])
  assert.equal(budget(box)?.letters, 4)
  const { letters } = await box.settled(box.gateway.desk.list())
  assert.match(letters[0]?.why ?? '', /budget of the day is used up/)
  assert.equal(letters[0]?.attempts, 0)
  await box.pass(20 * hourMs)
  assert.equal(box.waiting, 2, 'the whole day')
  assert.equal(box.log.filter((one) => one.event.startsWith('budget: used up')).length, 1, 'said once a day')
  await box.pass(4 * hourMs + 120_000)
  assert.equal(box.waiting, 0)
  assert.deepEqual(box.told().slice(-2), ['c', 'd'])
})

test('the budget counts what left, to the octet, and says until when', async () => {
  const box = await began(perDay(500, 1))
  await box.send('a')
  await box.send('b')
  await box.pass(10_000)
  const { letters, octets, of, until } = budget(box) ?? assert.fail()
  assert.equal(letters, 2)
  const sent = box.log.filter((one) => one.event === 'relay: flight over').reduce((sum, one) => sum + Number(one.facts.sent), 0)
  assert.equal(octets, sent)
  assert.deepEqual(of, { letters: 500, octets: 1_048_576 })
  assert.equal(until, '2026-12-02T00:00:00.000Z')
})

test('octets use the budget up, too', async () => {
  const box = await began(perDay(500, 0.002))
  for (let i = 0; i < 8; i++) await box.send(`letter ${i}`)
  await box.pass(10_000)
  const { octets, of, letters } = budget(box) ?? assert.fail()
  assert.ok(octets >= of.octets && octets < of.octets + 1500, `${octets} of ${of.octets}`)
  assert.equal(box.waiting, 8 - letters)
  assert.ok(letters > 0 && letters < 8)
})

test('what is refused after its content has cost its octets, and is no letter that left', async () => {
  const box = await began(perDay(500))
  const serve = box.relay.serve.bind(box.relay)
  box.relay.serve = (wire) => {
    const { send } = wire
    wire.send = (text) => send(String(text).startsWith('250 2.0.0') ? '554 5.7.1 not wanted\r\n' : text)
    serve(wire)
  }
  await box.send('a')
  await box.pass(10_000)
  assert.equal(box.waiting, 0, 'there is a notice of it in the mailbox')
  const { letters, octets } = budget(box) ?? assert.fail()
  assert.equal(letters, 0)
  assert.ok(octets > 500, `${octets}`)
})

test('the count survives a power cut at any moment, and a full journal that turns over', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const box = await began(perDay(10), seed)
    for (let i = 0; i < 4; i++) await box.send(`a${i}`)
    await box.pass(2000 + box.random.below(4000))
    const before = budget(box)?.letters ?? 0
    assert.equal(before, 4)
    await box.powerCut()
    assert.equal(budget(box)?.letters, 4, `seed ${seed}`)
    // Enough to recycle every segment that stands; local mail costs nothing.
    for (let i = 0; i < 300; i++)
      await box.settled(
        box.gateway.desk.send({ to: 'operator@site.example.org', severity: 'info', text: `filler ${i} ${'y'.repeat(800)}` }),
      )
    await box.pass(5000)
    assert.equal(budget(box)?.letters, 4, `seed ${seed}: mail on the box is free`)
    await box.powerCut()
    assert.equal(budget(box)?.letters, 4, `seed ${seed}: the count moved on with the journal`)
    for (let i = 0; i < 12; i++) await box.send(`b${i}`)
    await box.pass(10_000)
    assert.equal(budget(box)?.letters, 10, `seed ${seed}`)
    assert.equal(box.waiting, 6, `seed ${seed}`)
  }
})

test('a clock that jumps to another day pays for nothing twice', async () => {
  const box = await began(perDay(2))
  box.clock.set = 'no'
  box.clock.wrongBy = -100 * 24 * hourMs
  for (const name of ['a', 'b', 'c']) await box.send(name)
  await box.pass(10_000)
  assert.equal(box.waiting, 1)
  box.clock.wrongBy = 0
  box.clock.set = 'yes'
  await box.pass(hourMs)
  assert.equal(box.waiting, 1, 'what left a moment ago left today')
  box.clock.wrongBy = -48 * hourMs
  await box.pass(hourMs)
  assert.equal(box.waiting, 1)
  box.clock.wrongBy = 0
  await box.pass(24 * hourMs)
  assert.equal(box.waiting, 0)
})

const metered = { delivery: { links: [{ interface: 'wwan0' }], meteredMaxBytes: 2000, keep: '2d' } }
const large = (word: string) => `${word}\n${'z '.repeat(1500)}`
const onRadio = async (settings: Record<string, unknown> = metered) => {
  const box = await began(settings)
  box.link.change('eth0', { up: false })
  box.link.change('wwan0', { up: true, address: '192.0.2.77', defaultRoute: true })
  return box
}

test('over a metered link small and critical letters leave, large ones wait for another link and say so', async () => {
  const box = await onRadio()
  await box.send(large('large'), 'warning', 'log')
  await box.send('small', 'warning', 'door')
  await box.send(large('urgent'), 'critical')
  await box.pass(10_000)
  assert.deepEqual(box.told().sort(), ['small', 'urgent'])
  const { letters, link } = await box.settled(box.gateway.desk.list())
  assert.match(letters[0]?.why ?? '', /^It is large, and the link is metered/)
  assert.equal(link?.metered, true)
})

test('the cable is back: what waited for it leaves within a second', async () => {
  const box = await onRadio()
  await box.send(large('large'))
  await box.pass(hourMs)
  assert.deepEqual(box.net.tries, [], 'nobody even connects for it')
  box.link.change('eth0', { up: true, metric: 50 })
  await box.pass(2000)
  assert.deepEqual(box.told(), ['large'])
})

test('a large letter leaves over the metered link when half of its keep time is over', async () => {
  const box = await onRadio()
  await box.send(large('large'))
  await box.pass(23.9 * hourMs)
  assert.equal(box.waiting, 1)
  await box.pass(0.2 * hourMs)
  assert.deepEqual(box.told(), ['large'])
})

test('a small letter does not pass its large elder of the same key, a critical one does', async () => {
  const box = await onRadio()
  await box.send(large('raised'), 'warning', 'k')
  await box.send('cleared', 'warning', 'k')
  await box.send('worse', 'critical', 'k')
  await box.pass(10_000)
  assert.deepEqual(box.told(), ['worse'])
  box.link.change('eth0', { up: true, metric: 50 })
  await box.pass(2000)
  assert.deepEqual(box.told(), ['worse', 'raised', 'cleared'])
})

test('a relay of the neighbourhood costs nothing, whatever the default route is', async () => {
  const box = await onRadio({ ...metered, relays: [{ id: 'lan', host: '198.51.100.9', security: 'none', port: 25 }] })
  box.link.change('eth0', { up: true })
  await box.send(large('large'))
  await box.pass(5000)
  assert.deepEqual(box.told(), ['large'])
})

test('everybody who is told of one alert behind a relay gets it in one transaction', async () => {
  const people = ['a', 'b', 'c'].map((id) => ({ id, name: id, address: `${id}@example.org` }))
  const box = await began({ people, sources: [], rules: [{ id: 'all', to: ['a', 'b', 'c'] }] })
  await box.settled(box.gateway.desk.send({ to: 'a', severity: 'warning', text: 'one' }))
  await box.pass(5000)
  assert.deepEqual(
    box.relay.taken.map((letter) => letter.to),
    [['a@example.org']],
  )
})
