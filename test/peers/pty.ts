import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { start, until } from './process.ts'

/** Two terminals joined back to back by a process of ours: what is written to one is read from the other. Ends with the process. */
export async function ptyPair(one: string, other: string): Promise<ChildProcess> {
  const pair = start('socat', [`pty,raw,echo=0,link=${one}`, `pty,raw,echo=0,link=${other}`])
  await until('the pty pair is there', 5000, () => opens(one) && opens(other))
  return pair
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}
