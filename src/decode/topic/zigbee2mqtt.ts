import type { Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'
import { flatten, isObject } from './flatten.ts'

/** zigbee2mqtt: `zigbee2mqtt/<name>` with the state of a device, and `bridge/…` with that of the bridge. */
const topicPattern = /^zigbee2mqtt\/(?<rest>.+)$/

type Sensor = readonly [property: string, on: string, off: string, severity: Severity]

/** From worst to least. `contact` is true when closed. */
const sensors: readonly Sensor[] = [
  ['smoke', 'smoke detected', 'smoke is gone', 'critical'],
  ['carbon_monoxide', 'carbon monoxide detected', 'carbon monoxide is gone', 'critical'],
  ['gas', 'gas detected', 'gas is gone', 'critical'],
  ['water_leak', 'water leak', 'dry again', 'critical'],
  ['alarm', 'alarm', 'alarm is over', 'critical'],
  ['tamper', 'tampered with', 'tamper contact closed', 'warning'],
  ['vibration', 'vibration', 'vibration is over', 'warning'],
  ['contact', 'open', 'closed', 'warning'],
  ['occupancy', 'occupied', 'empty', 'warning'],
  ['presence', 'presence', 'no presence', 'warning'],
  ['battery_low', 'battery is low', 'battery is fine', 'warning'],
]

function deviceReading(name: string, object: Readonly<Record<string, unknown>>, { text }: Payload, context: Context): Decoded {
  const fields = flatten(object)
  const told = [...actionIn(name, object), ...levelsIn(name, object)]
  return several(told, levelOf(name, fields), (members) =>
    readingOf([...members, ...fields.filter(([field]) => !isReserved(field))], context, text),
  )
}

/** A button was pressed. Its device says how its battery is in the same message. */
const actionIn = (name: string, { action }: Readonly<Record<string, unknown>>): Members[] =>
  typeof action === 'string' && action !== ''
    ? [
        [
          ['text', `${name}: ${action}`],
          ['key', `${name}/action`],
        ],
      ]
    : []

/** Whatever it watches over. That all is well with the device itself is told by every message; it is news only beside nothing else. */
function levelsIn(name: string, object: Readonly<Record<string, unknown>>): Members[] {
  const isActive = ([property]: Sensor) => object[property] === (property !== 'contact')
  const isWell = (one: Sensor) => !isActive(one) && (one[0] === 'battery_low' || one[0] === 'tamper')
  return sensors
    .filter(([property]) => typeof object[property] === 'boolean')
    .toSorted((a, b) => Number(isWell(a)) - Number(isWell(b)))
    .map((one) => {
      const [property, on, off, severity] = one
      return [
        ['text', `${name}: ${isActive(one) ? on : off}`],
        ['key', `${name}/${property}`],
        ['state', isActive(one) ? 'raised' : 'cleared'],
        ['severity', severity],
      ]
    })
}

/** Numbers alone. */
function levelOf(name: string, fields: Members): Members {
  const numbers = fields.filter(
    ([field, value]) => typeof value === 'number' && !/^(?:battery|linkquality|voltage|update\b.*|device_temperature)$/.test(field),
  )
  return [['key', name], ['severity', 'info'], ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : [])]
}

/** A device's own `state` and `value` are no words of ours. */
const isReserved = (field: string): boolean => field === 'text' || field === 'key' || field === 'id'

function bridgeReading(rest: string, payload: Payload, context: Context): Decoded {
  const { object, text } = payload
  if (rest === 'bridge/state') {
    const word = object ? object.state : text
    const members: [string, unknown][] = [
      ['text', `zigbee2mqtt is ${word}`],
      ['key', 'zigbee2mqtt/online'],
      ['state', word === 'online' ? 'cleared' : 'raised'],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  }
  if (rest === 'bridge/event' && object?.type === 'device_leave') {
    const data = isObject(object.data) ? object.data : {}
    const name = String(data.friendly_name ?? data.ieee_address ?? 'a device')
    return {
      kind: 'reading',
      reading: readingOf([['text', `${name} has left the network`], ['key', `${name}/left`], ...flatten(data)], context),
    }
  }
  if (rest === 'bridge/logging' && object?.level === 'error')
    return {
      kind: 'reading',
      reading: readingOf(
        [
          ['text', String(object.message ?? text)],
          ['key', 'zigbee2mqtt/error'],
        ],
        context,
      ),
    }
  return { kind: 'ignored', why: 'zigbee2mqtt tells of itself' }
}

function decodeMessage(payload: Payload, context: Context): Decoded {
  const rest = topicPattern.exec(context.topic ?? '')?.groups?.rest ?? ''
  if (rest.startsWith('bridge/')) return bridgeReading(rest, payload, context)
  if (/\/(?:set|get)(?:\/|$)/.test(rest)) return { kind: 'ignored', why: 'somebody else speaks to a device' }
  if (payload.object) return deviceReading(rest, payload.object, payload, context)
  return { kind: 'undecodable', why: 'The state of a device is a JSON object.' }
}

export const zigbee2mqtt: Decoder = {
  name: 'zigbee2mqtt',
  title: 'zigbee2mqtt devices and bridge',
  sample: { topic: 'zigbee2mqtt/cellar', text: '{"water_leak":true,"battery_low":false,"linkquality":120}' },
  recognises: ({ object }, { topic = '' }) => {
    const rest = topicPattern.exec(topic)?.groups?.rest
    return rest !== undefined && !/\/availability$/.test(rest) && (rest.startsWith('bridge/') || object !== undefined)
  },
  decode: decodeMessage,
}
