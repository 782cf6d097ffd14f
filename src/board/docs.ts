import { z } from 'zod'
import { boardSchema } from './schema.ts'

/** docs/boards.md: what a board file may hold, made from the schema, and which boards there are. */
type Node = {
  title?: string
  description?: string
  type?: string
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, Node>
  required?: string[]
  items?: Node
  oneOf?: Node[]
}

export function boardsMarkdown(): string {
  const root = z.toJSONSchema(boardSchema) as Node
  return `${[
    '# Board files',
    '',
    'What a file of `boards/` may hold. Made from the schema in `src/board`; `npm run docs` writes it anew. How to add a board: [boards/README.md](../boards/README.md).',
    '',
    '| key | what | values | |',
    '|---|---|---|---|',
    ...rows('', root),
  ].join('\n')}\n`
}

const rows = (prefix: string, node: Node): string[] =>
  Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const name = `${prefix}${key}`
    const must = node.required?.includes(key) ? '' : 'optional'
    const row = `| \`${name}\` | ${[value.title && `${value.title}.`, value.description].filter(Boolean).join(' ')} | ${valuesOf(value)} | ${must} |`
    const inner = value.items?.properties ? { node: value.items, mark: '[].' } : { node: value, mark: '.' }
    const kinds = (inner.node.oneOf ?? []).flatMap((kind) => [
      `| \`${name}.recipe\` = \`${kind.properties?.recipe?.const}\` | ${kind.properties?.recipe?.description} | | |`,
      ...rows(`${name}.`, {
        ...kind,
        properties: Object.fromEntries(Object.entries(kind.properties ?? {}).filter(([one]) => one !== 'recipe')),
      }),
    ])
    return [row, ...kinds, ...rows(`${name}${inner.mark}`, inner.node)]
  })

function valuesOf(node: Node): string {
  if (node.const !== undefined) return `\`${node.const}\``
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(' ')
  if (node.oneOf) return ''
  if (node.type === 'array') return node.items?.properties ? 'list' : 'list of text'
  return { string: 'text', integer: 'number', boolean: '`true` `false`' }[node.type ?? ''] ?? ''
}
