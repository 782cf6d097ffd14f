import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import type { Call } from './traced.ts'

/**
 * Spoil: what a disk may have done to the octets that it said no to. After a failed sync the kernel may have dropped whatever was written since the
 * last good one, and a failed write may have left anything; both are overwritten here, so that nobody lives on the page cache.
 */
type Range = { from: number; to: number }
type Known = { dirty: Range[]; suspect: Range[]; end: number }

/** Overwrites it all; returns how many octets were spoiled. */
export function spoil(calls: readonly Call[]): number {
  const files = new Map<string, Known>()
  for (const call of calls) fold(files, call)
  let octets = 0
  for (const [path, { suspect }] of files) {
    if (suspect.length === 0 || !existsSync(path)) continue
    const file = openSync(path, 'r+')
    for (const { from, to } of suspect) octets += writeSync(file, Buffer.alloc(to - from, 0xee), 0, to - from, from)
    closeSync(file)
  }
  return octets
}

function fold(files: Map<string, Known>, call: Call): void {
  const { name, path, to, ok } = call
  const fresh = { dirty: [], suspect: [], end: 0 }
  const known = files.get(path) ?? fresh
  files.set(path, known)
  if (name === 'pwrite64') written(known, call.offset, call)
  else if (name === 'write') {
    written(known, known.end, call)
    if (ok) known.end += call.bytes
  } else if (name === 'fdatasync' || name === 'fsync') {
    if (!ok) known.suspect.push(...known.dirty)
    known.dirty = []
  } else if (ok && (name === 'unlink' || (name === 'openat' && call.emptied))) files.set(path, fresh)
  else if (ok && name === 'rename' && to !== undefined) {
    files.delete(path)
    files.set(to, known)
  }
}

/** What is written anew is the new octets' business. */
function written(known: Known, from: number, { bytes, ok }: Call): void {
  const range = { from, to: from + bytes }
  known.suspect = known.suspect.flatMap((one) => without(one, range))
  if (ok) known.dirty.push(range)
  else known.suspect.push(range)
}

const without = (one: Range, hole: Range): Range[] =>
  [
    { from: one.from, to: Math.min(one.to, hole.from) },
    { from: Math.max(one.from, hole.to), to: one.to },
  ].filter((rest) => rest.from < rest.to)
