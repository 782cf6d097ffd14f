import { createHash } from 'node:crypto'
import type { Board } from './board.ts'

/**
 * Layout: which partitions an image has, where, and what they are called. Pure. Sizes are the same for ever, because an update replaces the contents of a slot and never the table.
 */
export const MiB = 1024 * 1024

export type Role = 'start' | 'boot-a' | 'boot-b' | 'root-a' | 'root-b' | 'data'
export type Partition = { role: Role; number: number; offset: number; size: number; uuid: string }
export type Layout = { table: 'gpt' | 'mbr'; diskId: string; partitions: Partition[]; size: number }

/** Alignment of everything: an erase block of a card is seldom larger. */
const align = 4 * MiB
/** One root, twice what it needs today. */
export const slotSize = 512 * MiB
/** What the data partition has before it grows: enough to start with on the smallest card. */
const dataSize = 256 * MiB

const sizes: Record<Role, number> = {
  start: 64 * MiB,
  'boot-a': 128 * MiB,
  'boot-b': 128 * MiB,
  'root-a': slotSize,
  'root-b': slotSize,
  data: dataSize,
}

/** PCs start from GPT; the boot ROM of a Raspberry Pi 3 knows MBR alone, and that has four partitions, of which the last may hold further ones. */
const roles = {
  'grub-efi': ['start', 'root-a', 'root-b', 'data'],
  'raspberry-pi': ['start', 'boot-a', 'boot-b', 'root-a', 'root-b', 'data'],
} as const satisfies Record<Board['boot']['recipe'], readonly Role[]>

export function layoutFor({ name, boot }: Pick<Board, 'name' | 'boot'>): Layout {
  const table = boot.recipe === 'grub-efi' ? 'gpt' : 'mbr'
  const uuid = (what: string) => uuidOf(`outpost ${name} ${what}`)
  const diskId = table === 'gpt' ? uuid('disk') : uuid('disk').slice(0, 8)
  const partitions: Partition[] = []
  let offset = align
  for (const role of roles[boot.recipe]) {
    const logical = table === 'mbr' && partitions.length >= 3
    // A logical partition has a table of its own in front of it, in the alignment's gap.
    if (logical) offset += align
    const number = logical ? partitions.length + 2 : partitions.length + 1
    const id = table === 'gpt' ? uuid(role) : `${diskId}-${number.toString(16).padStart(2, '0')}`
    partitions.push({ role, number, offset, size: sizes[role], uuid: id })
    offset += sizes[role]
  }
  // The second GPT stands at the end.
  return { table, diskId, partitions, size: offset + (table === 'gpt' ? MiB : 0) }
}

export function partition({ partitions }: Layout, role: Role): Partition {
  const found = partitions.find((one) => one.role === role)
  if (!found) throw new Error(`This layout has no partition ${role}.`)
  return found
}

/** A UUID of version 8 (RFC 9562 section 5.8) that follows from a text, so that two builds have the same. */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Serial number of a FAT, and seeds of other file systems. */
export const serialOf = (text: string): string => uuidOf(text).slice(0, 8)
