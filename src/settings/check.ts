import type { z } from 'zod'
import { nearest } from '../alert/nearest.ts'
import { templateFault } from '../mail/template.ts'
import { isLoopbackHost } from './address.ts'
import { doubts } from './doubts.ts'
import type { Finding } from './finding.ts'
import { migrate } from './migrate.ts'
import { ruledSources, takenSources } from './own-sources.ts'
import { type Settings, settingsSchema } from './schema.ts'
import { shareOf } from './source.ts'

/** Reads the text of a settings file. Never throws; without `settings` there is at least one error among the findings. */
export function checkSettings(text: string): { settings?: Settings; findings: Finding[] } {
  const parsed = parse(text)
  if ('finding' in parsed) return { findings: [parsed.finding] }
  const migrated = migrate(parsed.value)
  if (migrated.error !== undefined)
    return {
      findings: [
        {
          path: 'version',
          what: migrated.error,
          write: 'Use the version of Outpost that wrote this file, or write "version": 1.',
          level: 'error',
        },
      ],
    }
  const notes: Finding[] = migrated.notes.map((what) => ({ path: '', what, write: 'Nothing needs to be done.', level: 'note' }))
  const result = settingsSchema.safeParse(migrated.json)
  if (!result.success) return { findings: [...notes, ...result.error.issues.flatMap((issue) => findingsOf(issue, migrated.json))] }
  const crossed = crossCheck(result.data)
  if (crossed.length > 0) return { findings: [...notes, ...crossed] }
  return { settings: result.data, findings: [...notes, ...doubts(result.data)] }
}

function parse(text: string): { value: unknown } | { finding: Finding } {
  if (text.trim() === '') return { finding: { path: '', what: 'The file is empty.', write: 'Write {} for the defaults.', level: 'error' } }
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? Number.NaN)
    const before = Number.isNaN(position) ? undefined : text.slice(0, position).split('\n')
    const where = before ? `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}` : 'the end of the file'
    return {
      finding: {
        path: where,
        what: `This is not valid JSON: ${message.slice(0, 200)}.`,
        write: 'Look for a missing comma, quote or brace just before it.',
        level: 'error',
      },
    }
  }
}

type Issue = z.core.$ZodIssue

function findingsOf(issue: Issue, json: unknown): Finding[] {
  const path = pathText(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path, json)
    return issue.keys.map((key) => {
      const near = nearest(key, known)
      return {
        path: pathText([...issue.path, key]),
        what: `The key ${JSON.stringify(key)} is not known here.`,
        write: near ? `Did you mean ${near}?` : `Known are: ${known.join(', ')}.`,
        level: 'error' as const,
      }
    })
  }
  const found = valueAt(json, issue.path)
  const shown = found === undefined ? 'Nothing is there' : `There is ${shownAt(issue.path, found, json)}`
  if (issue.code === 'invalid_union' && 'discriminator' in issue) {
    const kinds = kindsAt(issue.path)
    const near = typeof found === 'string' ? nearest(found, kinds) : undefined
    return [
      {
        path,
        what: `${shown}, which is no kind that is known.`,
        write: `${near ? `Did you mean ${near}? ` : ''}Write one of: ${kinds.join(', ')}.`,
        level: 'error',
      },
    ]
  }
  return [
    {
      path,
      what: found === undefined ? 'Nothing is there, but it must be given.' : `${shown}, which does not fit.`,
      write: advice(issue, found),
      level: 'error',
    },
  ]
}

function advice(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? `Write ${typeNames[issue.expected] ?? issue.expected}.` : issue.message
    case 'invalid_value': {
      const values = issue.values.map(String)
      const near = typeof found === 'string' ? nearest(found, values) : undefined
      return `${near ? `Did you mean ${near}? ` : ''}Write one of: ${values.join(', ')}.`
    }
    case 'too_small':
      return issue.message.startsWith('Too small')
        ? `Write at least ${issue.minimum}${issue.origin === 'array' ? ' of them' : ''}.`
        : issue.message
    case 'too_big':
      return issue.message.startsWith('Too big')
        ? `Write at most ${issue.maximum}${issue.origin === 'array' ? ' of them' : ''}.`
        : issue.message
    case 'invalid_union':
      return issue.message.startsWith('Invalid input') ? 'Write one of the values that docs/settings.md names for it.' : issue.message
    default:
      return issue.message
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in [ ]',
  object: 'an object in { }',
}

/** Findings reach logs and files that others read. Whoever writes a password where its name belongs finds it in none of them. */
function shownAt(path: readonly PropertyKey[], found: unknown, json: unknown): string {
  if (Array.isArray(found)) return 'a list'
  if (typeof found === 'object' && found !== null) return 'an object'
  if (found === null || typeof found === 'boolean') return String(found)
  return schemasAt(path, json).some(hasSecret) ? `a ${typeof found === 'string' ? 'text' : 'number'} that may be a secret` : brief(found)
}

