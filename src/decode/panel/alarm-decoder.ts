import type { FieldValue, Reading, Severity } from '../../alert/alert.ts'
import { cleanLine } from '../../alert/clean.ts'
import type { Besides, Context, Decoded, Decoder } from '../decoder.ts'
import { readingOf } from '../value.ts'

/**
 * The keypad of a burglar alarm, as AlarmDecoder and Envisalink TPI read it from the bus. The panel repeats what the keypad shows every few seconds, and shows its
 * troubles in turn: only what it has not shown lately is news.
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

type Trouble = readonly [name: string, pattern: RegExp, severity: Severity, over: string]

/** From worst to least. */
const troubles: readonly Trouble[] = [
  ['fire', /\bFIRE\b/, 'critical', 'no fire'],
  ['alarm', /\bALARM\b(?! MEMORY)/, 'critical', 'no alarm'],
  ['battery', /LO(W)? BAT/, 'warning', 'no low battery'],
  ['power', /\bAC LOSS\b/, 'warning', 'no loss of mains'],
  ['trouble', /\bCHECK\b|\bTROUBLE\b|\bTAMPER\b|COMM\. FAILURE/, 'warning', 'no trouble'],
]

const troubleIn = (text: string) => troubles.find(([, pattern]) => pattern.test(text))

/**
 * A panel shows what it has to say in turn, some four seconds each, and that it is disarmed and ready among its troubles. So a trouble that was shown within so
 * long is the same one, and it is over when nothing of its kind was shown for so long.
 */
const turnMs = 120_000
/** A keypad says something every few seconds. */
const gapMs = 30_000

/** Words of troubles, and when they were last shown. */
type Turn = Readonly<Record<string, FieldValue>>

const within = (turn: Turn, now: number): Turn =>
  Object.fromEntries(Object.entries(turn).filter(([, shownAt]) => now - Number(shownAt) < turnMs))

/** What was not shown for a turn. It is said again and again, for the journal knows what was raised in an earlier life, too. */
function overIn(key: string, turn: Turn, context: Context): Besides {
  const shown = new Set(Object.keys(turn).map((words) => troubleIn(words)?.[0]))
  const gone = troubles.filter(([name]) => !shown.has(name))
  return gone.map(([name, , , over]) => {
    const members: [string, unknown][] = [
      ['text', `The keypad shows ${over} any more`],
      ['key', `${key}/${name}`],
      ['state', 'cleared'],
      ['severity', 'info'],
    ]
    return readingOf(members, context)
  })
}

function decodeLine(line: string, context: Context): Decoded {
  const shown = shownIn(line)
  if (!shown) return { kind: 'undecodable', why: 'This is no line of a keypad bus (AlarmDecoder, Envisalink TPI).' }
  const trouble = troubleIn(shown.words)
  const { isKnown, turn, listenedMs } = remember(shown, trouble !== undefined, context)
  const besides = listenedMs < turnMs ? [] : overIn(shown.key, turn, context)
  if (isKnown) return { kind: 'ignored', why: 'the keypad shows what it showed before', besides }
  return { kind: 'reading', reading: readingFrom(shown, trouble, context), besides }
}

type Remembered = { isKnown: boolean; turn: Turn; listenedMs: number }

function remember({ key, words }: Shown, isTrouble: boolean, { memory, now = 0 }: Context): Remembered {
  const [device, lately] = [`keypad:${key}`, `keypad:${key}/turn`]
  const { since: begun = now, heard = now, last = null, calm = null } = memory?.get(device) ?? {}
  // While nothing is heard nothing is over: a line that was away says nothing of what was not shown meanwhile.
  const deafMs = now - Number(heard) > gapMs ? now - Number(heard) : 0
  const since = Number(begun) + deafMs
  // What is shown stays until the next is: some interfaces pass on only what differs.
  const before = within({ ...later(memory?.get(lately) ?? {}, deafMs), ...at(last, now) }, now)
  const turn = isTrouble ? { ...before, ...at(words, now) } : before
  memory?.set(device, isTrouble ? { since, heard: now, last: words, calm } : { since, heard: now, last: null, calm: words })
  memory?.set(lately, turn)
  return { isKnown: isTrouble ? Object.hasOwn(before, words) : calm === words, turn, listenedMs: now - Number(since) }
}

const later = (turn: Turn, ms: number): Turn =>
  Object.fromEntries(Object.entries(turn).map(([words, shown]) => [words, Number(shown) + ms]))

const at = (words: FieldValue, now: number): Turn => (typeof words === 'string' ? { [words]: now } : {})

function readingFrom({ key, words, fields }: Shown, trouble: Trouble | undefined, context: Context): Reading {
  const [name, , severity] = trouble ?? []
  const members: [string, unknown][] = [
    ['text', words || 'The keypad is blank'],
    ['key', name === undefined ? key : `${key}/${name}`],
    ['state', name === undefined ? 'event' : 'raised'],
    ['severity', severity ?? 'info'],
    ...fields,
  ]
  return readingOf(members, context)
}

export const alarmDecoder: Decoder = {
  name: 'alarm-decoder',
  title:
    'Keypad of a burglar alarm: AlarmDecoder, Envisalink TPI; told when it changes; a trouble is over when it was not shown for two minutes',
  sample: { text: '[10000001000100003A--],008,[f702000f1008001c08020000000000],"SYSTEM LO BAT                   "' },
  recognises: ({ line }) => line !== undefined && shownIn(line) !== undefined,
  decode: ({ line = '' }, context) => decodeLine(line, context),
}
