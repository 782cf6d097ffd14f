import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strayed } from '../../src/gateway/samples.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { effective } from '../../src/settings/schema.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** What `outpost check` says of the samples of rules. */
function said(rules: object[]): string[] {
  const sources = [
    { id: 'plc', kind: 'serial', path: '/dev/ttyUSB0' },
    { id: 'panel', kind: 'serial', path: '/dev/ttyUSB1', decode: 'contact-id' },
  ]
  const { settings, findings } = checkSettings(JSON.stringify({ sources, rules }))
  assert.ok(settings, JSON.stringify(findings))
  return strayed(effective(settings), new SimClock(new Timeline(), 'boot')).map((one) => `${one.path}: ${one.what}`)
}

const hot = (samples: object[]) => ({ id: 'hot', when: { field: 'value > 80' }, to: ['operator'], samples })

test('a sample that goes where its rule says, and reads as it says, is no finding', () => {
  const event = { source: 'panel', sent: '5011 181234E12101001\\x14', expect: { severity: 'critical', state: 'raised' } }
  assert.deepEqual(
    said([
      hot([
        { source: 'plc', sent: '{"key":"pump","value":81.2}\\r\\n', expect: { key: 'pump', value: 81.2 } },
        { source: 'plc', sent: '{"key":"pump","value":12}', taken: false },
        { source: 'broker', topic: 'alerts/x', sent: '{"value":90}' },
      ]),
      { id: 'panel', when: { source: 'panel' }, to: ['operator'], samples: [event] },
    ]),
    [],
  )
})

test('a sample that goes another way says why', () => {
  const all = { id: 'all', to: ['operator'] }
  assert.deepEqual(said([hot([{ source: 'plc', sent: '{"value":12}' }])]), [
    'rules[0].samples[0]: This sample is not taken by hot: value > 80 does not hold.',
  ])
  assert.deepEqual(said([all, hot([{ source: 'plc', sent: '{"value":90}' }])]), [
    'rules[1].samples[0]: This sample is not taken by hot: all takes it before.',
  ])
  assert.deepEqual(said([hot([{ source: 'plc', sent: '{"value":90}', taken: false }])]), [
    'rules[0].samples[0]: This sample is taken by hot, and must not be.',
  ])
  assert.deepEqual(said([hot([{ source: 'plc', sent: '{"value":90}', expect: { unit: 'bar' } }])]), [
    'rules[0].samples[0]: This sample reads unit as nothing, not "bar" (decoder outpost).',
  ])
  const [why] = said([{ id: 'panel', when: { source: 'panel' }, to: ['operator'], samples: [{ source: 'panel', sent: 'hello' }] }])
  assert.match(why ?? '', /^rules\[0\]\.samples\[0\]: This sample is no alert \(contact-id: /)
})

test('a sample of a source that is not there is refused by the check', () => {
  const { findings } = checkSettings(JSON.stringify({ rules: [hot([{ source: 'plx', sent: 'x' }])] }))
  assert.match(String(findings.map((one) => `${one.path}: ${one.what}`)), /rules\[0\]\.samples\[0\]\.source: There is no source plx/)
})
