import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fingerprint, Seen, seenMs } from '../../src/queue/seen.ts'

const segmentBytes = 1024 * 1024
const hour = 3_600_000
const print = (index: number) => fingerprint(`plc\0${index}`)

test('an id is known for a day at least and two at most, however many come', () => {
  const seen = new Seen(0, segmentBytes)
  for (let at = 0; at < 96; at++) {
    seen.add(print(at), at + 1, 1, at * hour)
    for (let age = 0; age <= at; age++) {
      const known = seen.get(print(at - age), at * hour)
      if (age < 24) assert.equal(known, at - age + 1, `${age} hours old`)
      if (age >= 48) assert.equal(known, undefined, `${age} hours old`)
    }
  }
  assert.equal(seenMs, 24 * hour)
})

test('the newest 16,384 ids are known, and memory does not grow beyond twice as many', () => {
  const seen = new Seen(0, segmentBytes)
  const count = 60_000
  for (let i = 1; i <= count; i++) seen.add(print(i), i, 1, 0)
  for (let i = count - 16_383; i <= count; i++) assert.equal(seen.get(print(i), 0), i)
  let known = 0
  for (let i = 1; i <= count; i++) if (seen.get(print(i), 0) !== undefined) known++
  assert.ok(known <= 2 * 16_384, `${known} are known`)
  assert.equal(seen.get(fingerprint('another'), 0), undefined)
})

test('what a segment knows can be written elsewhere, in pieces, and is known again from there', () => {
  const seen = new Seen(0, segmentBytes)
  for (let i = 1; i <= 3000; i++) seen.add(print(i), i, i % 3, 0)
  const pieces = seen.writtenIn(1, 400)
  assert.deepEqual(
    pieces.map((piece) => piece.length / 16),
    [400, 400, 200],
  )
  const next = new Seen(0, segmentBytes)
  // A piece is a part of a record, and begins where its body does.
  for (const piece of pieces) {
    const record = new Uint8Array(piece.length + 37)
    record.set(piece, 32)
    next.addPiece(record.subarray(32, 32 + piece.length + 5), 9, 0)
  }
  for (let i = 1; i <= 3000; i++) assert.equal(next.get(print(i), 0), i % 3 === 1 ? i : undefined)
  assert.equal(next.writtenIn(9, 1e6)[0]?.length, 16_000)
  for (const piece of pieces) seen.addPiece(piece, 2, 0)
  assert.deepEqual(seen.writtenIn(1, 400), [], 'they stand elsewhere now')
})
