import type { Alert } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import { momentSaid } from '../alert/said.ts'
import { type Lasted, localTime, timeSentence, type When } from '../alert/when.ts'
import { rangeOf, sparkline } from './plot.ts'
import { durationText, numberText, saysNumber, severityWord, valueText, type Words, wordsOf } from './say.ts'
import type { View } from './template.ts'

/** What a letter says beside its alert's own words. */
export type BodyFacts = {
  site: { name: string; timeZone: string; language: 'en' | 'de' }
  when: When
  /** When it was raised, of a reminder, an escalation or a recovery. */
  since?: When
  /** How long it has lasted since then. */
  lasted?: Lasted
  previousNumber?: number
  delay?: { sentence: string }
  /** The last day's lowest and highest value, and a line of all of them. */
  range?: boolean
  sparkline?: boolean
}

export type Row = [name: string, value: string]

/** Off by less, two clocks agree. */
const agreeMs = 120_000

export function rowsOf(alert: Alert, about: BodyFacts): Row[] {
  const { site, when, since } = about
  const say = wordsOf(site.language)
  const row = (name: string, value: string | undefined): Row[] => (value === undefined || value === '' ? [] : [[name, value]])
  return [
    ...row(say.when, timeSentence(when, site.timeZone, site.language)),
    ...row(say.since, since && sinceText(since, alert, about, say)),
    ...row(say.said, alert.at === undefined ? undefined : saidText(alert.at, about, say)),
    ...row(say.value, valueText(alert, site.language)),
    ...row(say.day, (about.sparkline || about.range) && (alert.trail?.length ?? 0) > 1 ? dayText(alert, about) : undefined),
    // That it is over stands in the subject.
    ...row(say.state, alert.state === 'raised' ? say.raised : undefined),
    ...row(say.source, alert.source),
    ...row(say.key, alert.key),
    ...row(say.topic, alert.topic === alert.key ? undefined : alert.topic),
    ...Object.entries(alert.fields ?? {}).map(([name, value]): Row => [name, String(value)]),
  ]
}

/** `2026-11-24 03:12:00 (Europe/Berlin), lasted 2 h 13 min` */
function sinceText(since: When, { telling }: Alert, { site, lasted }: BodyFacts, say: Words): string {
  const amount = lastedText(lasted, say)
  const words = telling?.kind === 'recovery' ? [say.lasted, amount] : [amount]
  return [timeSentence(since, site.timeZone, site.language), ...(amount === '' ? [] : [words.join(' ')])].join(', ')
}

/** `2 h 13 min`, `at most 5 min`, `1 h to 2 h`; '' when nothing is known of it. */
function lastedText(lasted: Lasted | undefined, say: Words): string {
  if (!lasted) return ''
  const least = durationText(lasted.leastMs)
  if (lasted.mostMs === undefined) return lasted.leastMs === 0 ? '' : `${say.atLeast} ${least}`
  const most = durationText(lasted.mostMs)
  if (least === most) return most
  return lasted.leastMs === 0 ? `${say.atMost} ${most}` : `${least} ${say.to} ${most}`
}

/** A device's own time, in that of the site; how far it is off when it is off. */
function saidText(at: string, { site, when }: BodyFacts, say: Words): string {
  const said = momentSaid(at, site.timeZone)
  if (!said) return at
  const notes = [
    ...(said.zone === 'assumed' ? [say.assumed] : []),
    ...(said.twice ? [say.twice] : []),
    ...(when.certainty === 'exact' && Math.abs(said.at - when.at) > agreeMs
      ? [say.off(durationText(Math.abs(said.at - when.at)), said.at > when.at)]
      : []),
  ]
  return [localTime(said.at, site.timeZone), ...notes].join('; ')
}

function dayText({ trail = [], unit }: Alert, { site: { language }, sparkline: drawn }: BodyFacts): string {
  const { low, high } = rangeOf(trail)
  return `${numberText(rounded(low), language)} .. ${valueText({ value: rounded(high), ...(unit === undefined ? {} : { unit }) }, language)}${drawn ? `  ${sparkline(trail)}` : ''}`
}

/** What a float drags behind itself is no help beside a plot. */
const rounded = (value: number): number => (Math.abs(value) >= 100_000 ? Math.round(value) : Number(value.toPrecision(6)))

/** `#4711, previous #4705, also told here: #4706-#4710`: what a reader needs to see a gap. */
export function ledgerOf({ number, merged }: Alert, { site, previousNumber }: BodyFacts): string {
  const say = wordsOf(site.language)
  return `#${number}${previousNumber === undefined ? '' : `, ${say.previous} #${previousNumber}`}${merged === undefined ? '' : `, ${say.also}: ${merged}`}`
}

export const bodyOf = (alert: Alert, about: BodyFacts, words = alert.text): string =>
  [
    words,
    '',
    ...rowsOf(alert, about).map(([name, value]) => `${name}: ${value}`),
    ...(about.delay ? ['', about.delay.sentence] : []),
    '',
    ledgerOf(alert, about),
  ].join('\n')

/** Site, severity, text, value: what a lock screen shows. */
export function subjectOf(alert: Alert, { site }: BodyFacts, words?: string): string {
  const say = wordsOf(site.language)
  const told = telling(alert, say)
  if (words !== undefined) return told === undefined ? words : `${told}: ${words}`
  const mark = alert.state === 'cleared' ? say.cleared : severityWord(alert.severity, site.language)
  return `${site.name}: ${told === undefined ? '' : `${told}: `}${mark}: ${alert.text.split('\n')[0]}${measured(alert, site.language)}`
}

const telling = ({ telling: one }: Alert, say: Words): string | undefined => {
  if (one?.kind === 'reminder') return say.reminder(one.count ?? 1)
  return one?.kind === 'escalation' ? say.escalation : undefined
}

/** The value, unless the text says it already, in whichever notation. */
function measured(alert: Alert, language: 'en' | 'de'): string {
  if (alert.value === undefined) return ''
  return saysNumber(alert.text, alert.value) ? '' : ` (${valueText(alert, language)})`
}

/** What a template may name. */
export function viewOf(alert: Alert, about: BodyFacts): View {
  const { site, when, since, lasted } = about
  const say = wordsOf(site.language)
  return {
    site: site.name,
    severity: severityWord(alert.severity, site.language),
    text: alert.text,
    value: alert.value === undefined ? '' : numberText(alert.value, site.language),
    unit: alert.unit ?? '',
    key: alert.key ?? '',
    source: alert.source,
    topic: alert.topic ?? '',
    state: say[alert.state],
    time: timeSentence(when, site.timeZone, site.language),
    number: String(alert.number),
    since: since ? timeSentence(since, site.timeZone, site.language) : '',
    duration: lastedText(lasted, say),
    count: alert.telling?.count === undefined ? '' : String(alert.telling.count),
    merged: alert.merged ?? '',
    fields: Object.fromEntries(Object.entries(alert.fields ?? {}).map(([name, value]) => [name, cleanLine(String(value), 1024)])),
  }
}
