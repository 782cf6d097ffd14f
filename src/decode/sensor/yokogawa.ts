import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

/**
 * Yokogawa recorders and loggers: values `N 01 mV +12345E-1` (status, channel, unit, mantissa with exponent) and rows of the alarm summary `01 2h on`,
 * `04 4H off` (channel, number and kind of the alarm, on or off).
 */
const value = /^(?<status>[NDSOEBU]) {1,2}(?<channel>[A-Z]?\d{2,3}) {1,3}(?<unit>\S{0,6}) *(?<number>[+-]\d{1,8}E[+-]\d{1,2})$/
const row = /^(?<channel>[A-Z]?\d{2,3}) {1,3}(?<level>[1-4])(?<kind>[HLhlRrTt]) {1,3}(?<state>on|off)$/i
const kinds: Readonly<Record<string, string>> = {
  H: 'high limit',
  L: 'low limit',
  h: 'difference high limit',
  l: 'difference low limit',
  R: 'rate of increase',
  r: 'rate of decrease',
  T: 'delayed high limit',
  t: 'delayed low limit',
}
/** What a status other than N says of a channel; its number is then none. */
const statuses: Readonly<Record<string, string>> = {
  D: 'difference',
  S: 'skipped',
  O: 'over range',
  E: 'error',
  B: 'burnt out',
  U: 'no value',
}
const measured = new Set(['N', 'D'])

function read({ line }: Payload, context: Context): Decoded | undefined {
  const alarm = row.exec(line ?? '')?.groups
  if (alarm) {
    const { channel, level, kind = '', state = '' } = alarm
    const on = state.toLowerCase() === 'on'
    const members: [string, unknown][] = [
      ['text', `Channel ${channel}: alarm ${level}, ${kinds[kind]}, ${on ? 'on' : 'off'}`],
      ['key', `${channel}/${level}${kind}`],
      ['state', on ? 'raised' : 'cleared'],
      ['severity', on ? 'warning' : 'info'],
      ['channel', channel],
      ['alarm', Number(level)],
      ['kind', kind],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  }
  const found = value.exec(line ?? '')?.groups
  if (!found) return undefined
  const { status = 'N', channel, unit = '', number } = found
  if (status === 'S') return { kind: 'ignored', why: 'a channel that is skipped' }
  const valid = measured.has(status)
  const members: [string, unknown][] = [
    ['text', valid ? `Channel ${channel}: ${Number(number)} ${unit}`.trim() : `Channel ${channel}: ${statuses[status]}`],
    ['key', String(channel)],
    ['severity', valid ? 'info' : 'warning'],
    ...(valid ? [['value', Number(number)] as [string, unknown]] : []),
    ...(unit === '' ? [] : [['unit', unit] as [string, unknown]]),
    ['channel', channel],
    ['status', status],
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const yokogawa: Decoder = {
  name: 'yokogawa',
  title: 'Yokogawa recorders: values and rows of the alarm summary',
  sample: { text: '01 2h on' },
  recognises: (payload, context) => read(payload, context) !== undefined,
  decode: (payload, context) =>
    read(payload, context) ?? { kind: 'undecodable', why: 'This is neither a value nor a row of an alarm summary.' },
}