/** A reference to a secret (src/settings/parts.ts), or what has one in it. */
const hasSecret = ({ shape, element, options }: Unwrapped): boolean =>
  shape?.secret !== undefined ||
  [...Object.values(shape ?? {}), ...(element ? [element] : []), ...(options ?? [])].some((one) => hasSecret(inner(one)))

const brief = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** `relays[0].port` */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')

const valueAt = (json: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? (at as Record<PropertyKey, unknown>)[part] : undefined,
    json,
  )

type Unwrapped = {
  shape?: Record<string, z.ZodType>
  element?: z.ZodType
  options?: z.ZodType[]
  innerType?: z.ZodType
  values?: unknown[]
}
const inner = (schema: z.ZodType): Unwrapped => {
  let at = (schema as unknown as { _zod: { def: Unwrapped } })._zod.def
  while (at.innerType) at = (at.innerType as unknown as { _zod: { def: Unwrapped } })._zod.def
  return at
}

/** The schemas that may stand at a path, seen from what the file has there. */
function schemasAt(path: readonly PropertyKey[], json: unknown): Unwrapped[] {
  let at: Unwrapped[] = [inner(settingsSchema)]
  for (const [index, part] of path.entries()) {
    at = at.flatMap((schema) =>
      typeof part === 'number'
        ? schema.element
          ? [inner(schema.element)]
          : []
        : schema.shape?.[String(part)]
          ? [inner(schema.shape[String(part)] as z.ZodType)]
          : [],
    )
    at = at.flatMap((schema) => (schema.options ? schema.options.map(inner) : [schema]))
    const kind = (valueAt(json, path.slice(0, index + 1)) as { kind?: unknown } | undefined)?.kind
    const same = at.filter((schema) => schema.shape?.kind && inner(schema.shape.kind).values?.includes(kind))
    if (same.length > 0) at = same
  }
  return at
}

const keysAt = (path: readonly PropertyKey[], json: unknown): string[] => [
  ...new Set(schemasAt(path, json).flatMap((schema) => Object.keys(schema.shape ?? {}))),
]

const kindsAt = (path: readonly PropertyKey[]): string[] =>
  schemasAt(path.slice(0, -1), undefined)
    .flatMap((schema) => (schema.shape?.kind ? (inner(schema.shape.kind).values ?? []) : []))
    .map(String)

