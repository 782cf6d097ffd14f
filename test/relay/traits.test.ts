import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectionsAt, knownAt, learned, limited, mostConnections, mostInAir, unknownTraits, widened } from '../../src/relay/traits.ts'

const day = 24 * 3_600_000

test('what a relay can do is known for ever, what it cannot do for a day, also where a clock made up the day', () => {
  const traits = learned(learned(unknownTraits, 'chunking', true, 0), 'together', false, 10 * day)
  assert.deepEqual(knownAt(traits, 10 * day), { windowLetters: mostInAir, chunking: true, together: false })
  assert.deepEqual(knownAt(traits, 11 * day - 1), { windowLetters: mostInAir, chunking: true, together: false })
  assert.deepEqual(knownAt(traits, 11 * day), { windowLetters: mostInAir, chunking: true })
  assert.deepEqual(knownAt(traits, 8 * day), { windowLetters: mostInAir, chunking: true }, 'learned in a future that nobody will see')
})

test('a limit of connections is kept for a day, and is one at least', () => {
  assert.equal(connectionsAt(unknownTraits, 0), mostConnections)
  const traits = limited(unknownTraits, 2, day)
  assert.equal(connectionsAt(traits, 2 * day - 1), 2)
  assert.equal(connectionsAt(traits, 2 * day), mostConnections)
  assert.equal(connectionsAt(limited(unknownTraits, 0, 0), 0), 1)
})

test('a line that breaks halves what is in the air, down to two letters; flights that end well double it, up to 64', () => {
  const windows: number[] = []
  let traits = unknownTraits
  for (const well of [false, false, false, false, false, false, true, true, true, true, true, true, true]) {
    traits = widened(traits, well)
    windows.push(knownAt(traits, 0).windowLetters ?? 0)
  }
  assert.deepEqual(windows, [32, 16, 8, 4, 2, 2, 4, 8, 16, 32, 64, 64, 64])
})
