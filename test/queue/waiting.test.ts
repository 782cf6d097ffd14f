import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { rank, severities } from '../../src/alert/alert.ts'
import { type Added, Waiting } from '../../src/queue/waiting.ts'
import { SimRandom } from '../sim/world/random.ts'

/** What a letter is known to be, beside the index. */
type Model = Added & { pending: string[]; held: boolean; away: boolean; local: boolean; nextTry: number; attempts: number }

const added = (id: number, more: Partial<Added> = {}): Added => ({
  id,
  segment: 1,
  offset: id * 10,
  bytes: 100,
  severity: 'warning',
  to: ['ops'],
  accepted: id,
  orderBy: `plc\0key-${id}`,
  keyed: true,
  ...more,
})

/** A random life of the index, and what should be in it. */
function lived(seed: number, steps: number): { waiting: Waiting; model: Map<number, Model>; now: number } {
  const random = new SimRandom(seed)
  const waiting = new Waiting()
  const model = new Map<number, Model>()
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T
  const any = () => pick([...model.keys()])
  let next = 1
  // A journal that was copied forward is read again out of order.
  const early = Array.from({ length: 40 }, (_, index) => index + 1).sort(() => random.unit() - 0.5)
  const add = (id: number) => {
    const letter = added(id, {
      severity: pick(severities),
      to: pick([['ops'], ['ops', 'night'], ['night', 'boss', 'ops']]),
      orderBy: pick(['a', 'b', 'c', `own ${id}`]),
      segment: 1 + random.below(3),
      keyed: random.once(2),
      ...(random.once(20) ? { first: true } : {}),
      ...(random.once(10) ? { kept: true } : {}),
    })
    if (letter.keyed && random.once(4)) letter.clears = true
    if (letter.first) letter.begun = ['a', 'b', 'c'].map((topic) => [random.below(id + 1), crc32(topic), random.below(3)] as const)
    const tellers = [...model.values()].flatMap((one) => (one.begun ? [one.id] : []))
    if (letter.first && tellers.length > 0 && random.once(2)) letter.after = [pick(tellers), pick(tellers)]
    waiting.add(letter)
    // What has no key is not in order with what has one, whatever both are named.
    const orderBy = letter.keyed ? letter.orderBy : `without a key ${letter.orderBy}`
    model.set(id, { ...letter, orderBy, pending: [...letter.to], held: false, away: false, local: false, nextTry: 0, attempts: 0 })
    next = Math.max(next, id + 1)
  }
  for (const id of early) add(id)
  for (let step = 0; step < steps; step++) {
    const what = model.size === 0 ? 0 : random.below(10)
    if (what < 3) add(next)
    else {
      const id = any()
      const letter = model.get(id)
      assert.ok(letter)
      if (what === 3) {
        assert.equal(waiting.drop(id)?.id, id)
        model.delete(id)
      } else if (what < 6) {
        const to = pick(letter.to)
        letter.pending = letter.pending.filter((one) => one !== to)
        const gone = waiting.settle(id, to)
        assert.equal(gone !== undefined, letter.pending.length === 0, `seed ${seed}: ${id} is gone when nobody waits`)
        if (gone) model.delete(id)
      } else if (what === 6) {
        letter.nextTry = random.below(2000)
        letter.attempts = random.below(300)
        waiting.defer(id, letter.attempts, letter.nextTry)
      } else if (what === 7) {
        letter.held = !letter.held
        assert.ok(waiting.hold(id, letter.held))
      } else if (what === 8) {
        letter.away = !letter.away
        assert.ok(waiting.away(id, letter.away, 3))
      } else {
        letter.local = random.once(2)
        assert.ok(waiting.local(id, letter.local))
      }
    }
  }
  return { waiting, model, now: 1000 }
}

const seeds = Array.from({ length: 24 }, (_, index) => index + 1)

