import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
import { flatten } from './flatten.ts'

/** Tasmota: `tele/<device>/SENSOR` and `RESULT`, with `Time` in the zone of the device, which it does not name. */
const topicPattern = /^(?:tele|stat)\/(?<device>[^/]+)\/(?<kind>SENSOR|RESULT|STATE|INFO\d|UPTIME|STATUS\d*)$/
const passedOver = /^(?:STATE|INFO\d|UPTIME|STATUS\d*)$/

const partsOf = (topic: string | undefined): Partial<Record<string, string>> => topicPattern.exec(topic ?? '')?.groups ?? {}

function decodeMessage({ object, text }: Payload, context: Context): Decoded {
  const { device = '', kind = '' } = partsOf(context.topic)
  if (passedOver.test(kind)) return { kind: 'ignored', why: 'Tasmota tells of its own state' }
  if (!object) return { kind: 'undecodable', why: 'A message of Tasmota is JSON.' }
  const { Time: at, ...rest } = object
  const fields = flatten(rest)
  const numbers = fields.filter(([name, value]) => typeof value === 'number' && !/\.(?:Id|Address|Bits|Protocol|Pulse|Repeat)$/.test(name))
  const switched = fields.find(([name, value]) => /^Switch\d+$/.test(name) && (value === 'ON' || value === 'OFF'))
  const members: [string, unknown][] = [
    ['key', switched ? `${device}/${switched[0]}` : device],
    ...(switched ? ([['state', switched[1] === 'ON' ? 'raised' : 'cleared']] as [string, unknown][]) : []),
    ...(switched || numbers.length === 0 ? [] : ([['severity', 'info']] as [string, unknown][])),
    ...(typeof at === 'string' ? ([['at', at]] as [string, unknown][]) : []),
    ...(numbers.length === 1 ? ([['value', numbers[0]?.[1]]] as [string, unknown][]) : []),
    ...(typeof object.TempUnit === 'string' && numbers.length === 1 ? ([['unit', `°${object.TempUnit}`]] as [string, unknown][]) : []),
    ...fields,
  ]
  return { kind: 'reading', reading: readingOf(members, context, text) }
}

export const tasmota: Decoder = {
  name: 'tasmota',
  title: 'Tasmota: tele/…/SENSOR and RESULT',
  sample: { topic: 'tele/tasmota/SENSOR', text: '{"Time":"2021-01-01T00:00:00","Switch1":"ON"}' },
  recognises: ({ object }, { topic }) => {
    const { kind } = partsOf(topic)
    return kind !== undefined && (passedOver.test(kind) || object !== undefined)
  },
  decode: decodeMessage,
}
