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
  atLeast: 'at least',
  atMost: 'at most',
  to: 'to',
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
  atLeast: 'mindestens',
  atMost: 'höchstens',
  to: 'bis',
  off: (amount: string, ahead: boolean) => `geht ${amount} ${ahead ? 'vor' : 'nach'}`,
}

export const wordsOf = (language: Language): Words => (language === 'de' ? german : english)

/** From five digits on they are set apart, as German does it; 20 is as many as a double can need between 1e-6 and 1e21. */
const germanNumber = new Intl.NumberFormat('de', { useGrouping: 'min2', maximumFractionDigits: 20 })

/** As many digits as the number has, and no sign at zero; in German `12.345,6`. English keeps what machines write, so that nobody reads 12,345 as a fraction. */
export const numberText = (value: number, language: Language): string => {
  const text = String(value)
  if (language === 'en') return text
  return text.includes('e') ? text.replace('.', ',') : germanNumber.format(value + 0)
}

const numberPattern = /(?<![\d.,])(?:(?<!\w)-)?\d+(?:[.,]\d+)*/g

/** Whether a text has this number as a whole one, in either notation: 8 does not stand in `81`, 35 not in `3,5`, and 81.2 does in `81,20`. */
export const saysNumber = (text: string, value: number): boolean =>
  (text.match(numberPattern) ?? []).some((found) => numberIn(found, ',', '.') === value || numberIn(found, '.', ',') === value) ||
  (String(value).includes('e') && text.includes(String(value)))

/** undefined where the marks do not stand as this notation has them. */
function numberIn(found: string, group: string, point: string): number | undefined {
  const [whole = '', fraction, ...more] = found.split(point)
  const [head = '', ...groups] = whole.split(group)
  const isGrouped = groups.length === 0 || (head.replace('-', '').length <= 3 && groups.every((digits) => digits.length === 3))
  if (more.length > 0 || !isGrouped || fraction?.includes(group)) return undefined
  return Number(`${head}${groups.join('')}.${fraction ?? '0'}`)
}

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
