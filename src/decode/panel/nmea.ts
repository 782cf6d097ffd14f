import type { Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'

/** NMEA 0183 alarms of instruments on ships and masts: `$--ALR,hhmmss.ss,id,condition,acknowledged,text*hh`. Others of its sentences are no alarms. */
const sentence = /^[$!](?<body>(?<talker>[A-Z]{1,4})(?<kind>[A-Z]{3}),(?<rest>[^*]*))\*(?<sum>[0-9A-Fa-f]{2})$/

const sumOf = (body: string): number => [...Buffer.from(body, 'latin1')].reduce((sum, octet) => sum ^ octet, 0)

export const nmea: Decoder = {
  name: 'nmea',
  title: 'NMEA 0183 ALR; decoding.alr says which of its two states is the condition',
  sample: { text: '$IIALR,121530.00,042,A,V,HIGH TEMP*5A' },
  recognises: ({ line }) => {
    const { body = '', sum = '' } = sentence.exec(line ?? '')?.groups ?? {}
    return body !== '' && sumOf(body) === Number.parseInt(sum, 16)
  },
  decode: ({ line = '' }, context) => {
    const { body = '', kind, talker = '', rest = '', sum = '' } = sentence.exec(line)?.groups ?? {}
    if (body === '') return { kind: 'undecodable', why: 'This is no NMEA sentence: it begins with $ and ends with * and a sum.' }
    if (sumOf(body) !== Number.parseInt(sum, 16)) return { kind: 'undecodable', why: 'Its sum does not fit: it was damaged on the way.' }
    if (kind !== 'ALR') return { kind: 'ignored', why: `an NMEA sentence ${kind}, which is no alarm` }
    const [at = '', id = '', third = '', fourth = '', ...words] = rest.split(',')
    const [condition, acknowledged] = context.options?.alr === 'acknowledgement-first' ? [fourth, third] : [third, fourth]
    const state = condition === 'A' ? 'raised' : 'cleared'
    const members: [string, unknown][] = [
      ['text', `${words.join(',') || `Alarm ${id}`}${state === 'cleared' ? ' (over)' : ''}`],
      ['key', `${talker}/ALR/${id}`],
      ['state', state],
      ['at', at],
      ['alarm', id],
      ['acknowledged', acknowledged === 'A'],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  },
}
