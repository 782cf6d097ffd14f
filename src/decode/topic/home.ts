import type { Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
import { isObject } from './flatten.ts'

/** ESPHome, one scalar a topic, and the names that Home Assistant's discovery gives to such topics. */
const stateTopic =
  /^(?<node>[^/]+)\/(?<component>binary_sensor|sensor|switch|light|fan|cover|text_sensor|number|lock|climate|button|select|alarm_control_panel)\/(?<id>[^/]+)\/state$/
const configTopic = /^homeassistant\/(?:[^/]+\/){1,4}config$/

type Announced = { name?: string | undefined; unit?: string | undefined; kind?: string | undefined }

const badKinds: Readonly<Record<string, Severity>> = {
  smoke: 'critical',
  gas: 'critical',
  carbon_monoxide: 'critical',
  moisture: 'critical',
  safety: 'critical',
  problem: 'warning',
  tamper: 'warning',
  battery: 'warning',
}

const knownOf = (context: Context): Announced => (context.memory?.get(`discovery:${context.topic}`) ?? {}) as Announced

/** Only scalars; ESPHome's `nan` means that there is no value. */
function stateReading({ text }: Payload, context: Context): Decoded {
  const { node = '', component = '', id = '' } = stateTopic.exec(context.topic ?? '')?.groups ?? {}
  const { name, unit, kind } = knownOf(context)
  const title = name ?? (`${node} ${id}`.trim() || (context.topic ?? 'device'))
  if (/^(?:nan|unknown|unavailable)$/i.test(text)) return { kind: 'ignored', why: 'a sensor has no value' }
  const isBinary = component === 'binary_sensor' || (component === '' && kind !== undefined && kind in badKinds)
  const on = /^(?:ON|true|1|open)$/i.test(text)
  const number = /^[+-]?\d{1,15}(?:\.\d{1,10})?$/.test(text)
  const members: [string, unknown][] = [
    ['text', `${title}${isBinary ? '' : ':'} ${isBinary ? (on ? 'on' : 'off') : text}${!isBinary && unit ? ` ${unit}` : ''}`],
    ['key', node ? `${node}/${id}` : (context.topic ?? '')],
    ...(isBinary
      ? ([
          ['state', on ? 'raised' : 'cleared'],
          ['severity', badKinds[kind ?? ''] ?? 'warning'],
        ] as [string, unknown][])
      : ([['severity', 'info']] as [string, unknown][])),
    ...(number && !isBinary ? ([['value', Number(text)]] as [string, unknown][]) : []),
    ...(unit === undefined ? [] : ([['unit', unit]] as [string, unknown][])),
    ...(kind === undefined ? [] : ([['deviceClass', kind]] as [string, unknown][])),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const esphome: Decoder = {
  name: 'esphome',
  title: 'ESPHome: <node>/<component>/<id>/state with a scalar',
  sample: { topic: 'cellar/binary_sensor/leak/state', text: 'ON' },
  recognises: ({ text, object }, { topic = '' }) => object === undefined && text.length <= 64 && stateTopic.test(topic),
  decode: stateReading,
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** The short forms that discovery allows beside the long ones. */
function remember({ object }: Payload, context: Context): Decoded {
  if (!object) return { kind: 'ignored', why: 'Home Assistant forgets a device' }
  const base = text(object['~']) ?? ''
  const topic = (text(object.state_topic) ?? text(object.stat_t) ?? '').replace(/^~|~$/, base)
  const device = isObject(object.device) ? object.device : isObject(object.dev) ? object.dev : {}
  const name = [text(device.name), text(object.name)].filter(Boolean).join(' ')
  const unit = text(object.unit_of_measurement) ?? text(object.unit_of_meas)
  const kind = text(object.device_class) ?? text(object.dev_cla)
  const known = { ...(name ? { name } : {}), ...(unit ? { unit } : {}), ...(kind ? { kind } : {}) }
  if (topic) context.memory?.set(`discovery:${topic}`, known)
  return { kind: 'ignored', why: 'discovery of Home Assistant, which names devices' }
}

export const homeAssistant: Decoder = {
  name: 'homeassistant',
  title: 'Discovery of Home Assistant gives names and units; scalars on topics that it named',
  recognises: ({ object, text: words }, context) =>
    configTopic.test(context.topic ?? '') ||
    (object === undefined && words.length <= 64 && context.memory?.get(`discovery:${context.topic}`) !== undefined),
  decode: (payload, context) => (configTopic.test(context.topic ?? '') ? remember(payload, context) : stateReading(payload, context)),
}
