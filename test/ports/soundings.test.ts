import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Soundings } from '../../src/ports/node/soundings.ts'

/** A broker with a window of so many messages and so many stored, behind a line on which everything keeps its order. */
function broker({ window, stored, slow = false }: { window: number; stored: number; slow?: boolean }) {
  /** What is on the line to us. */
  const line: ('message' | 'answer')[] = []
  const told: string[] = []
  let inFlight = 0
  let inAir = 0
  let pings = 0
  let left = stored
  const fill = () => {
    for (; left > 0 && inFlight < window; left--, inFlight++) line.push('message')
  }
  const soundings = new Soundings({
    ping: () => {
      pings++
      soundings.asked()
      line.push('answer')
    },
    inAir: () => inAir,
    asked: () => {},
    answered: (all) => told.push(all ? 'all' : 'not all'),
    caughtUp: () => told.push(`caught up, ${left + line.filter((one) => one === 'message').length} left`),
  })
  fill()
  /** The next of the line arrives; what was heard is acknowledged at once, or one step later. */
  const arrive = () => {
    if (slow && inAir > 0) acknowledge()
    const next = line.shift()
    if (next === 'answer') return soundings.answered()
    if (!next) return
    soundings.heard()
    inAir++
    if (!slow) acknowledge()
  }
  const acknowledge = () => {
    inAir--
    inFlight--
    fill()
  }
  return {
    soundings,
    told,
    arrive,
    pings: () => pings,
    more: (count: number) => {
      left += count
      fill()
    },
  }
}

for (const window of [1, 2, 20, 64])
  for (const slow of [false, true])
    test(`a session has not caught up while a window of ${window} is refilled${slow ? ', on a slow disk, too' : ''}`, (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const { soundings, told, arrive } = broker({ window, stored: 200, slow })
      soundings.catchUp()
      for (let steps = 0; steps < 2000 && !told.some((one) => one.startsWith('caught')); steps++) {
        arrive()
        t.mock.timers.tick(50)
      }
      assert.equal(told.at(-1), 'caught up, 0 left')
    })

test('it is asked ever more seldom, at most once a minute', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { soundings, arrive, pings } = broker({ window: 1, stored: 1e6 })
  soundings.catchUp()
  for (let second = 0; second < 3600; second++) {
    for (let i = 0; i < 5; i++) arrive()
    t.mock.timers.tick(1000)
  }
  assert.ok(pings() > 50 && pings() < 80, `${pings()} in an hour`)
})

test('after the end nothing is asked', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { soundings, arrive, pings } = broker({ window: 1, stored: 0 })
  soundings.catchUp()
  soundings.end()
  arrive()
  t.mock.timers.tick(600_000)
  assert.equal(pings(), 1)
})
