import type { Severity } from '../alert/alert.ts'

/** Say: the words, numbers and durations of letters in the languages of the site. Labels are ASCII in German, too: one umlaut would cost a short letter a tenth of its octets. */
export type Language = 'en' | 'de'

const english = {
  critical: 'CRITICAL',
  warning: 'Warning',
  info: 'Info',
  raised: 'raised',
  cleared: 'CLEARED',
  event: '',
  when: 'When',
  since: 'Since',
  source: 'Source',
  key: 'Key',
  topic: 'Topic',
  value: 'Value',
  state: 'State',
  said: 'Device time',
  day: 'Last day',
  assumed: 'zone of the site assumed',
  twice: 'the first of two',
  previous: 'previous',
  also: 'also told here',
  reminder: (count: number) => (count > 1 ? `Still active (${count})` : 'Still active'),
  escalation: 'Nobody acknowledged',
  lasted: 'lasted',
  off: (amount: string, ahead: boolean) => `${amount} ${ahead ? 'ahead of' : 'behind'} this box`,
}
export type Words = typeof english

const german: Words = {
  critical: 'KRITISCH',
  warning: 'Warnung',
  info: 'Info',
  raised: 'steht an',
  cleared: 'BEHOBEN',
  event: '',
  when: 'Zeit',
  since: 'Seit',
  source: 'Quelle',
  key: 'Kennung',
  topic: 'Topic',
  value: 'Wert',
  state: 'Zustand',
  said: 'Zeit laut Gerät',
  day: 'Letzter Tag',
  assumed: 'Zone des Orts angenommen',
  twice: 'die erste von zweien',
  previous: 'vorige',
  also: 'hier auch genannt',
  reminder: (count: number) => (count > 1 ? `Steht noch an (${count})` : 'Steht noch an'),
  escalation: 'Niemand hat quittiert',
  lasted: 'dauerte',
  off: (amount: string, ahead: boolean) => `geht ${amount} ${ahead ? 'vor' : 'nach'}`,
}

export const wordsOf = (language: Language): Words => (language === 'de' ? german : english)

/** A comma in German; as many digits as the number has. */
export const numberText = (value: number, language: Language): string =>
  language === 'de' ? String(value).replace('.', ',') : String(value)

/** `81.2 °C`; '' without a value. */
export const valueText = ({ value, unit }: { value?: number; unit?: string }, language: Language): string =>
  value === undefined ? '' : `${numberText(value, language)}${unit ? ` ${unit}` : ''}`

/** `40 s`, `13 min`, `2 h 13 min`, `3 d 4 h`: as exact as a reader needs it. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`
}

export const severityWord = (severity: Severity, language: Language): string => wordsOf(language)[severity]
