import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/** Settings that are understood, and have no effect in this version: said aloud, so that nobody relies on them. */
export function notYet(settings: Settings): Finding[] {
  const findings: Finding[] = []
  const say = (path: string, instead = 'Remove it, or leave it for a later version.') =>
    findings.push({ path, what: 'This has no effect in this version.', write: instead, level: 'note' })
  for (const [index, source] of settings.sources.entries()) {
    const path = `sources[${index}]`
    if (source.kind === 'smtp') say(path, 'Nothing listens there yet.')
  }
  return findings
}