test('every letter is known as it stands, through any number that come and go, also when they came out of order', () => {
  for (const seed of seeds) {
    const { waiting, model } = lived(seed, seed % 4 === 0 ? 4000 : 400)
    const sorted = [...model.values()].sort((a, b) => a.id - b.id)
    assert.equal(waiting.size, model.size)
    waiting.due(0, 1)
    for (const letter of sorted) {
      const { id, segment, offset, bytes, severity, to, held, nextTry, accepted } = letter
      const state = waiting.get(id)
      assert.deepEqual(
        { ...state, pending: to.filter((_, index) => ((state?.pending ?? 0) & (1 << index)) !== 0) },
        {
          id,
          segment,
          offset,
          bytes,
          severity,
          to,
          held,
          nextTry,
          accepted,
          pending: letter.pending,
          attempts: Math.min(255, letter.attempts),
          kept: letter.kept === true,
          octets: bytes,
          keyed: letter.keyed,
          first: letter.first === true,
        },
        `seed ${seed}`,
      )
    }
    assert.deepEqual(
      waiting.ids(1e9),
      sorted.map(({ id }) => id),
    )
    const middle = sorted[sorted.length >> 1]?.id ?? 0
    assert.deepEqual(waiting.ids(3, middle), sorted.flatMap(({ id }) => (id > middle ? [id] : [])).slice(0, 3))
    assert.deepEqual(
      waiting.inSegment(2),
      sorted.flatMap(({ id, segment }) => (segment === 2 ? [id] : [])),
    )
    assert.deepEqual(
      waiting.olderThan(middle, 5),
      sorted.flatMap(({ id, accepted, away }) => (accepted < middle && !away ? [id] : [])).slice(0, 5),
    )
    for (const severity of severities)
      assert.equal(waiting.counts()[severity], sorted.filter((letter) => letter.severity === severity).length, severity)
    assert.equal(waiting.kept, sorted.filter(({ kept }) => kept).length)
    const later = sorted.flatMap((one) => (one.held || one.away || one.local || one.kept || one.nextTry <= 1000 ? [] : [one.nextTry]))
    assert.equal(waiting.nextDue(1000), later.length === 0 ? undefined : Math.min(...later), `seed ${seed}`)
  }
})

test('what may leave is free, in its order, passes no elder of the same key for whom that still waits, and is everything that may', () => {
  for (const seed of seeds) {
    const { waiting, model, now } = lived(seed, 300)
    const leaving = new Map(waiting.leaving(now, 1e9).map(({ id, behind }) => [id, behind]))
    const due = waiting.due(now, 1e9)
    const place = new Map(due.map((id, index) => [id, index]))
    const isFree = ({ held, away, local, kept, nextTry }: Model) => !held && !away && !local && !kept && nextTry <= now
    const turn = (id: number) => {
      const { severity, orderBy } = model.get(id) ?? assert.fail(`seed ${seed}: ${id} is gone`)
      const clearing = [...leaving.keys()].flatMap((other) => {
        const one = model.get(other)
        return one?.clears && one.id > id && one.orderBy === orderBy ? [rank(one.severity)] : []
      })
      return Math.min(rank(severity), ...clearing)
    }
    const order = due.map((id) => {
      const { first } = model.get(id) ?? assert.fail(`seed ${seed}: ${id} is gone`)
      return (first ? 0 : (1 + turn(id)) * 1e6) + id
    })
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
      `seed ${seed}: digests, then the worst, then the oldest, and who is cleared with what clears it`,
    )
    const blocks: { elder: Model; refs: readonly string[] }[] = []
    for (const letter of [...model.values()].sort((a, b) => a.id - b.id)) {
      const waits = blocks.flatMap(({ elder, refs }) =>
        elder.orderBy === letter.orderBy &&
        ((letter.clears && (letter.severity !== 'critical' || elder.away)) || rank(elder.severity) <= rank(letter.severity))
          ? refs
          : [],
      )
      const tellers = [...model.values()].filter(
        ({ id: teller, severity, begun, held, local, kept, away }) =>
          !(held || local || kept) &&
          (letter.after
            ? letter.after.includes(teller) && (letter.severity !== 'critical' || severity === 'critical' || away)
            : letter.clears &&
              begun?.some(
                ([id, topic, worst]) =>
                  id < letter.id && topic === crc32(letter.orderBy) && (letter.severity !== 'critical' || worst === 0 || away),
              )),
      )
      const untold = tellers.flatMap(({ pending }) => pending)
      const behind = letter.pending.filter((ref) => waits.includes(ref) || untold.includes(ref))
      const keepsBack = !(letter.held || letter.local || letter.kept) && (letter.keyed || letter.nextTry <= now)
      if (!isFree(letter) && keepsBack) blocks.push({ elder: letter, refs: letter.pending })
      else if (isFree(letter) && letter.clears) blocks.push({ elder: letter, refs: behind })
      const leaves = place.has(letter.id)
      assert.ok(!leaves || isFree(letter), `seed ${seed}: ${letter.id} is not free`)
      const somebody = behind.length < letter.pending.length
      if (leaves) assert.ok(somebody, `seed ${seed}: ${letter.id} passes an elder that somebody of it waits for`)
      else if (isFree(letter)) assert.ok(!somebody, `seed ${seed}: ${letter.id} is forgotten`)
      if (leaves)
        assert.deepEqual([...(leaving.get(letter.id) ?? [])].sort(), behind.sort(), `seed ${seed}: ${letter.id} is for the others`)
    }
    for (const limit of [0, 1, 5]) {
      const some = waiting.due(now, limit)
      assert.equal(some.length, Math.min(limit, due.length))
      for (const [index, id] of some.entries()) {
        const letter = model.get(id)
        if (!letter?.clears || letter.first) continue
        for (const elder of due.filter((other) => other < id && model.get(other)?.orderBy === letter.orderBy))
          assert.ok(some.slice(0, index).includes(elder), `seed ${seed}: ${id} clears ${elder} before that is told`)
      }
    }
  }
})

