import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intake } from '../../src/gateway/intake.ts'
import type { Facts } from '../../src/ports/log.ts'

test('what tells nothing is passed over with its reason in the log: the first time, the second, the fourth …', async () => {
  const said: [string, Facts | undefined][] = []
  const take = intake({
    log: (_, event, facts) => said.push([event, facts]),
    offer: () => assert.fail('nothing is offered'),
    decoderOf: () => 'auto',
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
