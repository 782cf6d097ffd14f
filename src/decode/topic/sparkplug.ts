import type { FieldValue } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
import { type Field, fieldsOf } from './protobuf.ts'

/**
 * Sparkplug B: `spBv1.0/<group>/<type>/<node>[/<device>]` with metrics in protobuf. DATA names its metrics by the aliases that BIRTH gave them; DEATH is an alarm by
 * its topic alone.
 */
const topicPattern = /^spBv1\.0\/(?<group>[^/]+)\/(?<type>[ND](?:BIRTH|DEATH|DATA|CMD))\/(?<node>[^/]+)(?:\/(?<device>[^/]+))?$/
const stateTopic = /^spBv1\.0\/STATE\/|^STATE\//

type Metric = { name?: string; alias?: string; value: FieldValue; at?: number }

/** Payload: 2 metrics. Metric: 1 name, 2 alias, 3 timestamp, 4 datatype, 7 is_null, 10 int, 11 long, 12 float, 13 double, 14 boolean, 15 string. */
const metricsOf = (bytes: Uint8Array): Metric[] =>
  fieldsOf(bytes).flatMap(({ number, value }) => (number === 2 && value instanceof Uint8Array ? [metricOf(fieldsOf(value))] : []))

function metricOf(fields: readonly Field[]): Metric {
  const find = (number: number) => fields.find((field) => field.number === number)?.value
  const [name, alias, at, type] = [find(1), find(2), find(3), Number(find(4) ?? 0)]
  return {
    value: valueOfMetric(fields, type),
    ...(name instanceof Uint8Array ? { name: Buffer.from(name).toString() } : {}),
    ...(alias === undefined ? {} : { alias: String(alias) }),
    ...(at === undefined ? {} : { at: Number(at) }),
  }
}

/** Data types 1 to 4 are signed integers, in the two's complement of what carries them. */
function valueOfMetric(fields: readonly Field[], type: number): FieldValue {
  const found = fields.find(({ number }) => number >= 10 && number <= 15)
  if (!found) return null
  const { number, value } = found
  if (value instanceof Uint8Array) return number === 15 ? Buffer.from(value).toString() : `${value.length} octets`
  if (number === 14) return value !== 0n
  if (typeof value === 'number') return value
  if (number === 10) return Number(type >= 1 && type <= 3 ? BigInt.asIntN(32, value) : value)
  return Number(type === 4 ? BigInt.asIntN(64, value) : value)
}

function decodeMessage({ bytes }: Payload, context: Context): Decoded {
  const { group = '', type = '', node = '', device } = topicPattern.exec(context.topic ?? '')?.groups ?? {}
  if (type === '' || type.endsWith('CMD')) return { kind: 'ignored', why: 'Sparkplug speaks of itself, or to a node' }
  const place = [group, node, device].filter((part) => part !== undefined).join('/')
  if (type.endsWith('DEATH')) return there(place, 'raised', [], context)
  let metrics: Metric[]
  try {
    metrics = metricsOf(bytes)
  } catch (error) {
    return { kind: 'undecodable', why: `This is no Sparkplug B payload: ${error instanceof Error ? error.message : error}.` }
  }
  const born = type.endsWith('BIRTH')
  if (born)
    context.memory?.set(
      `sparkplug:${place}`,
      Object.fromEntries(metrics.flatMap(({ name, alias }) => (name !== undefined && alias !== undefined ? [[alias, name]] : []))),
    )
  const names = context.memory?.get(`sparkplug:${place}`) ?? {}
  const fields = metrics
    .map(({ name, alias, value }): [string, FieldValue] => [name ?? String(names[alias ?? ''] ?? `alias ${alias ?? '?'}`), value])
    .filter(([name]) => name !== 'bdSeq' && !name.startsWith('Node Control/'))
  if (born) return there(place, 'cleared', fields, context)
  if (fields.length === 0) return { kind: 'ignored', why: 'Sparkplug data without a metric' }
  const numbers = fields.filter(([, value]) => typeof value === 'number')
  const at = metrics.find((one) => one.at !== undefined)?.at
  const members: [string, unknown][] = [
    [
      'text',
      `${place}: ${fields
        .slice(0, 6)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    ],
    ['key', fields.length === 1 ? `${place}/${fields[0]?.[0]}` : place],
    ['severity', 'info'],
    ...(at === undefined ? [] : [['at', String(at)] as [string, unknown]]),
    ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : []),
  ]
  return {
    kind: 'reading',
    reading: readingOf([...members, ...fields.map(([name, value]) => [`metric.${name}`, value] as [string, unknown])], context),
  }
}

function there(place: string, state: 'raised' | 'cleared', fields: readonly [string, FieldValue][], context: Context): Decoded {
  const members: [string, unknown][] = [
    ['text', `${place} is ${state === 'raised' ? 'offline' : 'online'}`],
    ['key', `${place}/online`],
    ['state', state],
    ...fields.map(([name, value]): [string, unknown] => [`metric.${name}`, value]),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const sparkplug: Decoder = {
  name: 'sparkplug',
  title: 'Sparkplug B: metrics by the names that BIRTH gave them; DEATH is offline, BIRTH online',
  recognises: (_, { topic = '' }) => topicPattern.test(topic) || stateTopic.test(topic),
  /** DEATH says all that there is to say by its topic. */
  speaksEmpty: ({ topic = '', retained }) => !retained && topicPattern.exec(topic)?.groups?.type?.endsWith('DEATH') === true,
  decode: decodeMessage,
}
