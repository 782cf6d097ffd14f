import type { Context, Decoded, Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'

/** MySensors serial API 2.0: `node;child;command;ack;type;payload`. Only command 1 (set) says a value. */
const message = /^(?<node>\d{1,3});(?<child>\d{1,3});(?<command>[0-4]);(?<ack>[01]);(?<type>\d{1,3});(?<payload>.*)$/s

const types = [
  'TEMP',
  'HUM',
  'STATUS',
  'PERCENTAGE',
  'PRESSURE',
  'FORECAST',
  'RAIN',
  'RAINRATE',
  'WIND',
  'GUST',
  'DIRECTION',
  'UV',
  'WEIGHT',
  'DISTANCE',
  'IMPEDANCE',
  'ARMED',
  'TRIPPED',
  'WATT',
  'KWH',
  'SCENE_ON',
  'SCENE_OFF',
  'HVAC_FLOW_STATE',
  'HVAC_SPEED',
  'LIGHT_LEVEL',
  'VAR1',
  'VAR2',
  'VAR3',
  'VAR4',
  'VAR5',
  'UP',
  'DOWN',
  'STOP',
  'IR_SEND',
  'IR_RECEIVE',
  'FLOW',
  'VOLUME',
  'LOCK_STATUS',
  'LEVEL',
  'VOLTAGE',
  'CURRENT',
  'RGB',
  'RGBW',
  'ID',
  'UNIT_PREFIX',
  'HVAC_SETPOINT_COOL',
  'HVAC_SETPOINT_HEAT',
  'HVAC_FLOW_MODE',
  'TEXT',
  'CUSTOM',
  'POSITION',
  'IR_RECORD',
  'PH',
  'ORP',
  'EC',
  'VAR',
  'VA',
  'POWER_FACTOR',
]

const why: Readonly<Record<string, string>> = {
  0: 'a MySensors node presents itself',
  2: 'a MySensors node asks for a value',
  3: 'an internal message of MySensors',
  4: 'a firmware stream of MySensors',
}

function decodeMessage(text: string, context: Context): Decoded {
  const { node = '', child = '', command = '', ack, type = '', payload = '' } = message.exec(text)?.groups ?? {}
  if (node === '') return { kind: 'undecodable', why: 'This is no MySensors message: node;child;command;ack;type;payload.' }
  if (command !== '1') return { kind: 'ignored', why: why[command] ?? 'an unknown MySensors command' }
  if (ack === '1') return { kind: 'ignored', why: 'an echo of MySensors' }
  const name = types[Number(type)] ?? `TYPE_${type}`
  const tripped = name === 'TRIPPED'
  const place = `node-${node}/child-${child}/${name}`
  const members: [string, unknown][] = [
    [
      'text',
      name === 'TEXT'
        ? payload
        : tripped
          ? `Sensor ${node}.${child} ${payload === '0' ? 'is calm again' : 'has tripped'}`
          : `Sensor ${node}.${child}: ${name} ${payload}`,
    ],
    ['key', place],
    ...(tripped
      ? ([['state', payload === '0' ? 'cleared' : 'raised']] as [string, unknown][])
      : ([
          ['severity', 'info'],
          ['value', payload],
        ] as [string, unknown][])),
    ['node', Number(node)],
    ['child', Number(child)],
    ['type', name],
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const mysensors: Decoder = {
  name: 'mysensors',
  title: 'MySensors serial gateway',
  sample: { text: '0;0;1;0;23;455' },
  recognises: ({ line }) => line !== undefined && message.test(line),
  decode: ({ line = '' }, context) => decodeMessage(line, context),
}
