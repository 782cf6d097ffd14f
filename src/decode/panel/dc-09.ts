import { crc16 } from '../../alert/crc16.ts'
import type { Answer, Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { contactIdReading, siaReading } from './contact-id.ts'

/**
 * SIA DC-09: `<LF> crc length "id" sequence receiver prefix #account [data] _timestamp <CR>`. CRC-16/ARC and length are of what stands from the first quote to the
 * end. What it asks to hear: ACK once the event is durable, NAK when it is to be sent again, DUH when nobody here can read it.
 */
const frame = /^(?<crc>[0-9A-F]{4})(?<length>[0-9A-F]{4})(?<content>"(?<secret>\*?)(?<id>[A-Z][A-Z-]{1,15})"(?<rest>.*))$/s
const parts =
  /^(?<sequence>\d{4})(?<receiver>R[0-9A-F]{1,6})?(?<prefix>L[0-9A-F]{0,6})(?:#(?<account>[0-9A-F]{3,16}))?\[(?<data>[^\]]*)\](?<more>(?:\[[^\]]*\]){0,16})(?:_(?<at>\d\d:\d\d:\d\d,\d\d-\d\d-\d{4}))?$/
const contactIdData = /^#(?<account>[0-9A-F]{3,16})\|(?<qualifier>[136])(?<code>[0-9A-F]{3}) (?<partition>[0-9A-F]{2}) (?<zone>[0-9A-F]{3})/
const siaData = /^#(?<account>[0-9A-F]{3,16})\|N(?:[a-z]{2}[^/]{0,16}\/)*(?<code>[A-Z]{2})(?<zone>[0-9A-F]{0,8})/

type Groups = Partial<Record<string, string>>

/** One message as it stands on the wire. */
export function dc09Frame(content: string): Uint8Array {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, '0')
  return Buffer.from(`\n${hex(crc16(Buffer.from(content, 'latin1'), 0))}${hex(content.length)}${content}\r`, 'latin1')
}

/** The time in a NAK is that of the frame: a pure decoder has no clock, and a sender whose clock is right keeps it. */
function answerTo({ sequence = '0000', receiver = '', prefix = 'L0', account = '', at }: Groups, word: 'ACK' | 'DUH'): Answer {
  const who = account === '' ? '' : `#${account}`
  const refused = `"NAK"0000R0L0A0[]${at === undefined ? '' : `_${at}`}`
  return { taken: dc09Frame(`"${word}"${sequence}${receiver}${prefix}${who}[]`), refused: dc09Frame(refused) }
}

function decodeFrame({ line = '' }: Payload, context: Context): Decoded {
  const { crc = '', length = '', content = '', secret, id, rest = '' } = frame.exec(line)?.groups ?? {}
  if (content === '') return { kind: 'undecodable', why: 'This is no SIA DC-09 message: it begins with CRC, length and a name in quotes.' }
  const groups: Groups = parts.exec(rest)?.groups ?? {}
  const damaged = (why: string): Decoded => ({ kind: 'undecodable', why, answer: answerTo(groups, 'DUH') })
  if (Number.parseInt(length, 16) !== content.length)
    return damaged(`It says ${Number.parseInt(length, 16)} octets and has ${content.length}: some were lost or added.`)
  if (Number.parseInt(crc, 16) !== crc16(Buffer.from(content, 'latin1'), 0))
    return damaged('Its CRC does not fit its content: it was damaged on the way.')
  const answer = answerTo(groups, 'ACK')
  const duh = { taken: answerTo(groups, 'DUH').taken, refused: answerTo(groups, 'DUH').taken }
  if (secret === '*')
    return {
      kind: 'undecodable',
      why: 'It is encrypted. Switch encryption off in the transmitter; Outpost has no key for it.',
      answer: duh,
    }
  if (id === 'NULL') return { kind: 'ignored', why: 'a link test of the transmitter', answer }
  const read = dataOf(id ?? '', groups, context)
  return read
    ? { ...read, answer }
    : { kind: 'undecodable', why: `The data of ${id} cannot be read: ${(groups.data ?? '').slice(0, 60)}`, answer: duh }
}

function dataOf(id: string, { data = '', at }: Groups, context: Context): Decoded | undefined {
  const time = at === undefined ? {} : { at }
  if (id === 'ADM-CID') {
    const { account = '', qualifier = '', code = '', partition = '', zone = '' } = contactIdData.exec(data)?.groups ?? {}
    return account === '' ? undefined : contactIdReading({ account, qualifier, code, partition, zone, ...time }, context)
  }
  if (id !== 'SIA-DCS') return undefined
  const { account = '', code = '', zone = '' } = siaData.exec(data)?.groups ?? {}
  return account === '' ? undefined : siaReading({ account, code, zone, ...time }, context)
}

export const dc09: Decoder = {
  name: 'dc-09',
  title: 'SIA DC-09 with Contact-ID or SIA data; answers ACK, NAK and DUH where acknowledge is "protocol"',
  sample: { text: 'F68B003B"ADM-CID"0028L0#9757[#9757|1602 00 000]_20:59:45,02-20-2024' },
  recognises: ({ line }) => line !== undefined && frame.test(line),
  decode: decodeFrame,
}
