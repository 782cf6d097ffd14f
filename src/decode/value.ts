import { type AlertState, alertLimits, type FieldValue, type Reading, type Severity, severities, states } from '../alert/alert.ts'
import { cleanKey, cleanLine, cleanText } from '../alert/clean.ts'
import { type Canonical, type Context, canonical } from './decoder.ts'

/** How deep a device's object may be nested, and how many of its values are looked at, before the rest is passed over. */
const depthLimit = 16
const stepsLimit = 1024
const nameChars = 100
/** Fields told in the sentence of an alert that brought none. */
const toldFields = 6
const numberChars = 40
const number = /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** What a decoder has found, in its order: canonical names first where they are to win over what the device calls so. */
export type Members = [name: string, value: unknown][]

export const isCanonical = (name: string): name is Canonical => (canonical as readonly string[]).includes(name)

/** Names without which `id` is taken for that of the device, which is the same in every message: its alerts must not count as repeats. */
const alertNames: readonly string[] = ['text', 'key', 'severity', 'at']

/**
 * A reading from names and values. Nothing costs the alert: a canonical name with a value of the wrong kind goes to the fields like any other
 * name; what else is to be known of that is said in the field `decodeNote`. `severity` and `state` may be in capitals, `value` may be a number
 * in text. An `id` of more than 200 characters, with control characters, or beyond 2^53 does not name the alert: two of them might look alike.
 *
 * Without `text`, the text is made of key or topic, state, value and the first fields; or it is `raw` when not all of it became fields. Without
 * `key`, the topic is the key. At most 64 fields, of 1,024 characters.
 */
export function readingOf(members: Iterable<readonly [string, unknown]>, context: Context, raw = ''): Reading {
  const all = [...members]
  const isAlert = all.some(([name]) => alertNames.includes(name))
  const reading: Partial<Reading> = {}
  const fields = new Fields()
  for (const [name, value] of all) {
    if (isCanonical(name) && (value === null || value === '')) continue
    if (isCanonical(name) && (name !== 'id' || isAlert) && take(reading, name, value)) continue
    if (name === 'severity') fields.note('severity is none of critical, warning, info')
    if (name === 'id' && isAlert) fields.note('id cannot tell this alert from others')
    fields.keep(name, value)
  }
  const whole = fields.finish()
  const text = reading.text || (fields.passedOver && cleanText(raw, alertLimits.textChars)) || describe(reading, whole, context)
  const filled: Reading = { ...reading, text }
  const key = reading.key ?? cleanKey(context.topic ?? '', alertLimits.keyChars)
  if (key) filled.key = key
  return Object.keys(whole).length > 0 ? { ...filled, fields: whole } : filled
}

/** Puts the value where it belongs; false when it is not of the right kind. */
function take(reading: Partial<Reading>, name: Canonical, value: unknown): boolean {
  switch (name) {
    case 'state':
      return choose(states, value, (state: AlertState) => {
        reading.state = state
      })
    case 'severity':
      return choose(severities, value, (severity: Severity) => {
        reading.severity = severity
      })
    case 'value': {
      const found = typeof value === 'string' && value.length <= numberChars && number.test(value.trim()) ? Number(value) : value
      if (typeof found !== 'number' || !Number.isFinite(found)) return false
      reading.value = found
      return true
    }
    case 'text':
      if (typeof value !== 'string' && typeof value !== 'number') return false
      reading.text = cleanText(String(value), alertLimits.textChars)
      return true
    case 'id': {
      if (typeof value === 'number' ? !Number.isSafeInteger(value) : typeof value !== 'string') return false
      const id = cleanLine(String(value), alertLimits.idChars)
      if (id !== String(value)) return false
      reading.id = id
      return true
    }
    default: {
      if (typeof value !== 'string' && typeof value !== 'number') return false
      const line =
        name === 'key'
          ? cleanKey(String(value), alertLimits.keyChars)
          : cleanLine(String(value), { unit: alertLimits.unitChars, at: alertLimits.atChars }[name])
      if (line) reading[name] = line
      return true
    }
  }
}

function choose<T extends string>(words: readonly T[], value: unknown, put: (word: T) => void): boolean {
  const word = typeof value === 'string' ? words.find((one) => one === value.trim().toLowerCase()) : undefined
  if (word !== undefined) put(word)
  return word !== undefined
}

/** Fields of an alert, bounded; nested members become paths: `a.b`, `a.0`. */
class Fields {
  passedOver = 0
  readonly #fields = new Map<string, FieldValue>()
  readonly #notes: string[] = []

  /** Without recursion, so that no nesting can overflow the stack. */
  keep(name: string, value: unknown): void {
    const stack: [path: string, value: unknown, depth: number][] = [[name, value, 0]]
    for (let steps = 0, next = stack.pop(); next; steps++, next = stack.pop()) {
      const [path, at, depth] = next
      if (at === null || typeof at !== 'object') this.#put(path, at)
      else if (depth >= depthLimit || steps >= stepsLimit) this.passedOver++
      else {
        const inner = Object.entries(at)
        this.passedOver += Math.max(0, inner.length - alertLimits.fields)
        for (const [key, deeper] of inner.slice(0, alertLimits.fields).reverse())
          stack.push([`${path.slice(0, nameChars)}.${key}`, deeper, depth + 1])
      }
    }
  }

  note(words: string): void {
    this.#notes.push(words)
  }

  finish(): Record<string, FieldValue> {
    if (this.passedOver > 0) this.note(`${this.passedOver} values were passed over`)
    if (this.#notes.length > 0) this.#fields.set('decodeNote', this.#notes.join('; '))
    return Object.fromEntries(this.#fields)
  }

  #put(path: string, value: unknown): void {
    // One place is kept for the note.
    if (this.#fields.size >= alertLimits.fields - 1) {
      this.passedOver++
      return
    }
    const clean = cleanLine(path, nameChars)
    // `__proto__` as a name is a trap for whoever copies fields one by one.
    const name = !clean || clean === '__proto__' || clean === 'decodeNote' ? `${clean}_` : clean
    this.#fields.set(this.#fields.has(name) ? `${name}#${this.#fields.size}` : name, fieldOf(value))
  }
}

const fieldOf = (value: unknown): FieldValue =>
  value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
    ? value
    : cleanLine(String(value), alertLimits.fieldChars)

/** A sentence for an alert that brought none. */
function describe(reading: Partial<Reading>, fields: Record<string, FieldValue>, context: Context): string {
  const name = reading.key ?? context.topic
  const value = reading.value === undefined ? undefined : [reading.value, reading.unit].filter((part) => part !== undefined).join(' ')
  const head = [name, reading.state, value].filter((part) => part !== undefined).join(' ')
  const rest = Object.entries(fields)
    .filter(([key]) => key !== 'decodeNote')
    .slice(0, toldFields)
    .map(([key, field]) => `${key} ${field}`)
    .join(', ')
  return cleanText([head, rest].filter(Boolean).join(': '), alertLimits.textChars) || 'alert without text'
}
