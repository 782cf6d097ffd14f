import type { Piece } from './gpt.ts'
import type { Layout, Role } from './layout.ts'

/** MBR: a partition table as octets, three primary partitions and an extended one with the rest. Pure. Blocks are of 512 octets; CHS is not used by anything of this century. */
const block = 512
const types = { fat: 0x0c, linux: 0x83, extended: 0x0f, next: 0x05 } as const
const typeOf = (role: Role): number => (role === 'start' || role.startsWith('boot') ? types.fat : types.linux)
/** Where the table of a logical partition stands: one alignment of 4 MiB before it. */
const ahead = 4 * 1024 * 1024

export function mbrPieces(layout: Layout): Piece[] {
  const primary = layout.partitions.filter(({ number }) => number < 4)
  const logical = layout.partitions.filter(({ number }) => number > 4)
  const [first] = logical
  if (!first) throw new Error('An MBR without logical partitions is not what this is for.')
  const extendedAt = first.offset - ahead
  const mbr = table(
    primary
      .map(({ role, offset, size }) => ({ type: typeOf(role), offset, size }))
      .concat({ type: types.extended, offset: extendedAt, size: layout.size - extendedAt }),
  )
  mbr.writeUInt32LE(Number.parseInt(layout.diskId, 16), 440)
  const pieces: Piece[] = [{ offset: 0, bytes: mbr }]
  for (const [index, { role, offset, size }] of logical.entries()) {
    const at = offset - ahead
    const next = logical[index + 1]
    // The partition is told from its own table, the next table from the beginning of the extended partition.
    const entries = [{ type: typeOf(role), offset: ahead, size }]
    if (next) entries.push({ type: types.next, offset: next.offset - ahead - extendedAt, size: next.size + ahead })
    pieces.push({ offset: at, bytes: table(entries) })
  }
  return pieces
}

function table(entries: readonly { type: number; offset: number; size: number }[]): Buffer {
  const bytes = Buffer.alloc(block)
  for (const [index, { type, offset, size }] of entries.entries()) {
    const at = 446 + 16 * index
    bytes.set([0x00, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], at)
    bytes.writeUInt32LE(offset / block, at + 8)
    bytes.writeUInt32LE(size / block, at + 12)
  }
  bytes.writeUInt16LE(0xaa55, 510)
  return bytes
}
