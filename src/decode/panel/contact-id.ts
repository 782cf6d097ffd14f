import type { Context, Decoded, Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'
import { eventOf, lasts, severityOf, siaOf } from './codes.ts'

/**
 * Contact-ID (SIA DC-05) as receivers and printers give it over a serial line: Sur-Gard MLR2 (framed by DC4), Radionics 6500, Ademco 685 and its printer.
 */
const qualifiers: Readonly<Record<string, 'E' | 'R' | 'P'>> = { 1: 'E', 3: 'R', 6: 'P', E: 'E', R: 'R', P: 'P' }

const forms: readonly RegExp[] = [
  /^5(?<receiver>[0-9A-F]{2})(?<line>[0-9A-F]) 18(?<account>[0-9A-F]{4,6})(?<qualifier>[ERP])(?<code>[0-9A-F]{3})(?<partition>[0-9A-F]{2})(?<zone>[0-9A-F]{3})$/,
  /^a(?<receiver>[0-9A-F]{2})(?<line>[0-9A-F]) (?<account>[0-9A-F]{4})18(?<qualifier>[ERP])(?<code>[0-9A-F]{3})(?<partition>[0-9A-F]{2})(?<zone>[0-9A-F]{3})$/,
  /^(?<receiver>[0-9A-F])(?<line>[0-9A-F]) (?<account>[0-9A-F]{4}) 18 (?<qualifier>[ERP])(?<code>[0-9A-F]{3}) (?<partition>[0-9A-F]{2}) [CU ]?(?<zone>[0-9A-F]{3})$/,
  /^(?<at>\d\d:\d\d \d\d\/\d\d) (?<line>[0-9A-F]{2}) (?<account>[0-9A-F]{4}) (?<qualifier>[ERP])(?<code>[0-9A-F]{3}) (?<partition>[0-9A-F]{2}) [CU ]?(?<zone>[0-9A-F]{3})$/,
]
const sia = /^3(?<receiver>[0-9A-F]{2})(?<line>[0-9A-F]) {4}(?<account>[0-9A-F]{6})(?<code>[A-Z]{2})(?<zone>[0-9A-F]{4})$/
const heartbeats: readonly RegExp[] = [/^1[0-9A-F]{3} +@ *$/, /^[0-9A-F]{2} OKAY @ *$/]

type Event = { account: string; qualifier: string; code: string; partition: string; zone: string; at?: string }

/** The reading of one event; `more` members are added. */
export function contactIdReading(event: Event, context: Context, more: readonly (readonly [string, unknown])[] = []): Decoded {
  const { account, code, partition, zone, at } = event
  const qualifier = qualifiers[event.qualifier] ?? 'E'
  const state = !lasts(code) ? 'event' : qualifier === 'R' ? 'cleared' : 'raised'
  const said = code[0] === '4' ? (qualifier === 'R' ? ', closed' : ', opened') : state === 'cleared' ? ', restored' : ''
  const members: [string, unknown][] = [
    ['text', `${eventOf(code)}${said} (account ${account}, partition ${partition}, zone ${zone})`],
    ['key', `${account}/${code}/${partition}/${zone}`],
    ['state', state],
    ['severity', severityOf(code)],
    ['at', at],
    ['account', account],
    ['event', `${qualifier}${code}`],
    ['partition', partition],
    ['zone', zone],
  ]
  return { kind: 'reading', reading: readingOf([...members.filter(([, value]) => value !== undefined), ...more], context) }
}

/** The reading of one event with a two-letter code of SIA DC-04. */
export function siaReading({ account, code, zone, at }: Omit<Event, 'qualifier' | 'partition'>, context: Context): Decoded {
  const { name, severity, raise, state } = siaOf(code)
  const members: [string, unknown][] = [
    ['text', `${name} (account ${account}, zone ${zone})`],
    ['key', `${account}/${raise ?? code}/${zone}`],
    ['state', state],
    ['severity', severity],
    ['at', at],
    ['account', account],
    ['event', code],
    ['zone', zone],
  ]
  return {
    kind: 'reading',
    reading: readingOf(
      members.filter(([, value]) => value !== undefined),
      context,
    ),
  }
}

const matchIn = (line: string): Partial<Record<string, string>> | undefined => {
  for (const form of forms) {
    const found = form.exec(line)?.groups
    if (found) return found
  }
  return undefined
}

const isHeartbeat = (line: string): boolean => heartbeats.some((one) => one.test(line))

export const contactId: Decoder = {
  name: 'contact-id',
  title: 'Contact-ID from Sur-Gard, Radionics 6500 and Ademco 685 receivers and printers',
  sample: { text: '5011 181234E12101001' },
  recognises: ({ line }) => line !== undefined && (isHeartbeat(line) || matchIn(line) !== undefined || sia.test(line)),
  decode: ({ line = '' }, context) => {
    if (isHeartbeat(line)) return { kind: 'ignored', why: 'a heartbeat of the receiver' }
    const { account = '', qualifier = '', code = '', partition = '', zone = '', at } = matchIn(line) ?? {}
    if (account !== '') return contactIdReading({ account, qualifier, code, partition, zone, ...(at === undefined ? {} : { at }) }, context)
    const found = sia.exec(line)?.groups
    if (found) return siaReading({ account: found.account ?? '', code: found.code ?? '', zone: found.zone ?? '' }, context)
    return {
      kind: 'undecodable',
      why: 'This is no Contact-ID event. A Sur-Gard receiver sends 5011 181234E12101001 and DC4: frame it by the delimiter \\x14.',
    }
  },
}
