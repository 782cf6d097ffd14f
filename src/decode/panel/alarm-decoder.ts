import type { Severity } from '../../alert/alert.ts'
import { cleanLine } from '../../alert/clean.ts'
import type { Context, Decoded, Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'

/**
 * The keypad of a burglar alarm, as AlarmDecoder and Envisalink TPI read it from the bus. The panel repeats what the keypad shows every few seconds: only what
 * differs from before is news.
 */
const keypad = /^!?\[(?<bits>[01][0-9A-Fa-f-]{10,24})\],(?<code>[0-9A-Fa-f]{3}),\[[0-9A-Fa-f]*\],"(?<words>[^"]{0,80})"$/
const envisalink =
  /^%00,(?<partition>\d{2}),(?<lamps>[0-9A-Fa-f]{4}),(?<code>[0-9A-Fa-f]{2}),(?<beep>[0-9A-Fa-f]{2}),(?<words>[^$]{0,80})\$$/

type Shown = { key: string; words: string; fields: [string, string | boolean][] }

const shownIn = (line: string): Shown | undefined => {
  const bus = keypad.exec(line)?.groups
  if (bus) {
    const bits = bus.bits ?? ''
    const is = (index: number) => bits[index] === '1'
    const fields: Shown['fields'] = [
      ['ready', is(0)],
      ['armedAway', is(1)],
      ['armedHome', is(2)],
      ['acPower', is(7)],
      ['alarmSounding', is(10)],
      ['batteryLow', is(11)],
      ['fire', is(13)],
      ['zone', bus.code ?? ''],
    ]
    return { key: 'keypad', words: words(bus.words), fields }
  }
  const tpi = envisalink.exec(line)?.groups
  if (!tpi) return undefined
  const fields: Shown['fields'] = [
    ['partition', tpi.partition ?? ''],
    ['lamps', tpi.lamps ?? ''],
    ['zone', tpi.code ?? ''],
  ]
  return { key: `keypad-${tpi.partition}`, words: words(tpi.words), fields }
}

const words = (text = ''): string => cleanLine(text, 80)

/** From worst to least. */
const troubles: readonly (readonly [name: string, pattern: RegExp, severity: Severity])[] = [
  ['fire', /\bFIRE\b/, 'critical'],
  ['alarm', /\bALARM\b(?! MEMORY)/, 'critical'],
  ['battery', /LO(W)? BAT/, 'warning'],
  ['power', /\bAC LOSS\b/, 'warning'],
  ['trouble', /\bCHECK\b|\bTROUBLE\b|\bTAMPER\b|COMM\. FAILURE/, 'warning'],
]

function decodeLine(line: string, context: Context): Decoded {
  const shown = shownIn(line)
  if (!shown) return { kind: 'undecodable', why: 'This is no line of a keypad bus (AlarmDecoder, Envisalink TPI).' }
  const { key, words: text, fields } = shown
  const before = context.memory?.get(`keypad:${key}`)
  const [name, , severity] = troubles.find(([, pattern]) => pattern.test(text)) ?? []
  if (before?.text === text) return { kind: 'ignored', why: 'the keypad shows what it showed before' }
  context.memory?.set(`keypad:${key}`, { text, trouble: name ?? null })
  const ended = name === undefined && typeof before?.trouble === 'string' ? before.trouble : undefined
  const members: [string, unknown][] = [
    ['text', text || 'The keypad is blank'],
    ['key', name !== undefined || ended !== undefined ? `${key}/${name ?? ended}` : key],
    ['state', name !== undefined ? 'raised' : ended !== undefined ? 'cleared' : 'event'],
    ['severity', severity ?? 'info'],
    ...fields,
  ]
  return { kind: 'reading', reading: readingOf(members, context) }
}

export const alarmDecoder: Decoder = {
  name: 'alarm-decoder',
  title: 'Keypad of a burglar alarm: AlarmDecoder, Envisalink TPI; told when it changes',
  sample: { text: '[10000001000100003A--],008,[f702000f1008001c08020000000000],"SYSTEM LO BAT                   "' },
  recognises: ({ line }) => line !== undefined && shownIn(line) !== undefined,
  decode: ({ line = '' }, context) => decodeLine(line, context),
}
