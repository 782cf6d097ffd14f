import { z } from 'zod'
import { canonical } from '../decode/decoder.ts'
import { decoders } from '../decode/registry.ts'
import { patternFault } from '../rules/match.ts'
import { isNetwork } from './address.ts'
import { duration, id, line, listen, path, secret, severity } from './parts.ts'

/** Where alerts come from. */
const frame = z
  .strictObject({
    kind: z.enum(['line', 'delimiter', 'idle', 'length', 'stx-etx', 'between', 'telegram', 'slip', 'cobs', 'fixed']).default('line').meta({
      title: 'How a frame ends',
      description:
        'line: LF, CR or both. delimiter: octets of your own. idle: a silence. length: its length stands in front. fixed: all are of one length. between: from start to end. telegram: DSMR P1.',
    }),
    maxBytes: z
      .int()
      .min(1)
      .max(65_536)
      .default(4096)
      .meta({ title: 'Longest frame', description: 'In octets; a longer one is cut and counted.' }),
    delimiter: line(16).default('\\n').meta({ title: 'Delimiter', description: 'For kind delimiter; \\x14, \\r and \\n may be written.' }),
    start: line(8).optional().meta({ title: 'Begins with', description: 'For kind between: one octet; a colon when left out.' }),
    end: line(8).optional().meta({ title: 'Ends with', description: 'For kind between: one octet; a semicolon when left out.' }),
    idleMs: z.int().min(5).max(60_000).optional().meta({
      title: 'Silence that ends a frame',
      description:
        'In ms. When left out: 250 for idle, 1000 for length and fixed, where it gives up a torn frame, and 10000 for all others.',
    }),
    bytes: z.int().min(1).max(65_536).optional().meta({ title: 'Octets of every frame', description: 'For kind fixed.' }),
    lengthBytes: z
      .union([z.literal(1), z.literal(2), z.literal(4)])
      .optional()
      .meta({ title: 'Octets of the length', description: 'For kind length.' }),
    lengthOrder: z
      .enum(['big', 'little'])
      .optional()
      .meta({ title: 'Which octet of the length comes first', description: 'big, the most significant, when left out.' }),
  })
  .prefault({})

const decode = z
  .enum(['auto', ...decoders.map((one) => one.name)])
  .default('auto')
  .meta({ title: 'Decoder' })
const decoding = z
  .strictObject({
    columns: z.array(line(100)).max(64).optional().meta({ title: 'Names of the columns', description: 'For csv.' }),
    separator: line(4).optional().meta({ title: 'Separator', description: 'For csv; found by itself when left out.' }),
    pattern: line(500)
      .refine((text) => patternFault(text) === undefined, 'Write a pattern that RE2 knows, such as (?P<key>\\w+)=(?P<value>[0-9.]+).')
      .optional()
      .meta({ title: 'Pattern', description: 'For groups: an RE2 pattern; its named groups become members.' }),
    paths: z
      .partialRecord(z.enum(canonical), line(200))
      .optional()
      .meta({ title: 'Paths', description: 'Where text, value, key and the others stand in JSON, such as SENSOR.Temperature.' }),
    alr: z
      .enum(['condition-first', 'acknowledgement-first'])
      .optional()
      .meta({ title: 'Order of the states in NMEA ALR', description: 'Makers differ; see the manual of the instrument.' }),
  })
  .prefault({})
  .meta({ title: 'Decoding' })
const attachRaw = z
  .boolean()
  .default(false)
  .meta({ title: 'Attach the octets', description: 'As they were heard, up to 4096 of them, to each letter.' })
const silentAfter = duration.optional().meta({
  title: 'Silence worth an alert',
  description: 'Counted while the box listens, over restarts: the time in which it was off says nothing of a source.',
})

