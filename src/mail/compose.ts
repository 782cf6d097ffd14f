import type { Alert, Severity } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import { timeSentence, type When } from '../alert/when.ts'
import type { Instant } from '../ports/clock.ts'
import { mailDate } from './date.ts'
import type { Letter } from './letter.ts'
import { type Field, message } from './message.ts'
import { fold } from './words.ts'

/** What a letter is made of beside its alert. */
export type LetterFacts = {
  /** Journal position. */
  id: number
  deviceId: string
  site: { name: string; domain: string; timeZone: string; language: 'en' | 'de' }
  from: { name?: string; address: string }
  replyTo?: string
  /** Everybody the alert is for: the To header. */
  to: { name?: string; address: string }[]
  /** Who gets this copy: the envelope. */
  envelopeTo: string[]
  when: When
  composedAt: Instant
  previousNumber?: number
  /** Message-ID of the letter that this one belongs to. */
  thread?: { root: string }
  delay?: { attempts: number; sentence: string }
  /** `MQTT`, `serial`, `CLI`: how the alert came, for the Received line (RFC 5321 section 3.7.2). */
  via: string
  software: string
}

const subjectChars = 150

/** The same for every attempt, after every crash (RFC 5322 section 3.6.4). */
export const messageIdOf = (deviceId: string, id: number, domain: string): string => `<o${id}.${deviceId}@${domain}>`

/**
 * The letter of one alert. Pure: the same alert and facts give the same octets. Addresses come from the facts only; nothing that a sensor
 * sent reaches an address or the name of a header.
 */
export function compose(alert: Alert, about: LetterFacts): Letter {
  const { id, deviceId, site, from, replyTo, to, when, thread } = about
  const messageId = messageIdOf(deviceId, id, site.domain)
  const certain = when.certainty === 'exact' || when.certainty === 'corrected'
  const fields: Field[] = [
    ['From', [named(from)]],
    ['To', to.map(named)],
    ...(replyTo === undefined ? [] : [['Reply-To', [named({ address: replyTo })]] as Field]),
    ['Subject', subjectOf(alert, site)],
    ['Date', mailDate(when.at, site.timeZone, certain)],
    ['Message-ID', messageId],
    ...(thread
      ? ([
          ['In-Reply-To', thread.root],
          ['References', thread.root],
        ] as Field[])
      : []),
    ['Auto-Submitted', 'auto-generated'],
    ...urgency[alert.severity],
    ['X-Outpost-Source', alert.source],
    ['X-Outpost-Number', String(alert.number)],
    ['X-Outpost-Severity', alert.severity],
    ...(alert.key === undefined ? [] : [['X-Outpost-Key', cleanLine(alert.key, 100)] as Field]),
  ]
  // RFC 5321 section 3.7.2. Its id would be that of the Message-ID, which is there already (section 4.4: it may be left out).
  const received = fold(`Received: by ${site.domain} (${about.software}) via ${about.via}; ${mailDate(when.at, site.timeZone, certain)}`)
  return {
    id,
    messageId,
    from: from.address,
    to: about.envelopeTo,
    urgent: alert.severity === 'critical',
    content: message([received], fields, bodyOf(alert, about)),
  }
}

const named = (mailbox: { name?: string; address: string }): { name: string; address: string } => ({
  name: cleanLine(mailbox.name ?? '', 100),
  address: mailbox.address,
})

/** RFC 2156 section 5.3.4 as RFC 4021 names them; `normal` is what a letter without them is. */
const urgency: Readonly<Record<Severity, readonly Field[]>> = {
  critical: [
    ['Importance', 'high'],
    ['Priority', 'urgent'],
  ],
  warning: [],
  info: [
    ['Importance', 'low'],
    ['Priority', 'non-urgent'],
  ],
}

/** Labels are ASCII in German, too: one umlaut would cost a short letter a tenth of its octets. */
const words = {
  en: {
    critical: 'CRITICAL',
    warning: 'Warning',
    info: 'Info',
    raised: 'raised',
    cleared: 'CLEARED',
    event: '',
    when: 'When',
    source: 'Source',
    key: 'Key',
    topic: 'Topic',
    value: 'Value',
    state: 'State',
    said: 'Device time',
    previous: 'previous',
  },
  de: {
    critical: 'KRITISCH',
    warning: 'Warnung',
    info: 'Info',
    raised: 'steht an',
    cleared: 'BEHOBEN',
    event: '',
    when: 'Zeit',
    source: 'Quelle',
    key: 'Kennung',
    topic: 'Topic',
    value: 'Wert',
    state: 'Zustand',
    said: 'Zeit laut Gerät',
    previous: 'vorige',
  },
} as const

/** Site, severity, text, value: what a lock screen shows. */
function subjectOf(alert: Alert, site: LetterFacts['site']): string {
  if (alert.subject !== undefined) return cleanLine(alert.subject, subjectChars)
  const say = words[site.language]
  const mark = alert.state === 'cleared' ? say.cleared : say[alert.severity]
  return cleanLine(`${site.name}: ${mark}: ${alert.text.split('\n')[0]}${measured(alert)}`, subjectChars)
}

/** The value, unless the text says it already. */
const measured = (alert: Alert): string =>
  alert.value === undefined || alert.text.includes(String(alert.value)) ? '' : ` (${alert.value}${alert.unit ? ` ${alert.unit}` : ''})`

function bodyOf(alert: Alert, about: LetterFacts): string {
  const { site, when, delay, previousNumber } = about
  const say = words[site.language]
  const rows: [string, string][] = [
    [say.when, timeSentence(when, site.timeZone, site.language)],
    ...(alert.at === undefined ? [] : [[say.said, alert.at] as [string, string]]),
    ...(alert.value === undefined ? [] : [[say.value, `${alert.value}${alert.unit ? ` ${alert.unit}` : ''}`] as [string, string]]),
    ...(alert.state === 'event' ? [] : [[say.state, say[alert.state]] as [string, string]]),
    [say.source, alert.source],
    ...(alert.key === undefined ? [] : [[say.key, alert.key] as [string, string]]),
    ...(alert.topic === undefined || alert.topic === alert.key ? [] : [[say.topic, alert.topic] as [string, string]]),
    ...Object.entries(alert.fields ?? {}).map(([name, value]) => [name, String(value)] as [string, string]),
  ]
  return [
    alert.text,
    '',
    ...rows.map(([name, value]) => `${name}: ${value}`),
    ...(delay ? ['', delay.sentence] : []),
    '',
    `#${alert.number}${previousNumber === undefined ? '' : `, ${say.previous} #${previousNumber}`}`,
  ].join('\n')
}
