import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { start, until } from './process.ts'

/** Two terminals joined back to back by a process of ours: what is written to one is read from the other. Ends with the process. */
export async function ptyPair(one: string, other: string): Promise<ChildProcess> {
  const pair = start('socat', [`pty,raw,echo=0,link=${one}`, `pty,raw,echo=0,link=${other}`])
  await until('the pty pair is there', 5000, () => opens(one) && opens(other))
  return pair
}

/** Whoever leads a session would be hung up with the terminal that it opens, were that to become its own. */
function opens(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_NOCTTY))
    return true
  } catch {
    return false
  }
}