const wire = {
  path: path.meta({
    title: 'Device',
    description: 'Best a name under /dev/serial/by-id, which stays the same when the adapter is plugged in again.',
  }),
  baudRate: z.int().min(50).max(4_000_000).default(9600).meta({ title: 'Baud rate' }),
  dataBits: z
    .union([z.literal(5), z.literal(6), z.literal(7), z.literal(8)])
    .default(8)
    .meta({ title: 'Data bits' }),
  parity: z.enum(['none', 'even', 'odd', 'mark', 'space']).default('none').meta({ title: 'Parity' }),
  stopBits: z
    .union([z.literal(1), z.literal(1.5), z.literal(2)])
    .default(1)
    .meta({ title: 'Stop bits' }),
  flow: z.enum(['none', 'rts-cts', 'xon-xoff']).default('none').meta({ title: 'Flow control' }),
}

export const serial = z.strictObject({
  id,
  kind: z.literal('serial'),
  ...wire,
  frame: frame.meta({ title: 'Framing' }),
  decode,
  decoding,
  acknowledge: z.enum(['none', 'ack-nak', 'line', 'contact-id', 'protocol']).default('none').meta({
    title: 'Answer to the device',
    description:
      'ack-nak: 0x06 or 0x15. line: OK <id> or NO <why>. contact-id: like ack-nak, heartbeats too. protocol: what the format itself asks for (SIA DC-09). Sent only after the alert is on the disk.',
  }),
  attachRaw,
  silentAfter,
})

export const mqtt = z.strictObject({
  id,
  kind: z.literal('mqtt'),
  url: z
    .string()
    .refine(
      (text) => /^mqtts?:\/\/[^\s/@\0-\x1f\x7f]+$/.test(text),
      'Write mqtt://host:1883 or mqtts://host:8883; user and password have their own keys.',
    )
    .meta({ title: 'Broker' }),
  topics: z
    .array(
      line(1024).refine(
        isTopic,
        'Write an MQTT topic filter such as alerts/# or zigbee2mqtt/+, or $share/GROUP/alerts/# for what a group of boxes shares.',
      ),
    )
    .min(1)
    .max(64)
    .default(['alerts/#'])
    .meta({ title: 'Topics', description: 'Of $share/GROUP/alerts/# each message goes to one box of the group (docs/fleet.md).' }),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .meta({ title: 'Quality of service', description: '0 may lose alerts.' }),
  version: z
    .union([z.literal(4), z.literal(5)])
    .default(4)
    .meta({ title: 'Protocol', description: '4 is MQTT 3.1.1.' }),
  clientId: line(100).optional().meta({
    title: 'Client id',
    description: 'Must not change, or the broker forgets what it holds. Made from the device id when left out.',
  }),
  username: line(200).optional().meta({ title: 'User' }),
  password: secret.optional().meta({ title: 'Password', secret: true }),
  ca: path.optional().meta({ title: 'Further trusted certificates', description: 'A PEM file, relative to the data directory.' }),
  decode,
  decoding,
  retained: z.enum(['ignore', 'accept']).default('ignore').meta({ title: 'Retained messages' }),
  attachRaw,
  silentAfter,
})

const point = z.strictObject({
  name: line(100).meta({ title: 'Name', description: 'The key of its alerts.' }),
  server: z.int().min(1).max(247).default(1).meta({ title: 'Server', description: 'Its address on the line (slave address).' }),
  table: z
    .enum(['coil', 'discrete', 'holding', 'input'])
    .default('holding')
    .meta({ title: 'Table', description: 'coil and discrete hold bits, holding and input registers.' }),
  address: z.int().min(0).max(65_535).meta({
    title: 'Address',
    description: 'As on the wire, from 0: register 40001 of many a manual is holding 0, 30001 input 0, 10001 discrete 0.',
  }),
  type: z
    .enum(['int16', 'uint16', 'int32', 'uint32', 'float32'])
    .default('uint16')
    .meta({ title: 'Type of the number', description: 'Those of 32 bits take two registers.' }),
  wordOrder: z
    .enum(['big', 'little'])
    .default('big')
    .meta({ title: 'Which register of two comes first', description: 'big: the high one.' }),
  scale: z.number().default(1).meta({ title: 'Scale', description: 'What the number is multiplied with, such as 0.1.' }),
  offset: z.number().default(0).meta({ title: 'Offset', description: 'What is added after that.' }),
  unit: line(20).optional().meta({ title: 'Unit', description: 'What it is measured in, such as bar.' }),
  text: line(200).optional().meta({ title: 'Text', description: 'What its alerts say; its name when left out.' }),
  deadband: z
    .number()
    .min(0)
    .default(0)
    .meta({ title: 'Deadband', description: 'A number is told when it moved by so much; 0: any change.' }),
  normal: z.boolean().default(false).meta({ title: 'Normal state', description: 'Of a bit: the other state raises, this one clears.' }),
  severity: severity.optional().meta({ title: 'Severity', description: 'warning for bits, info for numbers when left out.' }),
})

