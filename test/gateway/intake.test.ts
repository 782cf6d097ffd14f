import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intake } from '../../src/gateway/intake.ts'
import type { Facts } from '../../src/ports/log.ts'
import { silent } from '../../src/ports/log.ts'
import { Queue } from '../../src/queue/queue.ts'
import { compileRules } from '../../src/rules/match.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { Timeline } from '../sim/world/timeline.ts'

test('what tells nothing is passed over with its reason in the log: the first time, the second, the fourth …', async () => {
  const said: [string, Facts | undefined][] = []
  const clock = new SimClock(new Timeline(), 'boot-1')
  const queue = await Queue.open({ disk: new SimDisk(), clock, log: silent, dir: 'journal', maxMiB: 1, segmentBytes: 65_536 })
  const take = intake({
    clock,
    log: (_, event, facts) => said.push([event, facts]),
    queue,
    rules: compileRules([]),
    fallback: 'ops',
    decoderOf: () => 'auto',
    onAccepted: () => assert.fail('nothing is accepted'),
  })
  for (let i = 0; i < 100; i++) assert.equal((await take({ source: 'plc', bytes: Buffer.from('\0\r\n') })).kind, 'ignored')
  assert.equal((await take({ source: 'field', bytes: Buffer.alloc(0), retained: true })).kind, 'ignored')
  assert.ok(said.every(([event]) => event === 'ignored: nothing to tell'))
  assert.deepEqual(
    said.map(([, facts]) => [facts?.source, facts?.why, facts?.times]),
    [
      ...[1, 2, 4, 8, 16, 32, 64].map((times) => ['plc', 'an empty frame', times]),
      ['field', 'an empty retained payload clears its topic', 1],
    ],
  )
})
