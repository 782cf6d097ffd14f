import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RelayHealth } from '../../src/relay/health.ts'
import { SimRandom } from '../sim/world/random.ts'

test('a resting relay tells why and what to do, of its last fault only', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  health.failed('isp', { stage: 'auth', why: 'The login was refused.', hint: 'Check it.', hold: true }, 0)
  assert.deepEqual(health.list(), [{ id: 'isp', attempts: 1, held: true, why: 'The login was refused.', hint: 'Check it.' }])
  health.failed('isp', { stage: 'connect', why: 'It broke.' }, 0)
  assert.deepEqual(health.list(), [{ id: 'isp', attempts: 2, held: false, why: 'It broke.' }])
  health.succeeded('isp', 7000)
  assert.deepEqual(health.list(), [{ id: 'isp', attempts: 0, held: false, goodAt: 7000 }])
  health.failed('isp', { stage: 'dns', why: 'no' }, 9000)
  assert.equal(health.list()[0]?.goodAt, 7000, 'a later fault does not hide the success')
})

test('who does not want us for somebody is passed by for him alone, says why, and is asked again in ten minutes or when somebody asks', () => {
  const health = new RelayHealth(['isp', 'spare'], new SimRandom(1))
  const why = () => health.list().map((one) => one.why)
  health.turnedAway('isp', ['ops@x.org', 'firm@x.org'], 0, 'No relaying.')
  health.turnedAway('nobody', ['ops@x.org'], 0, 'No relaying.')
  assert.deepEqual([health.choose(0).relay, health.passesBy(0), why()], ['isp', true, ['No relaying.', undefined]])
  assert.deepEqual(
    ['ops@x.org', 'firm@x.org', 'other@x.org'].map((one) => health.isUnwanted('isp', one, 599_999)),
    [true, true, false],
  )
  assert.deepEqual([health.isUnwanted('spare', 'ops@x.org', 0), health.isUnwanted('isp', 'ops@x.org', 600_000)], [false, false])
  health.succeeded('isp', 300_000)
  assert.deepEqual(
    [health.isUnwanted('isp', 'ops@x.org', 300_000), why()[0]],
    [true, 'No relaying.'],
    'a success for others says nothing of it',
  )
  health.failed('isp', { stage: 'connect', why: 'It broke.' }, 300_000)
  assert.equal(why()[0], 'It broke.')
  health.succeeded('isp', 600_000)
  assert.deepEqual([health.passesBy(600_000), why()], [false, [undefined, undefined]])
  health.turnedAway('isp', ['ops@x.org'], 700_000, 'No relaying.')
  health.release()
  assert.deepEqual([health.isUnwanted('isp', 'ops@x.org', 700_000), why()[0]], [false, undefined])
})

test('of the addresses that a relay does not want the newest thousand are kept in mind', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  for (let one = 0; one <= 1000; one++) health.turnedAway('isp', [`${one}@x.org`], 0)
  assert.deepEqual(
    [0, 1, 1000].map((one) => health.isUnwanted('isp', `${one}@x.org`, 0)),
    [false, true, true],
  )
})
