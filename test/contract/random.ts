import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex, jitter, type Random } from '../../src/ports/random.ts'

export type Chance = {
  /** Two of one seed say the same; the seed of the machine's generator is nobody's to choose. */
  make(seed: number): Random
  /** Whether the same seed repeats. */
  repeats: boolean
}

const samples = 20_000

/** What every source of chance does. The bounds of the spread are so wide that a fair one misses them less than once in 10^12 runs. */
export function randomContract(name: string, { make, repeats }: Chance): void {
  test(`${name}: a share is never below 0 and never 1, and spread evenly`, () => {
    const random = make(1)
    const shares = Array.from({ length: samples }, () => random.unit())
    assert.ok(shares.every((share) => share >= 0 && share < 1))
    const tenths = new Array<number>(10).fill(0)
    for (const share of shares) tenths[Math.floor(share * 10)] = (tenths[Math.floor(share * 10)] ?? 0) + 1
    // 2000 expected in each, with a deviation of 42.
    for (const [tenth, count] of tenths.entries())
      assert.ok(count > 1600 && count < 2400, `${count} of ${samples} between 0.${tenth} and 0.${tenth + 1}`)
    assert.ok(new Set(shares).size > samples * 0.99, 'it hardly ever says the same twice')
  })

  test(`${name}: octets come as many as were asked for, of every value, and name things apart`, () => {
    const random = make(2)
    for (const count of [0, 1, 8, 16, 1000]) assert.equal(random.bytes(count).length, count)
    assert.equal(new Set(random.bytes(samples)).size, 256)
    const ids = Array.from({ length: 5000 }, () => hex(random.bytes(8)))
    assert.ok(ids.every((id) => /^[0-9a-f]{16}$/.test(id)))
    assert.equal(new Set(ids).size, ids.length)
  })

  test(`${name}: octets that were handed out stay as they are`, () => {
    const random = make(3)
    const first = random.bytes(32)
    const then = hex(first)
    random.bytes(32).fill(0)
    assert.equal(hex(first), then)
  })

  test(`${name}: jitter stays within its part, uses both sides of it, and gives whole milliseconds`, () => {
    const random = make(4)
    const waits = Array.from({ length: 2000 }, () => jitter(random, 10_000))
    assert.ok(waits.every((wait) => Number.isInteger(wait) && wait >= 8000 && wait <= 12_000))
    assert.ok(Math.min(...waits) < 8500 && Math.max(...waits) > 11_500)
    assert.ok(Array.from({ length: 2000 }, () => jitter(random, 1000, 0.5)).every((wait) => wait >= 500 && wait <= 1500))
    assert.equal(jitter(random, 0), 0)
    assert.equal(jitter(random, 60_000, 0), 60_000)
  })

  test(`${name}: ${repeats ? 'the same seed says the same, another one something else' : 'no two say the same'}`, () => {
    const said = (random: Random) => [...Array.from({ length: 20 }, () => random.unit()), hex(random.bytes(20))]
    const first = said(make(7))
    if (repeats) assert.deepEqual(said(make(7)), first)
    else assert.notDeepEqual(said(make(7)), first)
    assert.notDeepEqual(said(make(8)), first)
  })
}
