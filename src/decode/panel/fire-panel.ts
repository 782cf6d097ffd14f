import type { Severity } from '../../alert/alert.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import type { Payload } from '../payload.ts'
import { readingOf } from '../value.ts'

/** Printer ports of fire panels: one event between `:` and `;` (AFP-2800), or a block of lines with `Status:` that a silence ends (IF600 and its like). */
const event =
  /^:?(?<reset>RESET )?(?<kind>[A-Z][A-Z ]{1,30}?) (?<zone>Z\d{3}) (?<device>\S{1,20}) (?<words>.*?) ?(?<at>\d\d\/\d\d \d\d:\d\d);?$/
const status = /^Status: ?(?<status>[A-Z][A-Za-z]{1,20})\b.*?(?<at>\d\d\/\d\d\/\d\d \d\d:\d\d)?$/
const over = /^(?:RESET|NORMAL|RESTORED?|CLEARE?D?|OK)$/i

const severityOf = (kind: string): Severity => (/ALARM|FIRE|SMOKE|HEAT/i.test(kind) ? 'critical' : 'warning')

function lineReading(line: string, context: Context): Decoded | undefined {
  const { reset, kind = '', zone = '', device = '', words = '', at } = event.exec(line)?.groups ?? {}
  if (zone === '') return undefined
  const members: [string, unknown][] = [
    ['text', `${reset === undefined ? '' : 'Reset: '}${kind}${words === '' || words === kind ? '' : `: ${words}`} (${zone} ${device})`],
    ['key', `${zone}/${device}/${kind}`],
    ['state', reset === undefined ? 'raised' : 'cleared'],
    ['severity', severityOf(kind)],
    ['at', at],
    ['zone', zone],
    ['device', device],
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

function blockReading(lines: readonly string[], context: Context): Decoded | undefined {
  const index = lines.findIndex((line) => status.test(line))
  const { status: word = '', at } = status.exec(lines[index] ?? '')?.groups ?? {}
  if (word === '') return undefined
  const node = /^Node (\d{1,5})$/.exec(lines[index - 1] ?? '')?.[1]
  const [where = '', ...rest] = lines.slice(index + 1)
  const circuit = /\bCkt: ?(\d{1,5})/.exec(where)?.[1]
  const device = /\bDev: ?(\d{1,5})/.exec(where)?.[1]
  const key = [node && `node-${node}`, circuit && `ckt-${circuit}`, device && `dev-${device}`].filter(Boolean).join('/')
  // Two lines of anybody may begin so; a panel says when, or where.
  if (at === undefined && circuit === undefined) return undefined
  const kind = where.replace(/ in Ckt:.*$/, '')
  const members: [string, unknown][] = [
    ['text', `${word}: ${[...rest, kind].filter(Boolean).join(', ')}`],
    ['key', key || undefined],
    ['state', over.test(word) ? 'cleared' : 'raised'],
    ['severity', over.test(word) ? 'info' : severityOf(`${word} ${kind}`)],
    ['at', at],
    ['status', word],
    ...lines.slice(0, 16).map((line, row): [string, string] => [`line${row + 1}`, line]),
  ]
  return {
    kind: 'reading',
    reading: readingOf(
      members.filter(([, value]) => value !== undefined),
      context,
    ),
  }
}

const read = ({ line, lines }: Payload, context: Context): Decoded | undefined =>
  line === undefined ? blockReading(lines, context) : lineReading(line, context)

export const firePanel: Decoder = {
  name: 'fire-panel',
  title: 'Printer port of a fire panel: an event between : and ;, or a block of lines with Status:',
  sample: { text: ':ALARM Z001 1.1.Z1 AZF 1 ON MODULE 1 (28 CHAR) 12/08 01:23;' },
  recognises: (payload, context) => read(payload, context) !== undefined,
  decode: (payload, context) =>
    read(payload, context) ?? {
      kind: 'undecodable',
      why: 'This is no event of a fire panel that is known here. Frame blocks of several lines by frame.kind idle, events by between : and ;.',
    },
}
