import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { readJson } from './place.ts'
import type { Version } from './version.ts'

/**
 * Status: what the gateway may know of the system it runs on, a file that only root writes (`/run/outpost-update/status.json`). The gateway has no rights over slots or boot loader: it puts a bundle and a request
 * into its own directory, and reads here what became of them.
 */
export type Here = {
  compatible: string
  version: Version
  /** The slot that runs. */
  slot: 'A' | 'B'
}

export type Status = Here & {
  state:
    | 'idle'
    | 'checking'
    /** The bundle is signed, for this board, and newer. */
    | 'checked'
    | 'refused'
    | 'installing'
    /** The box restarts into it. */
    | 'installed'
    /** It runs, and has not yet shown that it works. */
    | 'trial'
    /** The last update did not work, and the box went back. */
    | 'rolled-back'
  /** Of the bundle that the state is about. */
  bundle?: Version
  percent?: number
  /** A sentence. */
  why?: string
  /** The request that this answers. */
  request?: string
}

/** Replaces the file; readers see the old one or the new one, and a power cut leaves one of them: the new one when this has returned. */
export function writeFileWhole(path: string, text: string): void {
  const draft = `${path}.tmp`
  const file = openSync(draft, 'w', 0o644)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  const dir = openSync(dirname(path), 'r')
  try {
    fsyncSync(dir)
  } finally {
    closeSync(dir)
  }
}

export const writeStatus = (path: string, status: Status): void => writeFileWhole(path, `${JSON.stringify(status)}\n`)

/** What was told of this system before; it does not change until the box restarts. Undefined: nothing was told since it started. */
export function lastHere(path: string): Here | undefined {
  const { compatible, version, slot } = (readJson(path) ?? {}) as Partial<Here>
  return compatible !== undefined && version !== undefined && slot !== undefined ? { compatible, version, slot } : undefined
}
