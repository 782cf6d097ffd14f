import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trails } from '../../src/rules/trail.ts'

const minute = 60_000
const hour = 60 * minute

test('the plot of a letter shows a value of each half hour of the last day, and the newest', () => {
  const trails = new Trails()
  const alert = (value: number) => ({ source: 'plc', key: 'boiler', value })
  assert.equal(trails.add(alert(1), 0), undefined)
  assert.equal(trails.add(alert(2), 40 * minute), undefined, 'two are no picture')
  let trail = trails.add(alert(3), 50 * minute)
  assert.deepEqual(trail, [
    [3000, 1],
    [600, 2],
    [0, 3],
  ])
  for (let at = 60; at <= 60 * 72; at += 10) trail = trails.add(alert(at), at * minute)
  assert.ok(trail)
  assert.ok(trail.length >= 40 && trail.length <= 50, `${trail.length} values`)
  assert.deepEqual(trail.at(-1), [0, 60 * 72])
  assert.ok((trail[0]?.[0] ?? 0) <= 24 * 3600 && (trail[0]?.[0] ?? 0) > 23 * 3600)
  for (const [index, [ago]] of trail.slice(1, -1).entries()) assert.ok((trail[index]?.[0] ?? 0) - ago >= 1800, `${index}`)
})

test('keys do not mix, and what has no value has no plot; the key that was heard longest ago is forgotten', () => {
  const trails = new Trails()
  for (let at = 0; at < 5; at++) {
    trails.add({ source: 'plc', key: 'a', value: at }, at * hour)
    trails.add({ source: 'field', key: 'a', value: -at }, at * hour)
  }
  assert.equal(trails.add({ source: 'plc', key: 'a' }, 5 * hour), undefined)
  assert.deepEqual(
    trails.add({ source: 'plc', key: 'a', value: 9 }, 5 * hour)?.map(([, value]) => value),
    [0, 1, 2, 3, 4, 9],
  )
  for (let key = 0; key < 255; key++) trails.add({ source: 'plc', key: `k${key}`, value: 1 }, 5 * hour)
  assert.equal(trails.add({ source: 'plc', key: 'a', value: 9 }, 6 * hour)?.length, 7)
  for (let key = 0; key < 256; key++) trails.add({ source: 'new', key: `k${key}`, value: 1 }, 6 * hour)
  assert.equal(trails.add({ source: 'plc', key: 'a', value: 9 }, 7 * hour), undefined)
})