/** What no single key can know. */
function crossCheck(settings: Settings): Finding[] {
  const findings: Finding[] = []
  const say = (path: string, what: string, write: string) => findings.push({ path, what, write, level: 'error' })
  for (const list of ['sources', 'people', 'rules', 'relays'] as const) {
    const seen = new Set<string>()
    for (const [index, one] of settings[list].entries()) {
      if (seen.has(one.id)) say(`${list}[${index}].id`, `The id ${one.id} is there twice.`, 'Give each its own id.')
      seen.add(one.id)
    }
  }
  const people = new Set(settings.people.map((person) => person.id))
  if (people.size === 0) people.add('operator')
  const sources = [...new Set([...ruledSources, ...settings.sources.map((source) => source.id)])]
  const knowsTo = (path: string, to: readonly string[]) => {
    for (const [index, one] of to.entries())
      if (!one.includes('@') && !people.has(one)) say(`${path}[${index}]`, `There is no person ${one}.`, suggestion(one, [...people]))
  }
  for (const [index, source] of settings.sources.entries()) {
    if (source.kind === 'serial' && source.frame.kind === 'fixed' && source.frame.bytes === undefined)
      say(
        `sources[${index}].frame.bytes`,
        'Frames of one length need that length.',
        'Write the octets of every frame, such as "bytes": 16.',
      )
    if (source.kind === 'mqtt' && source.version !== 5 && source.topics.some((topic) => shareOf(topic)))
      say(
        `sources[${index}].version`,
        'A topic that begins with $share/ is shared by a group of boxes, which MQTT 3.1.1 does not know.',
        'Write "version": 5, or a topic without $share/.',
      )
    if (source.kind === 'modbus') {
      const names = source.read.map((point) => point.name)
      for (const [at, name] of names.entries())
        if (names.indexOf(name) < at)
          say(`sources[${index}].read[${at}].name`, `The name ${name} is there twice.`, 'Give each its own name.')
    }
    if (source.kind === 'serial' && (source.frame.bytes ?? 0) > source.frame.maxBytes)
      say(`sources[${index}].frame.maxBytes`, 'Every frame would be cut.', `Write at least ${source.frame.bytes}.`)
    if ('decode' in source && source.decode === 'groups' && !('decoding' in source && source.decoding.pattern !== undefined))
      say(
        `sources[${index}].decoding.pattern`,
        'The decoder groups needs a pattern.',
        'Write one such as (?P<key>\\w+)=(?P<value>[0-9.]+).',
      )
    if (takenSources.includes(source.id))
      say(`sources[${index}].id`, `The id ${source.id} is used by Outpost itself.`, 'Choose another one.')
  }
  const rules = settings.rules.map((rule) => rule.id)
  for (const [index, rule] of settings.rules.entries()) {
    knowsTo(`rules[${index}].to`, rule.to)
    if (rule.escalate) knowsTo(`rules[${index}].escalate.to`, rule.escalate.to)
    for (const [at, other] of (rule.inhibitedBy ?? []).entries())
      if (!rules.includes(other) || other === rule.id)
        say(
          `rules[${index}].inhibitedBy[${at}]`,
          other === rule.id ? 'A rule cannot explain itself.' : `There is no rule ${other}.`,
          suggestion(
            other,
            rules.filter((one) => one !== rule.id),
          ),
        )
    for (const name of ['subject', 'body'] as const) {
      const given = rule[name]
      const texts = typeof given === 'object' ? given : { '': given }
      for (const [language, text] of Object.entries(texts)) {
        const fault = text === undefined ? undefined : templateFault(text)
        if (fault !== undefined) say(`rules[${index}].${name}${language && `.${language}`}`, 'The template cannot be used.', fault)
      }
    }
    for (const [at, sample] of (rule.samples ?? []).entries())
      if (!sources.includes(sample.source))
        say(`rules[${index}].samples[${at}].source`, `There is no source ${sample.source}.`, suggestion(sample.source, sources))
    for (const bound of ['clearBelow', 'clearAbove'] as const)
      if (rule[bound] !== undefined && rule.when.field === undefined)
        say(
          `rules[${index}].${bound}`,
          'Without a condition there is no level to be cleared.',
          'Write when.field, such as value > 80, or remove it.',
        )
    if (rule.when.source !== undefined && !sources.includes(rule.when.source))
      say(`rules[${index}].when.source`, `There is no source ${rule.when.source}.`, suggestion(rule.when.source, sources))
  }
  if (settings.reports) knowsTo('reports.to', settings.reports.to)
  for (const [index, relay] of settings.relays.entries()) {
    if (relay.pin && relay.ca !== undefined)
      say(`relays[${index}].pin`, 'A pin is trust in itself; ca beside it would have no effect.', 'Keep one of the two.')
    if (relay.pin && relay.security === 'none')
      say(`relays[${index}].pin`, 'Without TLS no certificate is shown.', 'Write security "tls" or "starttls", or remove pin.')
    if (relay.security === 'none' && relay.auth.kind !== 'none' && !isLoopbackHost(relay.host))
      say(
        `relays[${index}].security`,
        'A login over an unencrypted connection would give the password away.',
        'Write "tls" (port 465) or "starttls" (port 587), or remove auth.',
      )
  }
  if (settings.answers?.security === 'none' && !isLoopbackHost(settings.answers.host))
    say(
      'answers.security',
      'A login over an unencrypted connection would give the password away.',
      'Write "tls" (port 995) or "starttls" (port 110).',
    )
  const { broker, delivery, mail } = settings
  const sender = /@([^@>\s]+)>?\s*$/.exec(mail.from ?? '')?.[1]?.toLowerCase()
  const signer = mail.dkim?.domain?.toLowerCase()
  if (signer !== undefined && sender !== undefined && !`.${sender}`.endsWith(`.${signer}`))
    say(
      'mail.dkim.domain',
      `A signature of ${signer} says nothing about mail from ${sender} (RFC 7489 section 3.1).`,
      `Write ${sender} or a domain above it, or leave it out.`,
    )
  if (delivery.dane && delivery.dns.length === 0)
    say(
      'delivery.dane',
      'It says that the name servers can be trusted, but not which ones.',
      'Name a name server that verifies DNSSEC under delivery.dns, best 127.0.0.1, or remove dane.',
    )
  if (broker.enabled && broker.users.length === 0 && !isLoopbackHost(broker.listen.replace(/:\d+$/, '')))
    say(
      'broker.users',
      `The broker listens on ${broker.listen}, where others reach it, but has no users.`,
      'Add a user with a password, or listen on 127.0.0.1:1883.',
    )
  return findings
}

const suggestion = (word: string, known: readonly string[]): string => {
  const near = nearest(word, known)
  return near ? `Did you mean ${near}?` : `Known are: ${known.join(', ')}.`
}
