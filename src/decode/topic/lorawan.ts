import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
import { flatten, isObject } from './flatten.ts'

/** LoRaWAN uplinks of The Things Stack (v3) and ChirpStack. Both leave out what is 0, false or empty: a field that is missing may be that. */
type Uplink = { device: string; at?: string | undefined; decoded?: Record<string, unknown> | undefined; number?: unknown; port?: unknown }

function uplinkOf(object: Readonly<Record<string, unknown>>): Uplink | undefined {
  if (isObject(object.end_device_ids)) {
    const message = isObject(object.uplink_message) ? object.uplink_message : undefined
    if (!message) return { device: String(object.end_device_ids.device_id ?? 'device') }
    return {
      device: String(object.end_device_ids.device_id ?? 'device'),
      at: typeof object.received_at === 'string' ? object.received_at : undefined,
      decoded: isObject(message.decoded_payload) ? message.decoded_payload : {},
      number: message.f_cnt,
      port: message.f_port,
    }
  }
  const info = isObject(object.deviceInfo) ? object.deviceInfo : undefined
  const device = info?.deviceName ?? object.deviceName ?? info?.devEui ?? object.devEui ?? object.dev_eui
  if (device === undefined) return undefined
  const isUplink = 'fCnt' in object || 'f_cnt' in object || 'object' in object || 'data' in object
  if (!isUplink) return { device: String(device) }
  return {
    device: String(device),
    at: typeof object.time === 'string' ? object.time : undefined,
    decoded: isObject(object.object) ? object.object : {},
    number: object.fCnt ?? object.f_cnt,
    port: object.fPort ?? object.f_port,
  }
}

function decodeMessage({ object }: Payload, context: Context): Decoded {
  const uplink = object && uplinkOf(object)
  if (!uplink) return { kind: 'undecodable', why: 'This is no uplink of The Things Stack or ChirpStack.' }
  if (!uplink.decoded) return { kind: 'ignored', why: 'a join, an acknowledgement or a status of LoRaWAN' }
  const fields = flatten(uplink.decoded)
  const numbers = fields.filter(([, value]) => typeof value === 'number')
  const said = fields.slice(0, 6).map(([name, value]) => `${name} ${value}`)
  const members: [string, unknown][] = [
    ['text', `${uplink.device}: ${said.join(', ') || 'heard, with no decoded payload'}`],
    ['key', uplink.device],
    ['severity', 'info'],
    ...(uplink.at === undefined ? [] : [['at', uplink.at] as [string, unknown]]),
    ...(numbers.length === 1 ? [['value', numbers[0]?.[1]] as [string, unknown]] : []),
    ...fields.filter(([name]) => !['text', 'key', 'id', 'severity', 'state', 'at', 'value'].includes(name)),
    ...(uplink.number === undefined ? [] : [['frameCounter', uplink.number] as [string, unknown]]),
    ...(uplink.port === undefined ? [] : [['port', uplink.port] as [string, unknown]]),
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const lorawan: Decoder = {
  name: 'lorawan',
  title: 'LoRaWAN uplinks of The Things Stack and ChirpStack',
  sample: {
    topic: 'v3/app@tenant/devices/dev1/up',
    text: '{"end_device_ids":{"device_id":"dev1"},"received_at":"2020-02-12T15:15:45Z","uplink_message":{"f_port":1,"decoded_payload":{"leak":true}}}',
  },
  recognises: ({ object }, { topic = '' }) =>
    object !== undefined &&
    (/^v3\/[^/]+\/devices\/[^/]+\//.test(topic) ||
      /^application\/[^/]+\/device\/[^/]+\/event\//.test(topic) ||
      isObject(object.end_device_ids)) &&
    uplinkOf(object) !== undefined,
  decode: decodeMessage,
}
