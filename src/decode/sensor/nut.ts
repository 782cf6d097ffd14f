import type { AlertState, Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

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

/** OL, OB, LB: what the status says about the mains. */
function statusMembers(ups: string, status: string | undefined): [string, unknown][] {
  if (status === undefined)
    return [
      ['key', `ups/${ups}`],
      ['severity', 'info'],
    ]
  const flags = status.split(' ')
  const event = events[flags.includes('OB') ? (flags.includes('LB') ? 'LOWBATT' : 'ONBATT') : 'ONLINE']
  return [
    ['text', `UPS ${ups} ${event?.text}`],
    ['key', `ups/${ups}/power`],
    ['state', event?.state],
    ['severity', event?.severity],
  ]
}

function read({ lines, line }: Payload, context: Context): Decoded | undefined {
  const found = word.exec(line ?? '')?.groups
  if (found) {
    const ups = found.ups ?? 'ups'
    const event = events[found.event ?? '']
    const members: [string, unknown][] = [
      ['text', `UPS ${ups} ${event?.text}`],
      ['key', `ups/${ups}/${event?.about}`],
      ['state', event?.state],
      ['severity', event?.severity],
      ['event', found.event],
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  }
  const logged = log.exec(line ?? '')?.groups
  if (logged) {
    const { at, charge, volt, load, status, temp, freq } = logged
    const values = Object.entries({ charge, volt, load, temp, freq }).flatMap(([name, value]) =>
      given(value) === undefined ? [] : [[name, given(value)] as const],
    )
    const known = status === 'NA' ? undefined : status
    return {
      kind: 'reading',
      reading: readingOf(
        [...statusMembers('ups', known), ['at', at], ...(known === undefined ? [] : [['status', known] as const]), ...values],
        context,
      ),
    }
  }
  const variables = lines.map((one) => variable.exec(one)?.groups)
  if (lines.length === 0 || !variables.every((one) => one !== undefined)) return undefined
  const members = variables.map((one): [string, unknown] => [one?.name ?? '', given(one?.value)])
  const saidOf = (name: string) => members.find(([known]) => known === name)?.[1]
  const status = saidOf('ups.status')
  const ups = String(saidOf('device.model') ?? 'ups')
  return {
    kind: 'reading',
    reading: readingOf([...statusMembers(ups, status === undefined ? undefined : String(status)), ...members], context),
  }
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
