import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { readJson, replace } from './files.ts'
import { type KnownNetwork, merged } from './network.ts'
import type { Provision } from './provision.ts'

/** What a provision is applied to. */
export type Box = {
  /** The gateway's directory. */
  data: string
  /** The directory of first boot. */
  host: string
  /** For this boot alone. */
  run: string
  /** The gateway's own command, as its user. */
  command(...args: string[]): { status: number; out: string; err: string }
  /** Gives a file to the gateway's user. */
  own(path: string): void
}

/** What was wrong, in sentences, and nothing was changed; or nothing, and all of it is on the disk. Throws when the disk does not take a part of it. */
export function apply(box: Box, { settings, secrets, timeZone, network }: Provision): string[] {
  if (settings || timeZone !== undefined) {
    const whys = importSettings(box, settings, timeZone)
    if (whys.length > 0) return whys
  }
  if (Object.keys(secrets).length > 0) {
    const file = `${box.data}/secrets.json`
    replace(file, `${JSON.stringify({ ...readJson<Record<string, string>>(file), ...secrets }, null, 2)}\n`)
    box.own(file)
  }
  if (network) {
    const file = `${box.host}/network.json`
    replace(file, JSON.stringify(merged(readJson<KnownNetwork>(file) ?? {}, network)))
  }
  return []
}

/** Settings replace those of before as a whole, as an import does; a time zone alone changes nothing else. */
function importSettings(box: Box, settings: Provision['settings'], timeZone: string | undefined): string[] {
  let whole = settings
  if (!whole) {
    const standing = box.command('settings', 'export')
    if (standing.status !== 0) return whysOf(standing.err)
    whole = JSON.parse(standing.out) as Record<string, unknown>
  }
  const site = { ...(whole.site as Record<string, unknown> | undefined), ...(timeZone === undefined ? {} : { timeZone }) }
  const draft = `${box.run}/settings.json`
  writeFileSync(draft, JSON.stringify({ ...whole, site }), { mode: 0o600 })
  box.own(draft)
  // The folder is root's; for this moment its user may walk through.
  chmodSync(box.run, 0o711)
  try {
    const { status, err } = box.command('settings', 'import', draft, '--yes')
    return status === 0 ? [] : whysOf(err)
  } finally {
    chmodSync(box.run, 0o700)
    rmSync(draft)
  }
}

const whysOf = (err: string): string[] =>
  err.trim() === '' ? ['The settings of the box could not be read or written, and nobody said why.'] : err.trim().split('\n')
