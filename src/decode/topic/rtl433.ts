import type { Decoder } from '../decoder.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'
import { flatten } from './flatten.ts'

const battery = (device: string, how: 'low' | 'fine'): Members => [
  ['text', `${device}: battery is ${how}`],
  ['state', how === 'low' ? 'raised' : 'cleared'],
  ['key', `${device}/battery`],
  ['severity', 'warning'],
]

/** rtl_433: radio sensors by model and id. */
export const rtl433: Decoder = {
  name: 'rtl433',
  title: 'rtl_433 events: radio sensors by model and id',
  sample: {
    topic: 'rtl_433/cellar/events',
    text: '{"time":"2026-11-24 03:12:00","model":"Acurite-Tower","id":1234,"channel":"A","battery_ok":1,"temperature_C":7.1}',
  },
  recognises: ({ object }, { topic = '' }) =>
    typeof object?.model === 'string' && (topic.startsWith('rtl_433/') || (object.id !== undefined && object.time !== undefined)),
  decode: ({ object = {}, text }, context) => {
    const { model = 'sensor', id, time, channel, battery_ok } = object
    const fields = flatten(object).filter(([name]) => name !== 'time' && name !== 'id' && name !== 'model')
    const device = [model, id ?? channel].filter((part) => part !== undefined).join('/')
    const numbers = fields.filter(
      ([name, value]) => typeof value === 'number' && !/^(?:battery_ok|channel|subtype|rssi|snr|noise|freq\d?|mod|mic)$/.test(name),
    )
    const rest: Members = [
      ...(time === undefined ? [] : ([['at', String(time)]] as Members)),
      ...(numbers.length === 1 ? ([['value', numbers[0]?.[1]]] as Members) : []),
      ...(id === undefined ? [] : ([['sensor', id]] as Members)),
      ...fields,
    ]
    const level: Members = [
      ['key', device],
      ['severity', 'info'],
    ]
    const fine = battery_ok === 1 ? [battery(device, 'fine')] : []
    const told = battery_ok === 0 ? [battery(device, 'low')] : [level, ...fine]
    return several(told, level, (members) => readingOf([...members, ...rest], context, text))
  },
}
