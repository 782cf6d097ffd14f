import type { FieldValue, Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
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
  for (const [pattern, on, off, severity] of alarms) {
    const told = changed.find(([name, value]) => pattern.test(name) && typeof value === 'boolean')
    if (!told) continue
    const members: [string, unknown][] = [
      ['text', `${src}: ${told[1] ? on : off}`],
      ['key', `${src}/${told[0]}`],
      ['state', told[1] ? 'raised' : 'cleared'],
      ['severity', severity],
    ]
    return { kind: 'reading', reading: readingOf([...members, ...timeOf(params), ...Object.entries(whole)], context) }
  }
  if (changed.length === 0) return { kind: 'ignored', why: 'a Shelly says that nothing changed' }
  const numbers = changed.filter(([, value]) => typeof value === 'number')
  const members: [string, unknown][] = [
    [
      'text',
      `${src}: ${changed
        .slice(0, 6)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    ],
    ['key', src],
    ['severity', 'info'],
    ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : []),
  ]
  return { kind: 'reading', reading: readingOf([...members, ...timeOf(params), ...Object.entries(whole)], context) }
}

const timeOf = ({ ts }: Readonly<Record<string, unknown>>): [string, unknown][] => (typeof ts === 'number' ? [['at', String(ts)]] : [])

function eventReading(src: string, params: Readonly<Record<string, unknown>>, context: Context): Decoded {
  const [event] = Array.isArray(params.events) ? params.events : []
  if (!isObject(event)) return { kind: 'ignored', why: 'a Shelly tells of no event' }
  const { component = '', event: name = '' } = event
  const members: [string, unknown][] = [
    ['text', `${src}: ${component} ${name}`],
    ['key', `${src}/${component}/${name}`],
    ...timeOf(params),
    ...flatten(event).filter(([field]) => field !== 'id'),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

function decodeMessage({ object }: Payload, context: Context): Decoded {
  if (!object || typeof object.method !== 'string' || !isObject(object.params))
    return { kind: 'undecodable', why: 'This is no notification of a Shelly: it has no method and params.' }
  const src = typeof object.src === 'string' ? object.src : (context.topic ?? 'shelly').split('/')[0]
  if (object.method === 'NotifyEvent') return eventReading(src ?? 'shelly', object.params, context)
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