test('what left on the same connection keeps nobody back there, and everybody elsewhere', () => {
  const waiting = new Waiting()
  for (const id of [1, 2]) waiting.add(added(id, { orderBy: 'plc\0pump' }))
  waiting.away(1, true, 7)
  assert.deepEqual(waiting.due(0, 9, { lane: 7 }), [2])
  assert.deepEqual(waiting.due(0, 9, { lane: 8 }), [])
  assert.deepEqual(waiting.due(0, 9), [])
  waiting.away(1, false)
  assert.deepEqual(waiting.due(0, 9, { lane: 0 }), [1, 2], 'one that is back is no longer on any connection')
})

test('a letter goes by a connection when somebody who still waits for it is served there', () => {
  const waiting = new Waiting()
  waiting.add(added(1, { to: ['ops', 'night'] }))
  const by = (ref: string) => waiting.due(0, 9, { serves: (one) => one === ref })
  assert.deepEqual([by('ops'), by('night'), by('boss')], [[1], [1], []])
  waiting.settle(1, 'ops')
  assert.deepEqual([by('ops'), by('night')], [[], [1]])
  assert.equal(waiting.settle(1, 'boss'), undefined, 'nobody of the letter')
})

test('of 32 recipients each is settled on his own', () => {
  const waiting = new Waiting()
  const to = Array.from({ length: 32 }, (_, index) => `p${index}`)
  waiting.add(added(1, { to }))
  for (const [index, one] of to.entries()) assert.equal(waiting.settle(1, one)?.id, index === 31 ? 1 : undefined, one)
  assert.equal(waiting.size, 0)
})

test('one that is not there is no trouble', () => {
  const waiting = new Waiting()
  waiting.add(added(5))
  waiting.drop(5)
  for (const id of [4, 5, 6]) {
    assert.equal(waiting.get(id), undefined)
    assert.equal(waiting.drop(id), undefined)
    assert.equal(waiting.settle(id, 'ops'), undefined)
    assert.equal(waiting.orderOf(id), undefined)
    assert.equal(waiting.hold(id, true), false)
    waiting.defer(id, 1, 1)
    waiting.composed(id, 1)
    waiting.move(id, { segment: 1, offset: 1, bytes: 1 })
  }
  assert.equal(waiting.size, 0)
})
