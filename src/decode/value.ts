import { type AlertState, alertLimits, type FieldValue, type Reading, type Severity, severities, states } from '../alert/alert.ts'
import { cleanLine, cleanText } from '../alert/clean.ts'
import type { Context } from './decoder.ts'

/** How deep and how wide a device's object may be before the rest is passed over. */
const depthLimit = 16

/**
 * A reading from names and values: the canonical names (docs/settings.md) become the alert's members, all others fields. A canonical name
 * with a value of the wrong kind does not cost the alert: it is kept among the fields.
 */
export function readingOf(members: Iterable<readonly [string, unknown]>, context: Context): Reading {
  const reading: Partial<Reading> = {}
  const fields: Record<string, FieldValue> = Object.create(null)
  let count = 0
  const keep = (name: string, value: FieldValue) => {
    if (count++ < alertLimits.fields)
      fields[cleanLine(name, 100) || '_'] = typeof value === 'string' ? cleanLine(value, alertLimits.fieldChars) : value
  }
  for (const [name, value] of members) {
    if (isCanonical(name) && take(reading, name, value)) continue
    for (const [path, leaf] of leaves(name, value)) keep(path, leaf)
  }
  const filled: Reading = { ...reading, text: reading.text || describe(reading, fields, context) }
  if (filled.key === undefined && context.topic !== undefined) filled.key = cleanLine(context.topic, alertLimits.keyChars)
  return count > 0 ? { ...filled, fields: { ...fields } } : filled
}

const canonical = ['id', 'key', 'state', 'severity', 'text', 'value', 'unit', 'at'] as const
type Canonical = (typeof canonical)[number]
export const isCanonical = (name: string): name is Canonical => (canonical as readonly string[]).includes(name)

function take(reading: Partial<Reading>, name: Canonical, value: unknown): boolean {
  switch (name) {
    case 'state':
      if (!states.includes(value as AlertState)) return false
      reading.state = value as AlertState
      return true
    case 'severity':
      if (!severities.includes(value as Severity)) return false
      reading.severity = value as Severity
      return true
    case 'value': {
      const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
      if (Number.isFinite(number)) reading.value = number
      return Number.isFinite(number)
    }
    case 'text':
      if (typeof value !== 'string') return false
      reading.text = cleanText(value, alertLimits.textChars)
      return true
    default: {
      if (typeof value !== 'string' && typeof value !== 'number') return false
      const limit = { id: alertLimits.idChars, key: alertLimits.keyChars, unit: alertLimits.unitChars, at: alertLimits.atChars }[name]
      const line = cleanLine(String(value), limit)
      if (line) reading[name] = line
      return true
    }
  }
}

/** Nested members as paths: `a.b`, `a.0`. Without recursion, so that no nesting can overflow the stack. */
function* leaves(name: string, value: unknown): Generator<[string, FieldValue]> {
  const stack: [string, unknown, number][] = [[name, value, 0]]
  for (let steps = 0; stack.length > 0 && steps < alertLimits.fields * 16; steps++) {
    const [path, at, depth] = stack.pop() as [string, unknown, number]
    if (at === null || typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean') yield [path, at]
    else if (typeof at === 'object' && depth < depthLimit) {
      const inner = Object.entries(at).slice(0, alertLimits.fields)
      for (const [key, next] of inner.reverse()) stack.push([`${path}.${key}`, next, depth + 1])
    }
  }
}

/** A sentence for an alert that brought none. */
function describe(reading: Partial<Reading>, fields: Record<string, FieldValue>, context: Context): string {
  const name = reading.key ?? context.topic ?? ''
  const value = reading.value === undefined ? '' : `${reading.value}${reading.unit ? ` ${reading.unit}` : ''}`
  const rest = Object.entries(fields)
    .slice(0, 6)
    .map(([key, field]) => `${key} ${field}`)
    .join(', ')
  return cleanText(
    [[name, reading.state ?? '', value].filter(Boolean).join(' '), rest].filter(Boolean).join(': ') || 'alert without text',
    alertLimits.textChars,
  )
}
