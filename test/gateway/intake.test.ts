import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intake } from '../../src/gateway/intake.ts'
import { type Facts, silent } from '../../src/ports/log.ts'

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

test('an alert that is refused for now is told when its wire sends it again, also by a decoder that tells only what is new', async () => {
  const told: string[] = []
  let isFull = true
  const take = intake({
    log: silent,
    offer: async (reading) => {
      if (isFull) return { kind: 'refused', why: 'full', hint: 'later', again: true }
      told.push(reading.text)
      return { kind: 'accepted', id: String(told.length), number: told.length, repeated: false }
    },
    decoderOf: () => 'alarm-decoder',
  })
  const says = (words: string) =>
    take({ source: 'panel', bytes: Buffer.from(`[1000000110000000----],008,[f70200000008001c08020000000000],"${words.padEnd(32)}"`) })
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'refused')
  isFull = false
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'accepted')
  assert.equal((await says('FAULT 08 FRONT DOOR')).kind, 'ignored', 'what was taken says nothing new')
  assert.equal(told.length, 1)
})
