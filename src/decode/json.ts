import { decodeUtf8 } from '../alert/clean.ts'
import type { Context, Decoded, Decoder } from './decoder.ts'
import { isCanonical, readingOf } from './value.ts'

/** Devices pad with NUL; JSON itself ends at `}` or `]`. */
const jsonOf = (bytes: Uint8Array): string => decodeUtf8(bytes).text.replaceAll('\0', ' ').trim()

/** JSON.parse needs no stack for nesting, but may give a million levels: whoever walks the value must not recurse. */
function parsed(text: string): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    return { why: `This is not valid JSON: ${error instanceof Error ? error.message : error}. Write like {"text":"Door open"}.` }
  }
}

/** The object in these bytes; undefined for everything else. */
function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  const text = jsonOf(bytes)
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  const result = parsed(text)
  return 'value' in result ? (result.value as Record<string, unknown>) : undefined
}

function decodeJson(bytes: Uint8Array, context: Context): Decoded {
  const text = jsonOf(bytes)
  const result = parsed(text)
  if ('why' in result) return { kind: 'undecodable', why: result.why }
  const { value } = result
  const members: Iterable<[string, unknown]> =
    typeof value === 'object' && value !== null ? Object.entries(value) : [['text', String(value)]]
  return { kind: 'reading', reading: readingOf(members, context, text) }
}

/** JSON with the names that Outpost itself uses. */
export const canonicalJson: Decoder = {
  name: 'outpost',
  title: 'JSON with the names id, key, state, severity, text, value, unit, at',
  decode: decodeJson,
  recognises: (bytes) => Object.keys(objectIn(bytes) ?? {}).some(isCanonical),
}

/** Any JSON: members become fields, nested ones `a.b` and `a.0`; a number, a string, true or false becomes the text. */
export const anyJson: Decoder = {
  name: 'json',
  title: 'Any JSON; its members become fields',
  decode: decodeJson,
  recognises: (bytes) => objectIn(bytes) !== undefined,
}
