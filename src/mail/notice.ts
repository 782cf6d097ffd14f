import { decodeWords } from '../alert/encoded-words.ts'
import { isClockRight, timeSentence, type When } from '../alert/when.ts'
import { mailDate } from './date.ts'
import type { Letter } from './letter.ts'
import { message } from './message.ts'

/** What a notice tells: the fate of a letter that did not reach somebody. */
export type NoticeFacts = {
  id: number
  deviceId: string
  site: { name: string; domain: string; timeZone: string; language: 'en' | 'de' }
  software: string
  /** Whose mailbox it goes to. */
  to: string
  recipients: string[]
  /** A sentence. */
  why: string
  original?: Uint8Array
  when: When
}

export type NoticeKind = 'refused' | 'expired' | 'damage'

const titles: Readonly<Record<'en' | 'de', Readonly<Record<NoticeKind, string>>>> = {
  en: { refused: 'Refused', expired: 'Not delivered in time', damage: 'Destroyed on the card' },
  de: { refused: 'Abgelehnt', expired: 'Nicht rechtzeitig zugestellt', damage: 'Auf der Karte zerstört' },
}

const lead: Readonly<Record<'en' | 'de', (to: string, why: string) => string>> = {
  en: (to, why) => `This letter did not reach ${to}.\n\nReason: ${why}`,
  de: (to, why) => `Dieser Brief hat ${to} nicht erreicht.\n\nGrund: ${why}`,
}

/** Of the original; its headers and first lines say enough. */
const originalLimit = 16_384

/**
 * A notice for the mailbox of the box. It has a null reverse-path and is never answered by another notice (RFC 5321 section 6.1);
 * it reports on a letter that nobody wrote, so it is auto-generated (RFC 3834 section 5).
 */
export function composeNotice(kind: NoticeKind, facts: NoticeFacts): Letter {
  const { id, deviceId, site, to, recipients, why, original, when } = facts
  const title = titles[site.language][kind]
  const text = original && Buffer.from(original.subarray(0, originalLimit)).toString().replaceAll('\r\n', '\n')
  const subject = text && /^Subject: (.*(?:\n[ \t].*)*)/m.exec(text)?.[1]?.replace(/\n[ \t]+/g, ' ')
  const body = [
    lead[site.language](recipients.join(', '), why),
    timeSentence(when, site.timeZone, site.language),
    ...(text ? ['', '----', text] : []),
  ].join('\n')
  const messageId = `<${kind}${id}.${when.at}.${deviceId}@${site.domain}>`
  const content = message(
    [],
    [
      ['From', [{ name: 'Outpost', address: `postmaster@${site.domain}` }]],
      ['To', [{ name: '', address: to }]],
      ['Subject', `${title}: ${decodeWords(subject ?? `#${id}`)}`],
      ['Date', mailDate(when.at, site.timeZone, isClockRight(when))],
      ['Message-ID', messageId],
      ['Auto-Submitted', 'auto-generated'],
      ['Importance', 'high'],
    ],
    body,
  )
  return { id, messageId, from: '', to: [to], content }
}
