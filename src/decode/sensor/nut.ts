import type { AlertState, Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { several } from '../several.ts'
import { type Members, readingOf } from '../value.ts'

/** Network UPS Tools: events of upsmon (`UPS rack@box: ONBATT`, or the word alone), the variables of `upsc`, lines of `upslog`. */
type Event = { text: string; about: string; state: AlertState; severity: Severity }
const events: Readonly<Record<string, Event>> = {
  ONBATT: { text: 'runs on battery', about: 'power', state: 'raised', severity: 'warning' },
  ONLINE: { text: 'has mains again', about: 'power', state: 'cleared', severity: 'warning' },
  LOWBATT: { text: 'battery is nearly empty', about: 'battery', state: 'raised', severity: 'critical' },
  FSD: { text: 'is being shut down', about: 'shutdown', state: 'event', severity: 'critical' },
  SHUTDOWN: { text: 'the system shuts down', about: 'shutdown', state: 'event', severity: 'critical' },
  COMMBAD: { text: 'does not answer', about: 'communication', state: 'raised', severity: 'warning' },
  NOCOMM: { text: 'cannot be reached', about: 'communication', state: 'raised', severity: 'warning' },
  COMMOK: { text: 'answers again', about: 'communication', state: 'cleared', severity: 'warning' },
  REPLBATT: { text: 'battery needs to be replaced', about: 'replace', state: 'raised', severity: 'warning' },
}
const word = /^(?:UPS )?(?:(?<ups>[\w.@:-]{1,64}?):? )?(?<event>ONLINE|ONBATT|LOWBATT|FSD|COMMOK|COMMBAD|SHUTDOWN|REPLBATT|NOCOMM)$/
const variable = /^(?<name>(?:battery|device|driver|input|output|ups|ambient|outlet)\.[\w.]{1,60}): (?<value>.{0,200})$/
const log =
  /^(?<at>\d{8} \d{6}) (?<charge>[\d.]+|NA) (?<volt>[\d.]+|NA) (?<load>[\d.]+|NA) \[(?<status>[A-Z ]{1,40}|NA)\] (?<temp>[\d.]+|NA) (?<freq>[\d.]+|NA)$/

const given = (value: string | undefined): string | number | undefined =>
  value === undefined || value === 'NA' ? undefined : Number.isFinite(Number(value)) ? Number(value) : value

const told = (ups: string, { text, about, state, severity }: Event): Members => [
  ['text', `UPS ${ups} ${text}`],
  ['key', `ups/${ups}/${about}`],
  ['state', state],
  ['severity', severity],
]

/** upsmon has no word for a battery that is no longer nearly empty: with mains it is charged. */
const charged: Event = { text: 'charges its battery', about: 'battery', state: 'cleared', severity: 'critical' }

/** Of upsmon: a word for what has just changed. */
const eventsOf = (name: string): Event[] => [...(events[name] ? [events[name]] : []), ...(name === 'ONLINE' ? [charged] : [])]

/** OL, OB, LB: how mains and battery stand. LB stays beside OL until there is enough in it. */
function standing(status: string): Event[] {
  const flags = status.split(' ')
  const mains = flags.includes('OB') ? 'ONBATT' : 'ONLINE'
  return flags.includes('LB') ? [mains, 'LOWBATT'].flatMap((name) => events[name] ?? []) : eventsOf(mains)
}

/** What is told of this UPS, with everything else that it said; a level when it says nothing of how it stands. */
function upsReading(ups: string, found: readonly Event[], rest: Members, context: Context): Decoded {
  const level: Members = [
    ['key', `ups/${ups}`],
    ['severity', 'info'],
  ]
  const members = found.map((event) => told(ups, event))
  return several(members, level, (one) => readingOf([...one, ...rest], context))
}

const read = (payload: Payload, context: Context): Decoded | undefined =>
  readWord(payload, context) ?? readLog(payload, context) ?? readVariables(payload, context)

function readWord({ line }: Payload, context: Context): Decoded | undefined {
  const { ups = 'ups', event } = word.exec(line ?? '')?.groups ?? {}
  return event === undefined ? undefined : upsReading(ups, eventsOf(event), [['event', event]], context)
}

function readLog({ line }: Payload, context: Context): Decoded | undefined {
  const logged = log.exec(line ?? '')?.groups
  if (!logged) return undefined
  const { at, charge, volt, load, status = 'NA', temp, freq } = logged
  const values = Object.entries({ charge, volt, load, temp, freq }).flatMap(
    ([name, value]): Members => (given(value) === undefined ? [] : [[name, given(value)]]),
  )
  if (status === 'NA') return upsReading('ups', [], [['at', at], ...values], context)
  return upsReading('ups', standing(status), [['at', at], ['status', status], ...values], context)
}

function readVariables({ lines }: Payload, context: Context): Decoded | undefined {
  const variables = lines.map((one) => variable.exec(one)?.groups)
  if (lines.length === 0 || !variables.every((one) => one !== undefined)) return undefined
  const members = variables.map((one): [string, unknown] => [one?.name ?? '', given(one?.value)])
  const saidOf = (name: string) => members.find(([known]) => known === name)?.[1]
  const status = saidOf('ups.status')
  return upsReading(String(saidOf('device.model') ?? 'ups'), status === undefined ? [] : standing(String(status)), members, context)
}

export const nut: Decoder = {
  name: 'nut',
  title: 'Network UPS Tools: events of upsmon, variables of upsc, lines of upslog',
  sample: { text: 'UPS rack@localhost: ONBATT' },
  recognises: (payload, context) => read(payload, context) !== undefined,
  decode: (payload, context) =>
    read(payload, context) ?? {
      kind: 'undecodable',
      why: 'This is neither an event of upsmon, nor variables of upsc, nor a line of upslog.',
    },
}
