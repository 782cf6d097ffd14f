import { crc32 } from 'node:zlib'

/**
 * Record: one entry of the journal as octets. Pure.
 *
 *     0  magic       4  begins with 0xF5, which no UTF-8 text contains: a body can never pass for a record
 *     4  type        1
 *     5  flags       1  of an alert: rank of its severity
 *     6  reserved    2
 *     8  generation  4  of the segment: what an earlier life of the segment left behind never parses
 *    12  durable     4  how much of the segment was known to be on the disk when this record was written
 *    16  id          8  journal position (a double: exact to 2^53)
 *    24  length      4  of the body
 *    28  crc         4  CRC-32 over everything from type to the end of the body, without this field
 *    32  body
 */
export const recordTypes = { alert: 1, outcome: 2, frozen: 3, checkpoint: 4, seen: 5 } as const
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes]

export type JournalRecord = { type: RecordType; flags: number; id: number; body: Uint8Array }

export const headerBytes = 32
const magic = Uint8Array.of(0xf5, 0x4f, 0x50, 0xfe)
const known = new Set<number>(Object.values(recordTypes))

/** The record as it stands in a segment of this generation; `durable` in octets. */
export function encodeRecord(record: JournalRecord, generation: number, durable: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes + record.body.length)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint8(4, record.type)
  view.setUint8(5, record.flags)
  view.setUint32(8, generation, true)
  view.setUint32(12, durable, true)
  view.setFloat64(16, record.id, true)
  view.setUint32(24, record.body.length, true)
  bytes.set(record.body, headerBytes)
  view.setUint32(28, checksum(bytes), true)
  return bytes
}

const checksum = (record: Uint8Array): number => crc32(record.subarray(headerBytes), crc32(record.subarray(4, 28)))

/** What the first octets of a segment say of its generation; 0: nothing. Not checked: the body is not here. */
export function generationIn(head: Uint8Array): number {
  if (head.length < headerBytes || magic.some((octet, index) => head[index] !== octet)) return 0
  return new DataView(head.buffer, head.byteOffset).getUint32(8, true)
}

export type Found = JournalRecord & { generation: number; durable: number; offset: number; bytes: number }

/** The record that begins at `offset`, or undefined when there is none that is whole. Its body is a view, not a copy. */
export function recordAt(segment: Uint8Array, offset: number): Found | undefined {
  if (offset + headerBytes > segment.length) return undefined
  for (let i = 0; i < magic.length; i++) if (segment[offset + i] !== magic[i]) return undefined
  const view = new DataView(segment.buffer, segment.byteOffset + offset)
  const type = view.getUint8(4)
  const length = view.getUint32(24, true)
  const bytes = headerBytes + length
  if (!known.has(type) || offset + bytes > segment.length) return undefined
  const whole = segment.subarray(offset, offset + bytes)
  if (view.getUint32(28, true) !== checksum(whole)) return undefined
  return {
    type: type as RecordType,
    flags: view.getUint8(5),
    generation: view.getUint32(8, true),
    durable: view.getUint32(12, true),
    id: view.getFloat64(16, true),
    body: whole.subarray(headerBytes),
    offset,
    bytes,
  }
}

/** What a segment holds, oldest record first. */
export type Scan = {
  generation: number
  records: Found[]
  /** Where the next record may be written: behind the last whole one. */
  end: number
  /** Stretches that were on the disk once and cannot be read any more. A torn tail, which nobody was promised, does not count. */
  damaged: number
}

/**
 * Everything that can still be read, however much of the segment is spoiled: past a bad stretch the search goes on at the next magic.
 * Only records of the newest generation in the segment count. undefined: never used.
 */
export function scanSegment(segment: Uint8Array): Scan | undefined {
  const found: Found[] = []
  const gaps: { from: number; next: Found }[] = []
  for (let offset = 0, gapFrom = -1; ; ) {
    const record = recordAt(segment, offset)
    if (record) {
      if (gapFrom >= 0) gaps.push({ from: gapFrom, next: record })
      gapFrom = -1
      found.push(record)
      offset += record.bytes
      continue
    }
    if (gapFrom < 0) gapFrom = offset
    const next = indexOfMagic(segment, offset + 1)
    if (next < 0) break
    offset = next
  }
  const generation = found.reduce((newest, record) => Math.max(newest, record.generation), 0)
  if (generation === 0) return undefined
  const records = found.filter((record) => record.generation === generation)
  const last = records.at(-1)
  const durable = records.reduce((most, record) => Math.max(most, record.durable), 0)
  const damaged = gaps.filter((gap) => gap.next.generation === generation && gap.from < durable).length
  return { generation, records, end: last ? last.offset + last.bytes : 0, damaged }
}

function indexOfMagic(segment: Uint8Array, from: number): number {
  const at = Buffer.from(segment.buffer, segment.byteOffset, segment.length).indexOf(Buffer.from(magic), from)
  return at
}
