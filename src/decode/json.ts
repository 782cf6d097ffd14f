import { alertLimits } from '../alert/alert.ts'
import { cleanText, decodeUtf8 } from '../alert/clean.ts'
import type { Context, Decoded, Decoder } from './decoder.ts'
import { isCanonical, readingOf } from './value.ts'

const startsLikeObject = (bytes: Uint8Array): boolean => {
  const first = bytes.find((octet) => octet > 0x20)
  return first === 0x7b
}

function parsed(bytes: Uint8Array): { value: unknown } | { why: string } {
  try {
    return { value: JSON.parse(decodeUtf8(bytes).text) }
  } catch (error) {
    return { why: `not valid JSON: ${error instanceof Error ? error.message : error}` }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function decodeObject(bytes: Uint8Array, context: Context): Decoded {
  const result = parsed(bytes)
  if ('why' in result) return { kind: 'undecodable', why: result.why }
  if (isObject(result.value)) return { kind: 'reading', reading: readingOf(Object.entries(result.value), context) }
  if (Array.isArray(result.value)) return { kind: 'reading', reading: readingOf(Object.entries(result.value), context) }
  return { kind: 'reading', reading: readingOf([['text', cleanText(String(result.value), alertLimits.textChars)]], context) }
}

/** JSON with the names that Outpost itself uses. */
export const canonicalJson: Decoder = {
  name: 'outpost',
  title: 'JSON with the names id, key, state, severity, text, value, unit, at',
  decode: decodeObject,
  recognises: (bytes) => {
    if (!startsLikeObject(bytes)) return false
    const result = parsed(bytes)
    return 'value' in result && isObject(result.value) && Object.keys(result.value).some(isCanonical)
  },
}

/** Any JSON: members become fields. */
export const anyJson: Decoder = {
  name: 'json',
  title: 'Any JSON; its members become fields',
  decode: decodeObject,
  recognises: (bytes) => {
    if (!startsLikeObject(bytes)) return false
    return 'value' in parsed(bytes)
  },
}
