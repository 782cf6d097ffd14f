import type { Enclosed } from '../alert/alert.ts'
import { cleanLine } from '../alert/clean.ts'
import { isClockRight, type When } from '../alert/when.ts'
import { messageIdOf } from './compose.ts'
import { mailDate } from './date.ts'
import type { Letter } from './letter.ts'
import { mailboxField } from './message.ts'
import { fold } from './words.ts'

/**
 * Passing a mail on as it is: its octets stay, and a header stands in front of them that says how it came here (RFC 5321 section 4.4) and has what a mail must have and this one lacks
 * (RFC 6409 section 8). Pure.
 */
export type PassingFacts = {
  id: number
  deviceId: string
  site: { name: string; domain: string; timeZone: string }
  software: string
  /** The envelope sender on its way out, so that reports come to the box; and whose it is with `own`. */
  from: { name?: string; address: string }
  when: When
  /** `own`: From becomes the box, for relays that take no other, and answers still go to whoever wrote the mail. */
  sender: 'keep' | 'own'
}

/** What stands in the place of the header of `content`: made once, and kept when any of it may have left. Octets, with the blank line. */
export function headFor(enclosed: Enclosed, content: Uint8Array, about: PassingFacts): Uint8Array {
  const { site, software, when, deviceId, id, sender, from } = about
  const fields = fieldsOf(content.subarray(0, headBytes(content)))
  const names = new Set(fields.map(nameOf))
  const date = mailDate(when.at, site.timeZone, isClockRight(when))
  const by = cleanLine(enclosed.by, 100)
  const received = `Received: from [${by.includes(':') ? `IPv6:${by}` : by}] by ${site.domain} (${software}) with ${enclosed.with} id ${passingId(about)}; ${date}`
  const box = () => mailboxField('From', { name: sender === 'own' ? site.name : (from.name ?? ''), address: from.address })
  return Buffer.from(
    [
      fold(received),
      ...(names.has('date') ? [] : [`Date: ${date}`]),
      ...(names.has('message-id') ? [] : [`Message-ID: ${messageIdOf(deviceId, id, site.domain)}`]),
      ...(sender === 'own' || !names.has('from') ? [box()] : []),
      ...fields.flatMap((field) =>
        sender === 'own' ? stoodBack(field, names.has('reply-to')) : nameOf(field) === 'return-path' ? [] : [field],
      ),
      '',
      '',
    ].join('\r\n'),
    'latin1',
  )
}

/** The letter of a mail whose header is `head`, as `headFor` made it. */
export function passOn(content: Uint8Array, head: Uint8Array, about: PassingFacts, envelopeTo: string[]): Letter {
  const whole = ended(Buffer.concat([head, content.subarray(bodyStart(content))]))
  const ownId = fieldsOf(head).find((field) => nameOf(field) === 'message-id')
  return {
    id: about.id,
    messageId: ownId?.slice(ownId.indexOf(':') + 1).trim() ?? '',
    envelopeId: passingId(about),
    from: about.from.address,
    to: envelopeTo,
    // It has no code of ours by which a sloppy report could be told; that it is named by the envelope is worth its octets.
    urgent: true,
    ...(whole.some((octet) => octet > 127) ? { eightBit: true as const } : {}),
    content: whole,
  }
}

/** A mail that stays here: final delivery puts the envelope sender first (RFC 5321 section 4.4). */
export const withReturnPath = (content: Uint8Array, from: string): Uint8Array =>
  Buffer.concat([Buffer.from(`Return-Path: <${cleanLine(from, 320).replace(/[<>]/g, '')}>\r\n`, 'latin1'), content])

const passingId = ({ id, deviceId }: PassingFacts): string => `o${id}.${deviceId}`

/** With the sender of the box in front, the old one becomes whoever is answered; a signature over the old From would only be found broken. */
function stoodBack(field: string, hasReplyTo: boolean): string[] {
  const rest = () => field.slice(field.indexOf(':'))
  switch (nameOf(field)) {
    case 'from':
      return [`${hasReplyTo ? 'X-Original-From' : 'Reply-To'}${rest()}`]
    case 'sender':
      return [`X-Original-Sender${rest()}`]
    case 'return-path':
    case 'dkim-signature':
      return []
    default:
      return [field]
  }
}

const nameOf = (field: string): string => /^[!-9;-~]+/.exec(field)?.[0].toLowerCase() ?? ''

/** Whole fields with their folds, in their order; octets as Latin-1. */
function fieldsOf(head: Uint8Array): string[] {
  const fields: string[] = []
  for (const line of Buffer.from(head).toString('latin1').split('\r\n')) {
    if (/^[ \t]/.test(line) && fields.length > 0) fields.push(`${fields.pop()}\r\n${line}`)
    else if (line !== '') fields.push(line)
  }
  return fields
}

/**
 * Octets of the header: up to the blank line, or to the first line that is no field, as of devices that begin with their words. What is longer than any header that a program writes goes on as text from there:
 * as fields, megabytes of short lines are more than the heap of a small box holds, and more than a record of the journal may be.
 */
export function headBytes(content: Uint8Array): number {
  const whole = Buffer.from(content.buffer, content.byteOffset, content.length)
  for (let at = 0; at < whole.length; ) {
    const end = whole.indexOf('\r\n', at)
    const line = whole.subarray(at, Math.min(end < 0 ? whole.length : end, at + lineChars)).toString('latin1')
    const isField = /^[!-9;-~]+[ \t]*:/.test(line) || (at > 0 && /^[ \t]/.test(line))
    const next = end < 0 ? whole.length : end + 2
    if (!isField || next > headLimit) return at
    at = next
  }
  return whole.length
}

/** Of a header. Postfix takes 100 KiB of one; a list of thousands of recipients has its place here. */
const headLimit = 256 * 1024
/** Of a line of the header, as much as its name and more. */
const lineChars = 200

function bodyStart(content: Uint8Array): number {
  const end = headBytes(content)
  return content[end] === 13 && content[end + 1] === 10 ? end + 2 : end
}

const ended = (content: Uint8Array): Uint8Array =>
  content.length < 2 || content[content.length - 2] !== 13 || content[content.length - 1] !== 10
    ? Buffer.concat([content, Buffer.from('\r\n')])
    : content
