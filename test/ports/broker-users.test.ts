import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerUsers } from '../../src/ports/node/broker-users.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

function hall() {
  const timeline = new Timeline()
  const told: string[] = []
  const users = ['sensor', 'pump'].map((name) => ({ name, password: `secret of ${name}` }))
  const guests = new BrokerUsers(users, new SimClock(timeline, 'boot'), (_, event) => told.push(event))
  const enter = (name: string, password: string, address = '192.0.2.1') => guests.admits({ clientId: 'c', name, password, address })
  return { enter, told, pass: (ms: number) => timeline.run(timeline.now + ms) }
}

test('brute force (CWE-307): a user is guessed ten times a minute at most, from however many addresses; who was in before comes in, and so does any other user', async () => {
  const { enter, pass } = hall()
  assert.equal(enter('sensor', 'secret of sensor', 'owner'), 'in')
  let judged = 0
  for (let minute = 0; minute < 10; minute++) {
    for (let i = 0; i < 100; i++) if (enter('sensor', `guess ${minute} ${i}`, `192.0.2.${i}`) === 'wrong') judged++
    assert.equal(enter('sensor', 'secret of sensor', 'owner2'), 'wait')
    assert.equal(enter('pump', 'secret of pump', '192.0.2.1'), 'in')
    await pass(60_000)
  }
  assert.ok(judged <= 100, `${judged}`)
  assert.equal(enter('sensor', 'secret of sensor', 'owner2'), 'in', 'nobody is locked out')
})

test('a device with an old password guesses nothing: it keeps nobody with the right one out', async () => {
  const { enter, pass } = hall()
  for (let minute = 0; minute < 10; minute++) {
    for (let i = 0; i < 12; i++) assert.notEqual(enter('sensor', 'of before', 'hall'), 'in')
    await pass(60_000)
  }
  assert.equal(enter('sensor', 'secret of sensor', 'hall'), 'in')
})

test('brute force (CWE-307): names that nobody has are guessed as slowly as passwords, so a wait does not tell which names there are', () => {
  const { enter } = hall()
  const verdicts = (name: string) => Array.from({ length: 5 }, (_, i) => enter(name, `guess ${i}`))
  assert.deepEqual(verdicts('nobody'), verdicts('sensor'))
})

test('a flood of guesses writes few lines of the log, and whoever comes in makes the next one worth telling', async () => {
  const { enter, told, pass } = hall()
  for (let i = 0; i < 1000; i++) {
    enter('sensor', 'guess')
    enter(`name ${i}`, 'guess')
    await pass(100)
  }
  assert.ok(told.length <= 20, `${told.length} lines`)
  await pass(60_000)
  assert.equal(enter('sensor', 'secret of sensor'), 'in')
  const before = told.length
  assert.equal(enter('sensor', 'guess'), 'wrong')
  assert.equal(told.length, before + 1)
})
