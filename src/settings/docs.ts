import { z } from 'zod'
import { german } from './german.ts'
import { presets } from './presets.ts'
import { settingsSchema } from './schema.ts'

/** docs/settings.md and docs/settings.schema.json, made from the schema, so that they cannot say anything else. */
type Node = {
  title?: string
  description?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  properties?: Record<string, Node>
  required?: string[]
  items?: Node
  oneOf?: Node[]
  anyOf?: Node[]
  minimum?: number
  maximum?: number
}

const jsonSchema = (): Node => z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as Node

/** The JSON Schema for a form, with titles and descriptions in this language. */
export const schemaFor = (language: 'en' | 'de'): unknown => (language === 'de' ? inGerman(jsonSchema()) : jsonSchema())

function inGerman(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(inGerman)
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) =>
      (name === 'title' || name === 'description') && typeof value === 'string' ? [name, german[value] ?? value] : [name, inGerman(value)],
    ),
  )
}

export const settingsSchemaText = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`

export function settingsMarkdown(): string {
  const root = jsonSchema()
  const lines = [
    '# Settings',
    '',
    '`settings.json` in the data directory. Made from the schema in `src/settings`; `npm run docs` writes it anew. Every key has a default but `id`, `kind` and what a kind cannot',
    'do without; `{}` is valid. Durations are written `30s 15m 4h 5d`. A password is a reference, `{ "secret": "name" }`: its value stands in `secrets.json`, in',
    '`$CREDENTIALS_DIRECTORY/NAME` or in the environment as `OUTPOST_SECRET_<NAME>`. `outpost check` says what is wrong, and what is valid but seldom meant.',
  ]
  for (const [name, node] of Object.entries(root.properties ?? {})) {
    if (name === 'version') continue
    lines.push('', `## ${name}`, '', [node.title && `${node.title}.`, node.description].filter(Boolean).join(' '))
    const about = node.items ?? node
    for (const kind of about.oneOf ?? [about]) {
      const tag = kind.properties?.kind?.const
      if (tag !== undefined) lines.push('', `### kind ${tag}`)
      lines.push('', '| key | what | values | default |', '|---|---|---|---|', ...rows('', kind))
    }
    if (name === 'relays') lines.push('', ...presetTable())
  }
  return `${lines.join('\n')}\n`
}

const presetTable = (): string[] => [
  'For these providers `outpost settings presets NAME` prints an entry to paste:',
  '',
  '| NAME | provider | host | what it needs |',
  '|---|---|---|---|',
  ...presets.map(
    ({ name, title, relay, need }) => `| \`${name}\` | ${title} | \`${relay.host}:${relay.port}\`, ${relay.security} | ${cell(need)} |`,
  ),
]

function rows(prefix: string, node: Node): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, value]) => {
    const path = prefix ? `${prefix}.${name}` : name
    const inner = value.properties && !value.properties.secret ? rows(path, value) : []
    const row = `| \`${path}\` | ${[value.title, value.description].filter(Boolean).join('. ')} | ${cell(values(value))} | ${value.default === undefined || inner.length > 0 ? (node.required?.includes(name) ? 'must be given' : '') : cell(`\`${JSON.stringify(value.default)}\``)} |`
    const items = value.items?.properties ? rows(`${path}[]`, value.items) : []
    return inner.length > 0 ? inner : [row, ...items]
  })
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function values(node: Node): string {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``
  if (node.enum) return node.enum.map((one) => `\`${one}\``).join(', ')
  const choices = node.oneOf ?? node.anyOf
  if (choices)
    return choices
      .map((choice) =>
        choice.properties?.kind?.const === undefined
          ? values(choice)
          : `{ kind: \`${choice.properties.kind.const}\`${Object.keys(choice.properties)
              .filter((key) => key !== 'kind')
              .map((key) => `, ${key}`)
              .join('')} }`,
      )
      .join(', ')
  if (node.properties?.secret) return 'a secret'
  if (node.items) return node.items.properties ? 'list' : `list of ${values(node.items)}`
  const range = node.minimum !== undefined && node.maximum !== undefined && node.maximum < 1e15 ? ` ${node.minimum} to ${node.maximum}` : ''
  return `${node.type ?? ''}${range}`
}
