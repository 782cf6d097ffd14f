import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stampNow } from '../../src/alert/stamp.ts'
import { Leftover } from '../../src/source/leftover.ts'
import { Remains } from '../../src/source/remains.ts'
import type { Heard, Held, Taken } from '../../src/source/source.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

const full: Taken = { kind: 'refused', why: 'the disk is full', hint: '', again: true }
const accepted: Taken = { kind: 'accepted', id: '1', number: 1, repeated: false }
const bytesOf = (...texts: string[]) => texts.map((text) => Buffer.from(text))

/** What the source `old` left: each frame with the places of which something is still to be taken. */
function scene(frames: readonly Uint8Array[], places?: readonly number[]) {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const stamp = stampNow(clock)
  const remains = new Remains()
  remains.leave('old', () => frames.map((bytes) => ({ bytes, stamp, ...(places ? { places } : {}) })))
  const logged: { level: string; event: string; facts: object }[] = []
  const heard: Heard[] = []
  const gateway = { take: async (_: Heard): Promise<Taken> => accepted }
  const tools = {
    clock,
    remains,
    log: (level: string, event: string, facts = {}) => void logged.push({ level, event, facts }),
    take: (one: Heard) => {
      heard.push(one)
      return gateway.take(one)
    },
  }
  const live = (ms: number) => timeline.run(timeline.now + ms)
  const texts = () => heard.map(({ bytes }) => Buffer.from(bytes).toString())
  const next = () => new Leftover('old', tools)
  return { leftover: next(), next, remains, logged, heard, texts, gateway, live, stamp }
}

test('what is left is taken under the name of its source, as far as it was not, in its order, and with the time when it was heard; and the log says so', async () => {
  const { leftover, remains, logged, heard, texts, live, stamp } = scene(bytesOf('one', 'two'), [2])
  leftover.start()
  await live(1)
  assert.deepEqual(texts(), ['one', 'two'])
  for (const { source, heardAt, places } of heard) assert.deepEqual([source, heardAt, places], ['old', stamp, [2]])
  assert.deepEqual(
    logged.map(({ level, facts }) => [level, facts]),
    [['warning', { source: 'old', frames: 2 }]],
  )
  await leftover.stop()
  assert.deepEqual(remains.sources, [], 'nobody gets it once more')
})

test('what is refused for now, and what meets a fault, is offered again every second', async () => {
  const { leftover, gateway, texts, heard, live } = scene(bytesOf('one'))
  gateway.take = async () => full
  leftover.start()
  await live(1)
  gateway.take = async () => {
    throw new Error('a bug')
  }
  await live(2000)
  const offered = heard.length
  gateway.take = async () => accepted
  await live(1000)
  assert.equal(heard.length, offered + 1)
  await live(60_000)
  assert.equal(heard.length, offered + 1, 'once it is taken it is over')
  assert.deepEqual([...new Set(texts())], ['one'])
})

test('a frame that is partly taken is understood once, and only the rest is offered again', async () => {
  const { leftover, gateway, heard, live } = scene(bytesOf('one'))
  let offers = 0
  const held: Held = { place: 1, severity: 'warning', state: 'event', offer: async () => (++offers < 3 ? full : accepted) }
  gateway.take = async () => ({ ...full, held: [held] })
  leftover.start()
  await live(60_000)
  assert.deepEqual([heard.length, offers], [1, 3])
})

test('what of a frame was accepted is not told anew, however often the settings change while the rest is refused', async () => {
  const { leftover, next, gateway, heard, live } = scene(bytesOf('one'))
  const held: Held = { place: 1, severity: 'warning', state: 'event', offer: async () => full }
  gateway.take = async () => ({ ...full, held: [held] })
  for (const one of [leftover, next(), next()]) {
    one.start()
    await live(5000)
    await one.stop()
  }
  assert.deepEqual(
    heard.map(({ places }) => places),
    [undefined, [1], [1]],
  )
})

test('what is not taken before the stop goes to the next gateway, as far as it was not', async () => {
  const { leftover, remains, gateway, live, stamp } = scene(bytesOf('one', 'two'), [1])
  gateway.take = async ({ bytes }) => (Buffer.from(bytes).toString() === 'one' ? accepted : full)
  leftover.start()
  await live(1)
  await leftover.stop()
  assert.deepEqual(remains.sources, ['old'])
  assert.deepEqual(remains.take('old'), [{ bytes: Buffer.from('two'), stamp, places: [1] }])
})

test('a stop waits two seconds for a frame in hand; should it be accepted after that, it is not left', async () => {
  const { leftover, remains, gateway, live } = scene(bytesOf('one', 'two'))
  const answer = Promise.withResolvers<Taken>()
  gateway.take = () => answer.promise
  leftover.start()
  let isOver = false
  void leftover.stop().then(() => {
    isOver = true
  })
  await live(1900)
  assert.ok(!isOver)
  await live(200)
  assert.ok(isOver)
  answer.resolve(accepted)
  await live(1)
  assert.deepEqual(
    remains.take('old').map(({ bytes }) => Buffer.from(bytes).toString()),
    ['two'],
  )
})

test('a source that left nothing is no news', async () => {
  const { leftover, remains, logged, heard, live } = scene([])
  leftover.start()
  await live(60_000)
  await leftover.stop()
  assert.deepEqual([logged, heard, remains.sources], [[], [], []])
})
