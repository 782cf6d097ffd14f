import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Files: replaced so that a power cut leaves the old one or the new one. */
export function replace(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.new`
  const file = openSync(draft, 'w', mode)
  writeSync(file, text)
  fsyncSync(file)
  closeSync(file)
  renameSync(draft, path)
  syncDir(dirname(path))
}

export function syncDir(path: string): void {
  const dir = openSync(path, 'r')
  try {
    fsyncSync(dir)
  } finally {
    closeSync(dir)
  }
}

/** Writes spaces over a file where it lies. What a card keeps of the old octets in spare blocks nobody can reach without taking it apart. */
export function blank(path: string): void {
  const bytes = readFileSync(path).length
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x20), 0, bytes, 0)
  fsyncSync(file)
  closeSync(file)
}

/** undefined when there is no such file, or when it is not JSON. */
export function readJson<T>(path: string): T | undefined {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
