import type { Decoder } from './decoder.ts'
import type { Payload } from './payload.ts'
import { readingOf } from './value.ts'

/** `key=value` pairs, apart by `;`, `,`, white space or line ends; a value in double quotes may hold any of these. */
const pair = /([A-Za-z_][\w.-]{0,63})=("[^"]{0,1024}"|[^;,\s"]{0,1024})(?=[;,\s]|$)/y
const gap = /[;,\s]+/y
/** The same where values have blanks in them without quotes: then only `;` and line ends can tell them apart. */
const segment = /^([A-Za-z_][\w.-]{0,63})=([^"]{0,1024})$/
const pairsLimit = 256

type Pair = [name: string, value: string]

function pairsIn({ bytes, text }: Payload): Pair[] | undefined {
  if (!bytes.includes(0x3d)) return undefined
  return mixed(text) ?? segments(text)
}

function mixed(text: string): Pair[] | undefined {
  const found: Pair[] = []
  for (let at = 0; at < text.length; ) {
    gap.lastIndex = at
    if (gap.test(text)) at = gap.lastIndex
    if (at >= text.length) break
    pair.lastIndex = at
    const match = pair.exec(text)
    if (!match || found.length >= pairsLimit) return undefined
    at = pair.lastIndex
    found.push([match[1] ?? '', (match[2] ?? '').replace(/^"(.*)"$/s, '$1')])
  }
  return found.length > 0 ? found : undefined
}

/** At least two, or a sentence with an equals sign in it would be taken for a pair. */
function segments(text: string): Pair[] | undefined {
  const parts = text
    .split(/[;\r\n]/, pairsLimit + 1)
    .map((part) => part.trim())
    .filter(Boolean)
  if (parts.length < 2 || parts.length > pairsLimit) return undefined
  const found = parts.map((part) => segment.exec(part))
  return found.every((match) => match !== null) ? found.map((match): Pair => [match[1] ?? '', (match[2] ?? '').trim()]) : undefined
}

/** `key=pump-3 severity=critical text="Leak in pit"`, or `key=pump-3;text=Leak in pit`. Every part must be a pair. */
export const pairs: Decoder = {
  name: 'pairs',
  title: 'key=value pairs',
  recognises: (payload) => pairsIn(payload) !== undefined,
  decode: (payload, context) => {
    const found = pairsIn(payload)
    if (!found)
      return { kind: 'undecodable', why: 'These are not key=value pairs. Write them like: key=pump-3 severity=critical text="Leak in pit"' }
    return { kind: 'reading', reading: readingOf(found, context, payload.text) }
  },
}
