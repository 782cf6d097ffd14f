import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeRecord, recordAt, recordTypes, scanSegment } from '../../src/queue/record.ts'
import { segmentName, segmentNamed } from '../../src/queue/segment.ts'

const record = (id: number, text: string) => ({ type: recordTypes.alert, flags: 0, id, body: Buffer.from(text) })
const segmentOf = (...pieces: Uint8Array[]) => {
  const segment = new Uint8Array(4096)
  let at = 0
  for (const piece of pieces) {
    segment.set(piece, at)
    at += piece.length
  }
  return segment
}

test('what an earlier life of a segment left behind is not read again', () => {
  const old = [
    encodeRecord(record(1, 'old one'), 1, 0),
    encodeRecord(record(2, 'old two'), 1, 0),
    encodeRecord(record(3, 'old three'), 1, 0),
  ]
  const scan = scanSegment(segmentOf(encodeRecord(record(9, 'young!!'), 2, 0), ...old.slice(1)))
  assert.deepEqual(
    scan?.records.map((one) => one.id),
    [9],
  )
  assert.equal(scan?.generation, 2)
  assert.equal(scan?.damaged, 0)
})

test('a stretch that was on the disk and is spoiled is counted, a torn tail is not (lf-edge/ekuiper#406)', () => {
  const first = encodeRecord(record(1, 'one'), 1, 0)
  const second = encodeRecord(record(2, 'two'), 1, 0)
  const third = encodeRecord(record(3, 'three'), 1, first.length + second.length)
  const spoiled = second.slice()
  spoiled[33] = 0xff
  assert.equal(scanSegment(segmentOf(first, spoiled, third))?.damaged, 1)
  const unpromised = encodeRecord(record(3, 'three'), 1, first.length)
  assert.equal(scanSegment(segmentOf(first, spoiled, unpromised))?.damaged, 0)
  assert.equal(scanSegment(segmentOf(first, spoiled))?.end, first.length)
  const torn = first.slice()
  torn[33] = 0xff
  assert.equal(scanSegment(segmentOf(torn, encodeRecord(record(2, 'two'), 1, 0)))?.damaged, 0, 'nobody was promised the first one')
})

test('no text can pass for a record, and no octets break the scan', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => assert.equal(Buffer.from(text).includes(0xf5), false)))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => void scanSegment(bytes)),
    { numRuns: 1000 },
  )
  const whole = encodeRecord(record(7, 'body'), 3, 0)
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const spoiled = whole.slice()
      spoiled[at] = (spoiled[at] ?? 0) ^ flip
      const found = recordAt(spoiled, 0)
      assert.ok(found === undefined || (found.id === 7 && at >= 28 && at < 32) || at < 0)
    }),
  )
})

test('a segment is known by its name, also one that was put aside; nothing else is a segment', () => {
  for (const [number, aside, name] of [
    [7, undefined, '000007.seg'],
    [7, 0, '000007-0.bad'],
    [123456, 42, '123456-42.bad'],
  ] as const) {
    assert.equal(segmentName(number, aside), name)
    assert.deepEqual(segmentNamed(name), { number, aside })
  }
  for (const name of ['7.seg', '000007.bad', '000007-.bad', 'x000007.seg', '000007.seg.bak', ''])
    assert.equal(segmentNamed(name), undefined, name)
})
