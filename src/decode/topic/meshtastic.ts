import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'
import { isObject } from './flatten.ts'

/** Meshtastic over MQTT: JSON of text messages and detection sensors. Several gateways hear one packet, so its number tells repeats. */
const topicPattern = /^msh\/(?:[^/]+\/){0,6}2\/(?<kind>json|stat|c|e|map)(?:\/|$)/

function packetReading(object: Readonly<Record<string, unknown>>, context: Context): Decoded {
  const { type, payload, id, sender, from, timestamp } = object
  if (type !== 'text' && type !== 'detection' && type !== 'DETECTION_SENSOR_APP' && type !== 'TEXT_MESSAGE_APP')
    return { kind: 'ignored', why: `a Meshtastic packet of type ${String(type).slice(0, 30)}, which is no alert` }
  const words = isObject(payload) ? (payload.text ?? payload.message) : payload
  const node = typeof from === 'number' ? `!${from.toString(16).padStart(8, '0')}` : String(sender ?? 'node')
  const members: [string, unknown][] = [
    ['text', String(words ?? `${node} has detected something`)],
    ['id', id],
    ['key', node],
    ...(typeof timestamp === 'number' ? [['at', String(timestamp)] as [string, unknown]] : []),
    ['channel', object.channel],
    ['sender', sender],
  ]
  return {
    kind: 'reading',
    reading: readingOf(
      members.filter(([, value]) => value !== undefined),
      context,
    ),
  }
}

function decodeMessage({ object, text }: Payload, context: Context): Decoded {
  const kind = topicPattern.exec(context.topic ?? '')?.groups?.kind
  if (kind === 'stat') {
    const node = (context.topic ?? '').split('/').at(-1) ?? 'node'
    const isOnline = text === 'online'
    const members: [string, unknown][] = [
      ['text', `Gateway ${node} is ${isOnline ? 'online' : 'offline'}`],
      ['key', `${node}/online`],
      ['state', isOnline ? 'cleared' : 'raised'],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  }
  if (kind !== 'json') return { kind: 'ignored', why: 'Meshtastic packets in protobuf; switch JSON on in the node' }
  return object ? packetReading(object, context) : { kind: 'undecodable', why: 'A packet on a json topic is a JSON object.' }
}

export const meshtastic: Decoder = {
  name: 'meshtastic',
  title: 'Meshtastic: texts and detection sensors on msh/…/json topics',
  sample: {
    topic: 'msh/2/json/LongFast/!7efeee00',
    text: '{"id":452664778,"channel":0,"from":2130636288,"payload":{"text":"Motion Detected"},"sender":"!7efeee00","timestamp":1646832724,"type":"text"}',
  },
  recognises: (_, { topic = '' }) => topicPattern.test(topic),
  decode: decodeMessage,
}
