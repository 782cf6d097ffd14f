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
