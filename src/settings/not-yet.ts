import type { Finding } from './finding.ts'
import type { Settings } from './schema.ts'

/** Settings that are understood, and have no effect in this version: said aloud, so that nobody relies on them. */
export function notYet(settings: Settings): Finding[] {
  const findings: Finding[] = []
  const say = (path: string, instead = 'Remove it, or leave it for a later version.') =>
    findings.push({ path, what: 'This has no effect in this version.', write: instead, level: 'note' })
  for (const [index, source] of settings.sources.entries()) {
    const path = `sources[${index}]`
    if (source.kind === 'smtp' || source.kind === 'http') say(path, 'Nothing listens there yet.')
    if ('silentAfter' in source && source.silentAfter !== undefined) say(`${path}.silentAfter`)
    if (source.kind === 'serial' && (source.frame.kind === 'slip' || source.frame.kind === 'cobs'))
      say(`${path}.frame.kind`, 'Nothing is read from this line yet.')
  }
  for (const [index, rule] of settings.rules.entries()) {
    for (const name of ['hold', 'clearBelow', 'clearAbove', 'repeat', 'group', 'escalate', 'limit', 'subject', 'recovery'] as const)
      if (rule[name] !== undefined) say(`rules[${index}].${name}`)
    if (rule.when.field !== undefined) say(`rules[${index}].when.field`, 'The rule matches as if it were not there.')
  }
  for (const [index, person] of settings.people.entries())
    if (person.hours !== undefined) say(`people[${index}].hours`, 'This person is told at all hours.')
  if (settings.mail.format === 'text+html') say('mail.format', 'Letters are plain text.')
  if (settings.mailbox.pop3.enabled) say('mailbox.pop3', 'Read the mail with outpost mailbox.')
  if (settings.reports) say('reports')
  return findings
}
