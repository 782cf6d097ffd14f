import { crc32 } from 'node:zlib'
import type { Layout, Role } from './layout.ts'

/** GPT: a partition table as octets (UEFI Specification 2.10, chapter 5.3). Pure. Blocks are of 512 octets. */
export type Piece = { offset: number; bytes: Buffer }

const block = 512
const entries = 128
const entryBytes = 128
const arrayBlocks = (entries * entryBytes) / block

const types: Record<'efi' | 'linux', string> = {
  efi: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
}
const typeOf = (role: Role): string => (role === 'start' ? types.efi : types.linux)

/** Name in the table; /dev/disk/by-partlabel has it. */
export const nameOf = (role: Role): string => `outpost-${role}`

/** The protective MBR, both headers and both arrays. */
export function gptPieces(layout: Layout): Piece[] {
  const last = layout.size / block - 1
  const array = Buffer.alloc(entries * entryBytes)
  for (const [index, { role, offset, size, uuid }] of layout.partitions.entries()) {
    const entry = array.subarray(index * entryBytes, (index + 1) * entryBytes)
    guid(typeOf(role)).copy(entry, 0)
    guid(uuid).copy(entry, 16)
    entry.writeBigUInt64LE(BigInt(offset / block), 32)
    entry.writeBigUInt64LE(BigInt((offset + size) / block - 1), 40)
    entry.write(nameOf(role), 56, 'utf16le')
  }
  const header = (own: number, other: number, arrayAt: number) => {
    const bytes = Buffer.alloc(block)
    bytes.write('EFI PART', 0, 'latin1')
    bytes.writeUInt32LE(0x00010000, 8)
    bytes.writeUInt32LE(92, 12)
    bytes.writeBigUInt64LE(BigInt(own), 24)
    bytes.writeBigUInt64LE(BigInt(other), 32)
    bytes.writeBigUInt64LE(BigInt(2 + arrayBlocks), 40)
    bytes.writeBigUInt64LE(BigInt(last - arrayBlocks - 1), 48)
    guid(layout.diskId).copy(bytes, 56)
    bytes.writeBigUInt64LE(BigInt(arrayAt), 72)
    bytes.writeUInt32LE(entries, 80)
    bytes.writeUInt32LE(entryBytes, 84)
    bytes.writeUInt32LE(crc32(array), 88)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16)
    return bytes
  }
  return [
    { offset: 0, bytes: protectiveMbr(last) },
    { offset: block, bytes: header(1, last, 2) },
    { offset: 2 * block, bytes: array },
    { offset: (last - arrayBlocks) * block, bytes: array },
    { offset: last * block, bytes: header(last, 1, last - arrayBlocks) },
  ]
}

function protectiveMbr(last: number): Buffer {
  const bytes = Buffer.alloc(block)
  // Section 5.2.3: one partition of type 0xEE over the whole disk.
  bytes.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446)
  bytes.writeUInt32LE(1, 454)
  bytes.writeUInt32LE(last, 458)
  bytes.writeUInt16LE(0xaa55, 510)
  return bytes
}

/** Mixed-endian, as UEFI writes it (appendix A). */
function guid(text: string): Buffer {
  const hex = Buffer.from(text.replaceAll('-', ''), 'hex')
  return Buffer.concat([hex.subarray(0, 4).reverse(), hex.subarray(4, 6).reverse(), hex.subarray(6, 8).reverse(), hex.subarray(8)])
}
