import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stampNow } from '../../src/alert/stamp.ts'
import { silent } from '../../src/ports/log.ts'
import { Queue } from '../../src/queue/queue.ts'
import { Box } from '../gateway/box.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

const history = async (box: Box, before?: number) => (await box.settled(box.gateway.desk.past(before))).letters

test('letters that have left are told with their fate and when, newest first, also after a power cut', async () => {
  const box = new Box(3)
  await box.boot()
  for (let i = 1; i <= 3; i++) await box.send(`alert ${i}`)
  await box.pass(20_000)
  box.relay.faults.never = 1
  await box.send('nobody wants this')
  await box.pass(20_000)
  const check = async () => {
    const letters = await history(box)
    assert.deepEqual(
      letters.map(({ text, outcomes }) => [text, outcomes.map(({ kind, to }) => `${kind} ${to}`)]),
      [
        ['nobody wants this', ['refused ops']],
        ['alert 3', ['delivered ops']],
        ['alert 2', ['delivered ops']],
        ['alert 1', ['delivered ops']],
      ],
    )
    assert.match(letters[0]?.outcomes[0]?.why ?? '', /5\d\d/)
    for (const { accepted, outcomes } of letters) assert.ok((outcomes[0]?.at ?? 0) >= accepted)
  }
  await check()
  await box.powerCut()
  await check()
  const [, second] = await history(box)
  assert.deepEqual(
    (await history(box, second?.id)).map(({ text }) => text),
    ['alert 2', 'alert 1'],
  )
})

test('what waits is no history, and what a digest told names it', async () => {
  const box = new Box(4)
  await box.boot()
  box.away()
  for (let i = 1; i <= 6; i++) await box.send(`alert ${i}`)
  await box.pass(30 * 60_000)
  assert.deepEqual(await history(box), [])
  box.back()
  await box.pass(60_000)
  const letters = await history(box)
  const digest = letters.find(({ source }) => source === 'outpost')
  assert.deepEqual(
    digest?.outcomes.map(({ kind }) => kind),
    ['delivered'],
  )
  const merged = letters.filter(({ source }) => source === 'cli')
  assert.equal(merged.length, 6)
  for (const { outcomes } of merged) assert.deepEqual([outcomes[0]?.kind, outcomes[0]?.why], ['merged', `told by letter ${digest?.id}`])
})

test('when the journal has been written over many times, the newest letters are told without a gap', async () => {
  const box = new Box(5, { queue: { maxMiB: 4 } })
  await box.boot()
  for (let i = 1; i <= 1500; i++) {
    await box.send(`alert ${i} ${'x'.repeat(500)}`)
    if (i % 50 === 0) await box.pass(20_000)
  }
  const letters = await history(box)
  // Segments of this box are a sixteenth of real ones.
  assert.ok(letters.length >= 50, `${letters.length}`)
  const expected = letters.map((_, index) => `alert ${1500 - index}`)
  assert.deepEqual(
    letters.map(({ text }) => text.slice(0, text.indexOf(' x'))),
    expected,
  )
})

test('letters that waited long and were copied forward hide none that came after them', async () => {
  const timeline = new Timeline()
  const clock = new SimClock(timeline, 'boot')
  const done = async <T>(promise: Promise<T>): Promise<T> => {
    let result: { value: T } | undefined
    void promise.then((value) => {
      result = { value }
    })
    await timeline.run(timeline.now + 60_000, () => result !== undefined)
    assert.ok(result)
    return result.value
  }
  const options = { disk: new SimDisk(), clock, log: silent, dir: 'journal', maxMiB: 1, segmentBytes: 64 * 1024 }
  const queue = await done(Queue.open(options))
  const accept = async (text: string): Promise<number> => {
    const stamp = stampNow(clock)
    const one = await done(queue.accept({ source: 'plc', text, severity: 'warning', state: 'event', to: ['ops'], stamp }))
    assert.ok(one.kind === 'accepted')
    return one.id
  }
  const old: number[] = []
  for (let i = 0; i < 40; i++) old.push(await accept(`old ${i}`))
  const first = queue.waiting.get(old[0] ?? 0)?.segment
  let last = 0
  const wasCopied = () => old.every((id) => queue.waiting.get(id)?.segment !== first)
  for (let i = 0; i < 4000 && !wasCopied(); i++) {
    last = await accept(`new ${i} ${'y'.repeat(200)}`)
    queue.mark(last, { kind: 'delivered', to: ['ops'] })
  }
  assert.ok(wasCopied(), 'the old ones lie among the newest')
  for (const id of old) queue.mark(id, { kind: 'delivered', to: ['ops'] })
  await timeline.run(timeline.now + 5000)
  const told = await done(queue.past(200))
  assert.deepEqual(
    told.map(({ id }) => id),
    Array.from({ length: 200 }, (_, index) => last - index),
  )
})
