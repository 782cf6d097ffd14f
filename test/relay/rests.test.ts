import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RelayHealth } from '../../src/relay/health.ts'
import type { Fault } from '../../src/relay/outcome.ts'
import { SimRandom } from '../sim/world/random.ts'

const away: Fault = { stage: 'connect', why: 'Nobody answers.' }
const busy: Fault = { stage: 'greeting', why: 'It is busy.', reply: { code: 421, text: 'busy' } }
const second = 1000

const restOf = (health: RelayHealth, now: number) => ((health.choose(now).nextTry ?? now) - now) / second

test('a relay that failed rests, longer each time, ten minutes in the end, and the next one is tried meanwhile', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  const rests: number[] = []
  for (let now = 0, tries = 0; tries < 9; tries++) {
    assert.equal(health.choose(now).relay, 'isp')
    health.failed('isp', busy, now)
    rests.push(restOf(health, now))
    now += rests.at(-1) ?? 0
    now = Math.ceil(now + (rests.at(-1) ?? 0) * second)
  }
  for (const [index, expected] of [15, 30, 60, 120, 300, 600, 600, 600, 600].entries())
    assert.ok((rests[index] ?? 0) >= 0.2 * expected && (rests[index] ?? 0) <= 1.2 * expected, `${rests.map(Math.round)}`)
  const two = new RelayHealth(['isp', 'backup'], new SimRandom(1))
  two.failed('isp', away, 0)
  assert.equal(two.choose(0).relay, 'backup')
  two.failed('backup', away, 0)
  assert.equal(two.choose(0).relay, undefined)
  assert.equal(two.choose(60 * second).relay, 'isp', 'the first in their order')
})

test('one that refused our password is left alone until somebody says so', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  health.failed('isp', { stage: 'auth', why: 'no', hold: true }, 0)
  assert.deepEqual(health.choose(1e12), {})
  health.wayIsBack(1e12)
  assert.deepEqual(health.choose(1e12), {}, 'a better link does not mend a password')
  health.release()
  assert.equal(health.choose(0).relay, 'isp')
})

test('our own way of speaking is tried otherwise at once', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  health.failed('isp', { ...busy, again: true }, 0)
  assert.equal(health.choose(0).relay, 'isp')
  assert.equal(health.list()[0]?.why, 'It is busy.')
})

test('one whose way is closed is passed by', () => {
  const health = new RelayHealth(['isp', 'backup'], new SimRandom(1))
  assert.equal(health.choose(0, (id) => id !== 'isp').relay, 'backup')
  assert.deepEqual(
    health.choose(0, () => false),
    {},
  )
  health.know('third')
  assert.equal(health.choose(0, (id) => id === 'third').relay, 'third')
  health.failed('nobody', away, 0)
})

test('a better link ends the rest of whom nobody heard, not of one that said not now', () => {
  const health = new RelayHealth(['isp', 'backup', 'clock'], new SimRandom(1))
  health.failed('isp', away, 0)
  health.failed('backup', busy, 0)
  health.failed('clock', { ...away, clock: true }, 0)
  health.wayIsBack(second)
  assert.equal(health.choose(second).relay, 'isp')
  assert.equal(health.choose(second, (id) => id !== 'isp').relay, undefined)
  health.failed('isp', away, second)
  const rest = restOf(health, second)
  assert.ok(rest > 2 && rest < 4, `${rest}: neighbours and names may need a moment more`)
})

test('a link that flaps does not storm a relay: three rests are ended so, then one in as long as a rest', () => {
  const health = new RelayHealth(['isp'], new SimRandom(1))
  let tries = 0
  for (let now = 0; now < 1200 * second; now += second) {
    health.wayIsBack(now)
    if (health.choose(now).relay === undefined) continue
    tries++
    health.failed('isp', away, now)
  }
  assert.ok(tries >= 8 && tries <= 16, `${tries} tries in twenty minutes`)
  health.succeeded('isp', 0)
  health.failed('isp', away, 0)
  health.wayIsBack(second)
  assert.equal(health.choose(second).relay, 'isp', 'after a success it begins anew')
})

test('who rests is known, and when the first of them returns', () => {
  const health = new RelayHealth(['isp', 'backup', 'third'], new SimRandom(1))
  assert.deepEqual([health.rests('isp', 0), health.rests('nobody', 0), health.nextReturn(0)], [false, false, undefined])
  health.failed('third', { stage: 'auth', why: 'no', hold: true }, 0)
  assert.deepEqual([health.rests('third', 1e12), health.nextReturn(0)], [true, undefined], 'one that is held does not return by itself')
  health.failed('isp', away, 0)
  health.failed('isp', away, 0)
  health.failed('backup', away, 0)
  const back = health.nextReturn(0) ?? 0
  assert.deepEqual([health.rests('isp', back), health.rests('backup', back), health.rests('backup', back - 1)], [true, false, true])
  assert.ok((health.nextReturn(back) ?? 0) > back)
})
