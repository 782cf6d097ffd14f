import type { FieldValue, Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'
import { flatten, isObject } from './flatten.ts'

/** Shelly of the second generation and later: `<id>/events/rpc`. NotifyStatus carries only what changed, so it is laid over what was known. */
const methods = new Set(['NotifyFullStatus', 'NotifyStatus', 'NotifyEvent'])

const alarms: readonly (readonly [component: RegExp, on: string, off: string, severity: Severity])[] = [
  [/^flood:\d+\.alarm$/, 'flood', 'dry again', 'critical'],
  [/^smoke:\d+\.alarm$/, 'smoke', 'smoke is gone', 'critical'],
]

function statusReading(src: string, params: Readonly<Record<string, unknown>>, isWhole: boolean, context: Context): Decoded {
  const changed = flatten(params).filter(([name]) => name !== 'ts' && !/\.id$/.test(name)) as [string, FieldValue][]
  const before = isWhole ? {} : (context.memory?.get(`shelly:${src}`) ?? {})
  const whole = { ...before, ...Object.fromEntries(changed) }
  context.memory?.set(`shelly:${src}`, whole)
  if (changed.length === 0) return { kind: 'ignored', why: 'a Shelly says that nothing changed' }
  return several(alarmsIn(src, changed), levelOf(src, changed), (members) =>
    readingOf([...members, ...timeOf(params), ...Object.entries(whole)], context),
  )
}

/** One for each sensor of the device that says whether it is well. */
const alarmsIn = (src: string, changed: readonly [string, FieldValue][]): Members[] =>
  alarms.flatMap(([pattern, on, off, severity]) =>
    changed
      .filter(([name, value]) => pattern.test(name) && typeof value === 'boolean')
      .map(
        ([name, value]): Members => [
          ['text', `${src}: ${value ? on : off}`],
          ['key', `${src}/${name}`],
          ['state', value ? 'raised' : 'cleared'],
          ['severity', severity],
        ],
      ),
  )

function levelOf(src: string, changed: readonly [string, FieldValue][]): Members {
  const numbers = changed.filter(([, value]) => typeof value === 'number')
  const said = changed.slice(0, 6).map(([name, value]) => `${name} ${value}`)
  return [
    ['text', `${src}: ${said.join(', ')}`],
    ['key', src],
    ['severity', 'info'],
    ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : []),
  ]
}

const timeOf = ({ ts }: Readonly<Record<string, unknown>>): Members => (typeof ts === 'number' ? [['at', String(ts)]] : [])

function eventsReading(src: string, params: Readonly<Record<string, unknown>>, context: Context): Decoded {
  const events = Array.isArray(params.events) ? params.events.filter(isObject) : []
  const [first] = events
  if (!first) return { kind: 'ignored', why: 'a Shelly tells of no event' }
  return several(events, first, (event) => readingOf([...eventOf(src, event), ...timeOf(params), ...fieldsOf(event)], context))
}

const eventOf = (src: string, { component = '', event = '' }: Record<string, unknown>): Members => [
  ['text', `${src}: ${component} ${event}`],
  ['key', `${src}/${component}/${event}`],
]

const fieldsOf = (event: Record<string, unknown>): Members => flatten(event).filter(([field]) => field !== 'id')

function decodeMessage({ object }: Payload, context: Context): Decoded {
  if (!object || typeof object.method !== 'string' || !isObject(object.params))
    return { kind: 'undecodable', why: 'This is no notification of a Shelly: it has no method and params.' }
  const src = typeof object.src === 'string' ? object.src : (context.topic ?? 'shelly').split('/')[0]
  if (object.method === 'NotifyEvent') return eventsReading(src ?? 'shelly', object.params, context)
  return statusReading(src ?? 'shelly', object.params, object.method === 'NotifyFullStatus', context)
}

export const shelly: Decoder = {
  name: 'shelly',
  title: 'Shelly of the second generation and later: …/events/rpc',
  sample: {
    topic: 'shellyflood-1/events/rpc',
    text: '{"src":"shellyflood-1","method":"NotifyStatus","params":{"ts":1680962879.6,"flood:0":{"id":0,"alarm":true}}}',
  },
  recognises: ({ object }, { topic = '' }) =>
    topic.endsWith('/events/rpc') && typeof object?.method === 'string' && methods.has(object.method),
  decode: decodeMessage,
}
