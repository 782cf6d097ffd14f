import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'
import { flatten } from './flatten.ts'

/** Tasmota: `tele/<device>/SENSOR` and `RESULT`, with `Time` in the zone of the device, which it does not name. */
const topicPattern = /^(?:tele|stat)\/(?<device>[^/]+)\/(?<kind>SENSOR|RESULT|STATE|INFO\d|UPTIME|STATUS\d*)$/
const passedOver = /^(?:STATE|INFO\d|UPTIME|STATUS\d*)$/

const partsOf = (topic: string | undefined): Partial<Record<string, string>> => topicPattern.exec(topic ?? '')?.groups ?? {}

function decodeMessage({ object, text }: Payload, context: Context): Decoded {
  const { device = '', kind = '' } = partsOf(context.topic)
  if (passedOver.test(kind)) return { kind: 'ignored', why: 'Tasmota tells of its own state' }
  if (!object) return { kind: 'undecodable', why: 'A message of Tasmota is JSON.' }
  const { Time: at, ...told } = object
  const fields = flatten(told)
  const numbers = fields.filter(([name, value]) => typeof value === 'number' && !/\.(?:Id|Address|Bits|Protocol|Pulse|Repeat)$/.test(name))
  const rest: Members = [
    ...(typeof at === 'string' ? ([['at', at]] as Members) : []),
    ...(numbers.length === 1 ? ([['value', numbers[0]?.[1]]] as Members) : []),
    ...(typeof object.TempUnit === 'string' && numbers.length === 1 ? ([['unit', `°${object.TempUnit}`]] as Members) : []),
    ...fields,
  ]
  const level: Members = [['key', device], ...(numbers.length === 0 ? [] : ([['severity', 'info']] as Members))]
  return several(switchesIn(device, fields), level, (members) => readingOf([...members, ...rest], context, text))
}

/** Every switch has a state of its own. */
const switchesIn = (device: string, fields: Members): Members[] =>
  fields
    .filter(([name, value]) => /^Switch\d+$/.test(name) && (value === 'ON' || value === 'OFF'))
    .map(([name, value]) => [
      ['key', `${device}/${name}`],
      ['state', value === 'ON' ? 'raised' : 'cleared'],
    ])

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
