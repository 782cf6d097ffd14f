import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Told } from './told.ts'

/** Takes what has arrived out of a Maildir, so that weeks of mail lie nowhere. A mail in `new` is whole. */
export async function emptyInbox(dir: string, sites: readonly string[], told: Told): Promise<void> {
  for (const name of namesIn(`${dir}/new`)) {
    const path = `${dir}/new/${name}`
    await told.take(readFileSync(path), sites)
    rmSync(path)
    await setImmediate()
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
