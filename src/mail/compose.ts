import { hash } from 'node:crypto'
import type { Alert, Severity } from '../alert/alert.ts'
import { cleanLine, cleanText } from '../alert/clean.ts'
import { isClockRight, type Lasted, type When } from '../alert/when.ts'
import type { Instant } from '../ports/clock.ts'
import { bodyOf, subjectOf, viewOf } from './body.ts'
import { mailDate } from './date.ts'
import { htmlOf } from './html.ts'
import type { Letter } from './letter.ts'
import { type Field, message, type Parts } from './message.ts'
import { plotPng } from './plot.ts'
import { filled } from './template.ts'
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
  /** When what this letter is about was raised, where its alert names it. */
  since?: When
  lasted?: Lasted
  /** The rule's own words (`template.ts`). */
  templates?: { subject?: string; body?: string }
  look?: Look
  /** Stands at the end of the subject, so that an answer can be told from a forged one. */
  code?: string
  /** The group of boxes whose subscription brought the alert, when it was a shared one. */
  group?: string
  /** `MQTT`, `serial`, `CLI`: how the alert came, for the Received line (RFC 5321 section 3.7.2). */
  via: string
  software: string
}

/** How letters look; text alone when left out. */
export type Look = {
  html: boolean
  /** The values of the last day: a picture and a line in the text, the line alone, or none. */
  plot: 'png' | 'text' | 'none'
  /** The alert for machines, attached. */
  json: boolean
  /** Octets; a picture that would exceed them is left out. */
  maxBytes: number
}

const plain: Look = { html: false, plot: 'none', json: false, maxBytes: Number.POSITIVE_INFINITY }
const subjectChars = 150
/** Of words that a template made. */
const bodyChars = 16_384

/** The same for every attempt, after every crash (RFC 5322 section 3.6.4). */
export const messageIdOf = (deviceId: string, id: number, domain: string): string => `<o${id}.${deviceId}@${domain}>`

/**
 * Of a subscription that boxes share, a broker may give one message to two of them (MQTT 5 section 4.8.2, QoS 1). Where its publisher said which one it is and
 * when it was, both letters bear this Message-ID, and a mailbox that knows twins keeps one. Not for letters that others refer to: their thread is ours alone.
 */
function sharedIdOf({ id, at, topic, state, parent, telling, covers }: Alert, { group, from }: LetterFacts): string | undefined {
  if (group === undefined || id === undefined || at === undefined || state !== 'event') return undefined
  if (parent !== undefined || telling || covers) return undefined
  const print = hash('sha256', [group, topic ?? '', id, at].join('\0')).slice(0, 32)
  return `<g${print}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`
}

/**
 * The letter of one alert. Pure: the same alert and facts give the same octets. Addresses come from the facts only; nothing that a sensor
 * sent reaches an address or the name of a header.
 */
export function compose(alert: Alert, about: LetterFacts): Letter {
  const { id, deviceId, site, from, replyTo, to, when, thread, templates = {}, look = plain } = about
  const view = templates.subject === undefined && templates.body === undefined ? undefined : viewOf(alert, about)
  const ownSubject = view && templates.subject !== undefined ? filled(templates.subject, view) : undefined
  const words = view && templates.body !== undefined ? cleanText(filled(templates.body, view), bodyChars) || alert.text : alert.text
  const line = (text: string | undefined) => cleanLine(text ?? '', subjectChars)
  const subject = line(alert.subject) || line(subjectOf(alert, about, line(ownSubject) || undefined)) || line(alert.source)
  const sharedId = sharedIdOf(alert, about)
  const messageId = sharedId ?? messageIdOf(deviceId, id, site.domain)
  const certain = isClockRight(when)
  const fields: Field[] = [
    ['From', [named(from)]],
    ['To', to.map(named)],
    ...(replyTo === undefined ? [] : [['Reply-To', [named({ address: replyTo })]] as Field]),
    ['Subject', about.code === undefined ? subject : `${subject} [#${about.code}]`],
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
    ...(alert.state === 'event' ? [] : [['X-Outpost-State', alert.state] as Field]),
    ...(alert.key === undefined ? [] : [['X-Outpost-Key', cleanLine(alert.key, 100)] as Field]),
    ...(alert.id === undefined ? [] : [['X-Outpost-Alert-Id', cleanLine(alert.id, 200)] as Field]),
  ]
  // RFC 5321 section 3.7.2. Its id is ours, by which a report of a server further on is understood; mostly the Message-ID says it already (section 4.4: it may be left out).
  const ours = sharedId === undefined ? '' : ` id o${id}.${deviceId}`
  const received = fold(
    `Received: by ${site.domain} (${about.software}) via ${about.via}${ours}; ${mailDate(when.at, site.timeZone, certain)}`,
  )
  return {
    id,
    messageId,
    from: from.address,
    to: about.envelopeTo,
    urgent: alert.severity === 'critical',
    content: message(
      [received],
      fields,
      bodyOf(alert, { ...about, sparkline: look.plot !== 'none' }, words),
      partsOf(alert, about, look, words),
    ),
  }
}

/** What goes beside the text; undefined when it stands alone. */
function partsOf(alert: Alert, about: LetterFacts, look: Look, words: string): Parts | undefined {
  const attachments = [
    ...(alert.raw === undefined ? [] : [{ name: 'raw.bin', type: 'application/octet-stream', content: Buffer.from(alert.raw, 'base64') }]),
    ...(look.json
      ? [{ name: 'alert.json', type: 'application/json', content: Buffer.from(`${JSON.stringify(machineView(alert))}\n`) }]
      : []),
  ]
  const png = look.plot === 'png' && alert.trail && alert.trail.length > 1 ? plotPng(alert.trail) : undefined
  const fits = png !== undefined && png.length * 1.4 + words.length * 4 + pictureRoom <= look.maxBytes
  if (!look.html && !fits && attachments.length === 0) return undefined
  return {
    ...(look.html ? { html: htmlOf(alert, { ...about, range: look.plot !== 'none' }, words) } : {}),
    // Beside the words and not in the HTML: filters distrust a letter whose HTML is little more than a picture.
    ...(fits ? { picture: { name: 'last-day.png', content: png } } : {}),
    attachments,
  }
}

/** What a letter with a picture needs beside picture and words: headers, rows, style. */
const pictureRoom = 6000

/** What a machine may want to know of an alert; none of our inner words. */
const machineView = ({
  source,
  number,
  id,
  key,
  state,
  severity,
  text,
  value,
  unit,
  at,
  topic,
  fields,
  stamp,
  rule,
  telling,
}: Alert): unknown => ({
  source,
  number,
  id,
  key,
  state,
  severity,
  text,
  value,
  unit,
  at,
  topic,
  fields,
  rule,
  ...(telling ? { telling: telling.kind } : {}),
  stamp: new Date(stamp.wall).toISOString(),
})

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
