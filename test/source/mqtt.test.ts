import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerMessage } from '../../src/ports/broker.ts'
import { silent } from '../../src/ports/log.ts'
import { takeMessage } from '../../src/source/mqtt.ts'
import type { Heard, SourceTools, Taken } from '../../src/source/source.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimRandom } from '../sim/world/random.ts'
import { Timeline } from '../sim/world/timeline.ts'

const message: BrokerMessage = { topic: 'alerts/a\r\nb\0', payload: Buffer.from('x'), qos: 1, retain: false, dup: true, packetId: 7 }
const refused = (again: boolean): Taken => ({ kind: 'refused', why: 'full', hint: '', again })

async function take(taken: Taken | Error, heard: Heard[] = []) {
  const tools: SourceTools = {
    clock: new SimClock(new Timeline(), 'b'),
    random: new SimRandom(1),
    log: silent,
    take: async (one) => {
      heard.push(one)
      if (taken instanceof Error) throw taken
      return taken
    },
  }
  return takeMessage('field', message, tools)
}

test('only what is durable, or never will be an alert, is acknowledged to the broker', async () => {
  assert.equal(await take({ kind: 'accepted', id: '1', number: 1, repeated: false }), 'taken')
  assert.equal(await take({ kind: 'ignored', why: 'empty' }), 'taken')
  assert.equal(await take(refused(false)), 'taken')
  assert.equal(await take(refused(true)), 'refused')
  assert.equal(await take(new Error('a bug')), 'refused')
})

test('a transmission is named by packet identifier and content, and its topic is clean', async () => {
  const heard: Heard[] = []
  await take({ kind: 'ignored', why: '' }, heard)
  assert.match(heard[0]?.transmission ?? '', /^7:[0-9a-f]{16}$/)
  assert.equal(heard[0]?.dup, true)
  assert.doesNotMatch(heard[0]?.topic ?? '', /[\r\n\0]/)
})
