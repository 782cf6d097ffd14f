import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestFitting } from '../../src/alert/fitting.ts'
import { stampNow } from '../../src/alert/stamp.ts'
import { Diary } from '../../src/gateway/diary.ts'
import { besideOf } from '../../src/gateway/roster.ts'
import { silent } from '../../src/ports/log.ts'
import { momentOf } from '../../src/queue/moment.ts'
import { Queue } from '../../src/queue/queue.ts'
import { Standing } from '../../src/rules/standing.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** What stands at the head of every segment grows with what comes from outside: keys, and the people of a rule. */
const timeline = new Timeline()
const clock = new SimClock(timeline, 'boot')

async function opened(disk: SimDisk) {
  const standing = new Standing({
    now: () => clock.monotonic(),
    stamp: () => stampNow(clock),
    momentOf: (stamp) => momentOf(stamp, clock),
    remembers: () => ({ letters: 0, changes: 0 }),
    groupOf: () => '',
  })
  const queue = await settled(Queue.open({ disk, clock, log: silent, dir: 'journal', maxMiB: 4, beside: besideOf(standing, new Diary()) }))
  return { standing, queue }
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  void promise.then((value) => {
    result = { value }
  })
  await timeline.run(timeline.now + 60_000, () => result !== undefined)
  assert.ok(result, 'it came to an end')
  return result.value
}

test('512 raised alerts with long keys for many people leave room for what comes: nothing is refused, no segment outgrows its size', async () => {
  const disk = new SimDisk()
  const { queue, standing } = await opened(disk)
  const to = Array.from({ length: 8 }, (_, index) => `member.of.the.staff.${index}@example.org`)
  const accept = async (text: string, more: object) => {
    const stamp = stampNow(clock)
    const offer = { source: 'field', text, severity: 'critical' as const, state: 'event' as const, to: ['ops'], stamp, ...more }
    const taken = await settled(queue.accept(offer))
    assert.ok(taken.kind === 'accepted', `${text.slice(0, 20)}: ${taken.kind === 'refused' ? taken.why : taken.kind}`)
    for (const one of offer.to) queue.mark(taken.id, { kind: 'delivered', to: [one] })
  }
  for (let i = 0; i < 512; i++)
    await accept(`Pump ${i}: `.padEnd(100, '水'), { state: 'raised', key: `site/${i}/`.padEnd(200, '水'), rule: 'alarms', to })
  for (let i = 0; i < 3000; i++) await accept(`event ${i} `.padEnd(1000, 'z'), {})
  for (const path of disk.paths()) assert.ok(((await disk.size(path)) ?? 0) <= 1024 * 1024, path)
  await settled(queue.close())
  const after = await opened(disk)
  const newest = after.standing.situations
  assert.ok(newest.length > 100 && newest.length < 512)
  assert.deepEqual(newest, standing.situations.slice(-newest.length), 'the newest are remembered, with all of their people')
  assert.deepEqual(newest.at(-1)?.to, to)
})

test('the newest that fit', () => {
  assert.deepEqual(newestFitting(['aaaa', 'bb', 'cc'], 10), ['bb', 'cc'])
  assert.deepEqual(newestFitting(['水'], 5), [])
  assert.deepEqual(newestFitting(['水'], 6), ['水'])
})
