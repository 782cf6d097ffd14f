import assert from 'node:assert/strict'
import { test } from 'node:test'
import { monotonic } from '../../src/ports/clock.ts'
import type { Stage } from '../../src/relay/outcome.ts'
import { DeadHosts } from '../../src/relay/route/dead-hosts.ts'
import { SimRandom } from '../sim/world/random.ts'

const minuteMs = 60_000
const at = (minutes: number) => monotonic(minutes * minuteMs)
const fault = (stage: Stage) => ({ stage, why: `It failed at ${stage}.` })

/** Minutes until the address may be tried again. */
const restOf = (dead: DeadHosts, now: number) => (dead.nextTry(['192.0.2.1'], at(now)) - at(now)) / minuteMs

test('a host that cannot be reached rests, longer each time, half an hour in the end', () => {
  const dead = new DeadHosts(new SimRandom(1))
  const rests: number[] = []
  for (let now = 0, tries = 0; tries < 10; tries++) {
    assert.ok(!dead.rests('192.0.2.1', at(now)))
    assert.ok(dead.failed('192.0.2.1', fault('connect'), at(now)))
    assert.ok(dead.rests('192.0.2.1', at(now)))
    const rest = restOf(dead, now)
    rests.push(rest)
    now += Math.ceil(rest)
  }
  assert.ok((rests[0] ?? 0) < 2, String(rests))
  for (const last of rests.slice(-3)) assert.ok(last > 20 && last < 40, String(rests))
  assert.ok(
    rests.slice(0, 5).every((rest, index) => index === 0 || rest > (rests[index - 1] ?? 0)),
    String(rests),
  )
})

test('whoever was reached starts anew', () => {
  const dead = new DeadHosts(new SimRandom(1))
  for (let i = 0; i < 6; i++) dead.failed('192.0.2.1', fault('greeting'), at(0))
  assert.equal(dead.why('192.0.2.1'), 'It failed at greeting.')
  dead.reached('192.0.2.1')
  assert.ok(!dead.rests('192.0.2.1', at(0)))
  dead.failed('192.0.2.1', fault('connect'), at(0))
  assert.ok(restOf(dead, 0) < 2)
})

test('what a host says to a sender, a recipient or a letter is never held against the host', () => {
  const dead = new DeadHosts(new SimRandom(1))
  for (const stage of ['mail', 'rcpt', 'data', 'content', 'quit', 'auth', 'dns'] as const)
    assert.ok(!dead.failed('192.0.2.1', { ...fault(stage), reply: { code: 550, text: 'no' } }, at(0)), stage)
  assert.ok(!dead.rests('192.0.2.1', at(0)))
})

test('our own wrong clock is not held against a host', () => {
  const dead = new DeadHosts(new SimRandom(1))
  assert.ok(!dead.failed('192.0.2.1', { ...fault('tls'), clock: true }, at(0)))
  assert.ok(!dead.rests('192.0.2.1', at(0)))
})

test('of several addresses the first that is free counts; and all are, when somebody asks', () => {
  const dead = new DeadHosts(new SimRandom(1))
  dead.failed('192.0.2.1', fault('connect'), at(0))
  assert.equal(dead.nextTry(['192.0.2.1', '192.0.2.2'], at(0)), at(0))
  dead.failed('192.0.2.2', fault('connect'), at(0))
  assert.ok(dead.nextTry(['192.0.2.1', '192.0.2.2'], at(0)) > at(0))
  dead.release()
  assert.equal(dead.nextTry(['192.0.2.1', '192.0.2.2'], at(0)), at(0))
})

test('the list is bounded, and what failed last stays on it', () => {
  const dead = new DeadHosts(new SimRandom(1))
  for (let i = 0; i < 10_000; i++) dead.failed(`host-${i}`, fault('connect'), at(0))
  assert.ok(dead.size <= 256)
  assert.ok(dead.rests('host-9999', at(0)) && !dead.rests('host-0', at(0)))
})
