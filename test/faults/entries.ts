import type { SimRandom } from '../sim/world/random.ts'

/** What blocklog.c wrote down: writes and flushes of a block device, in their order. `end`: where the entry ends in the log. */
export type Entry = { offset: number; bytes: Buffer } | 'flush'

export function parse(log: Buffer): { entry: Entry; end: number }[] {
  const entries: { entry: Entry; end: number }[] = []
  for (let at = 0; at < log.length; ) {
    if (log[at] === 0x46) {
      entries.push({ entry: 'flush', end: ++at })
      continue
    }
    const offset = Number(log.readBigUInt64LE(at + 1))
    const length = Number(log.readBigUInt64LE(at + 9))
    entries.push({ entry: { offset, bytes: log.subarray(at + 17, at + 17 + length) }, end: at + 17 + length })
    at += 17 + length
  }
  return entries
}

/** Puts a write into an image; with `torn` only a random part of its sectors of 512 octets. */
export function apply(image: Buffer, entry: Entry | undefined, torn?: SimRandom): void {
  if (!entry || entry === 'flush') return
  const sectors = Math.ceil(entry.bytes.length / 512)
  const bytes = torn ? entry.bytes.subarray(0, torn.below(sectors + 1) * 512) : entry.bytes
  bytes.copy(image, entry.offset)
}