export const modbus = z.strictObject({
  id,
  kind: z.literal('modbus'),
  ...wire,
  parity: wire.parity.default('even'),
  every: duration.default('10s').meta({ title: 'Asks every' }),
  answerMs: z.int().min(20).max(10_000).default(500).meta({ title: 'Time for an answer', description: 'In ms.' }),
  read: z.array(point).min(1).max(256).meta({ title: 'Reads', description: 'Neighbours are read together.' }),
  silentAfter,
})

const smtp = z.strictObject({
  id,
  kind: z.literal('smtp'),
  listen: listen.default('127.0.0.1:2525').meta({ title: 'Listens on' }),
  protocol: z
    .enum(['smtp', 'lmtp'])
    .default('smtp')
    .meta({ title: 'Mail protocol', description: 'lmtp: for a mail server in front of the box, such as Postfix.' }),
  allow: z
    .array(line(50).refine(isNetwork, 'Write a network such as 192.168.0.0/16, or an address.'))
    .max(64)
    .default([])
    .meta({ title: 'Allowed networks', description: 'Whose devices need no login. This machine never does.' }),
  users: z
    .array(z.strictObject({ name: line(64), password: secret }))
    .max(64)
    .default([])
    .meta({ title: 'Users', description: 'Who logs in may send from anywhere; over TLS only.' }),
  maxBytes: z.int().min(1000).max(15_000_000).default(1_000_000).meta({ title: 'Largest mail', description: 'In octets.' }),
  decode: decode.default('mail'),
  as: z.enum(['alert', 'letter']).default('alert').meta({
    title: 'A mail is',
    description:
      'alert: its subject is told under the rules. letter: it is passed on as it is, to whom it names; they must be people of the settings or have a mailbox on the box.',
  }),
  sender: z.enum(['keep', 'own']).default('keep').meta({
    title: 'Sender of letters',
    description:
      'keep: From stays. own: From becomes that of the box, and answers still go to the device; for relays that take no other sender.',
  }),
  silentAfter,
})

const http = z.strictObject({ id, kind: z.literal('http'), token: secret.optional().meta({ title: 'Token', secret: true }) })

export const source = z.discriminatedUnion('kind', [serial, mqtt, modbus, smtp, http])
export type SourceSettings = z.infer<typeof source>

/** MQTT 5 section 4.8.2, `$share/GROUP/FILTER`: whose subscription it is together with others; undefined for one of its own. */
export function shareOf(topic: string): { group: string; filter: string } | undefined {
  const [, group = '', filter = ''] = /^\$share\/([^/+#]+)\/(.+)$/s.exec(topic) ?? []
  return group === '' ? undefined : { group, filter }
}

/** A topic filter, perhaps one that a group of boxes shares. */
function isTopic(text: string): boolean {
  if (text !== '$share' && !text.startsWith('$share/')) return isFilter(text)
  const share = shareOf(text)
  return share !== undefined && isFilter(share.filter)
}

/** MQTT 3.1.1 section 4.7: + fills a level, # the last ones. */
export function isFilter(text: string): boolean {
  const levels = text.split('/')
  return (
    text.length > 0 && levels.every((level, index) => (level === '#' ? index === levels.length - 1 : level === '+' || !/[+#]/.test(level)))
  )
}
