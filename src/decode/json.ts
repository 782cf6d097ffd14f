import { type Canonical, type Context, canonical, type Decoded, type Decoder } from './decoder.ts'
import type { Payload } from './payload.ts'
import { isCanonical, readingOf } from './value.ts'

function decodeJson({ json, text }: Payload, context: Context): Decoded {
  if ('why' in json) return { kind: 'undecodable', why: json.why }
  const { value } = json
  const members: [string, unknown][] = typeof value === 'object' && value !== null ? Object.entries(value) : [['text', String(value)]]
  const pointed = pointedAt(value, context.options?.paths ?? {})
  const rest = members.filter(([name]) => !pointed.some(([known]) => known === name))
  return { kind: 'reading', reading: readingOf([...pointed, ...rest], context, text) }
}

/** What stands where the settings say, under the names that Outpost knows; the whole stays in the fields. */
const pointedAt = (value: unknown, paths: Readonly<Partial<Record<Canonical, string>>>): [Canonical, unknown][] =>
  canonical.flatMap((name) => {
    const path = paths[name]
    const found = path === undefined ? undefined : valueAt(value, path)
    return found === undefined || typeof found === 'object' ? [] : [[name, found] as [Canonical, unknown]]
  })

const stepsLimit = 32

/** `SENSOR.DS18B20-1.Temperature`, `items.0.name`: a name that itself has dots in it is found, too. undefined: nothing is there. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value
  const steps = path.split('.', stepsLimit)
  while (steps.length > 0) {
    if (typeof at !== 'object' || at === null) return undefined
    const own = at as Record<string, unknown>
    let taken = steps.length
    while (taken > 1 && !Object.hasOwn(own, steps.slice(0, taken).join('.'))) taken--
    const name = steps.splice(0, taken).join('.')
    if (!Object.hasOwn(own, name)) return undefined
    at = own[name]
  }
  return at
}

/** JSON with the names that Outpost itself uses. */
export const canonicalJson: Decoder = {
  name: 'outpost',
  title: 'JSON with the names id, key, state, severity, text, value, unit, at',
  decode: decodeJson,
  recognises: ({ object }) => Object.keys(object ?? {}).some(isCanonical),
}

/** Any JSON: members become fields, nested ones `a.b` and `a.0`; a number, a string, true or false becomes the text. */
export const anyJson: Decoder = {
  name: 'json',
  title: 'Any JSON; its members become fields, and decoding.paths says where text, value and key stand',
  decode: decodeJson,
  recognises: ({ object }) => object !== undefined,
}
