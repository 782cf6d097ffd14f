import type { Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'
import { flatten } from './flatten.ts'

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
    const { model = 'sensor', id, time, channel } = object
    const fields = flatten(object).filter(([name]) => name !== 'time' && name !== 'id' && name !== 'model')
    const device = [model, id ?? channel].filter((part) => part !== undefined).join('/')
    const isLow = object.battery_ok === 0
    const numbers = fields.filter(
      ([name, value]) => typeof value === 'number' && !/^(?:battery_ok|channel|subtype|rssi|snr|noise|freq\d?|mod|mic)$/.test(name),
    )
    const members: [string, unknown][] = [
      ...(isLow
        ? ([
            ['text', `${device}: battery is low`],
            ['state', 'raised'],
          ] as [string, unknown][])
        : []),
      ['key', isLow ? `${device}/battery` : device],
      ['severity', isLow ? 'warning' : 'info'],
      ...(time === undefined ? [] : [['at', String(time)] as [string, unknown]]),
      ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : []),
      ...(id === undefined ? [] : [['sensor', id] as [string, unknown]]),
      ...fields,
    ]
    return { kind: 'reading', reading: readingOf(members, context, text) }
  },
}
