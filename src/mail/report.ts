import { type Head, octetsOf, partsOf, splitMail, textOf } from '../alert/mime.ts'

/**
 * Report: what another server says of a letter that left (RFC 3464), also in the sloppy forms that are no reports by the letter: a text with the header of ours quoted in it.
 */
export type Report = {
  /** Message-IDs that it speaks of, without brackets. */
  messageIds: readonly string[]
  /** `delayed` and what was delivered need nobody. */
  action: 'failed' | 'delayed' | 'delivered' | 'unknown'
  recipient?: string
  /** The sentence of the server. */
  why: string
}

const whyChars = 300
const textLimit = 64 * 1024

/** Whether a header may be that of a report, or of another automatic answer about a letter. */
export const mayBeReport = (head: Head): boolean =>
  /multipart\/report/i.test(head.get('content-type') ?? '') ||
  /^\s*(?:"?mail delivery (?:sub)?system"?|"?mailer-daemon|"?postmaster|"?microsoft outlook)|<(?:mailer-daemon|postmaster)@/i.test(
    head.get('from') ?? '',
  ) ||
  /x-failed-recipients/i.test([...head.keys()].join(' ')) ||
  /undeliver|delivery (?:status notification|failure|has failed)|returned mail|mail delivery failed|unzustellbar|nicht zugestellt|failure notice/i.test(
    head.get('subject') ?? '',
  )

/** What a mail reports; undefined: nothing about a letter. `mail`: octets as Latin-1. */
export function reportIn(mail: string): Report | undefined {
  const whole = splitMail(mail.slice(0, textLimit))
  if (!mayBeReport(whole.head)) return undefined
  const parts = flat(whole)
  const status = parts.find(({ head }) => /message\/(?:global-)?delivery-status/i.test(head.get('content-type') ?? ''))
  const fields = status
    ? splitMail(
        octetsOf(status)
          .toString('latin1')
          .replace(/\r?\n(?:[ \t]*\r?\n)+/g, '\r\n'),
      ).head
    : new Map<string, string>()
  const words = textOf(whole) ?? whole.body
  const ids = [...mail.slice(0, textLimit).matchAll(/<([!-;=?-~]{3,200}@[\w.-]{1,253})>/g)].map(([, id = '']) => id)
  const original = fields.get('original-envelope-id')
  const action = actionOf(fields, whole.head, words)
  const recipient =
    (fields.get('final-recipient') ?? fields.get('original-recipient'))?.replace(/^[^;]*;\s*/, '') ?? whole.head.get('x-failed-recipients')
  const why = fields.get('diagnostic-code')?.replace(/^[\w-]+;\s*/, '') ?? fields.get('status') ?? sentenceIn(words)
  return {
    messageIds: [...new Set([...(original === undefined ? [] : [original]), ...ids])],
    action,
    ...(recipient === undefined ? {} : { recipient: recipient.trim() }),
    why: why.replace(/\s+/g, ' ').trim().slice(0, whyChars),
  }
}

const flat = (mail: { head: Head; body: string }, depth = 0): { head: Head; body: string }[] =>
  depth > 3 ? [] : partsOf(mail).flatMap((part) => [part, ...flat(part, depth + 1)])

function actionOf(fields: Head, head: Head, words: string): Report['action'] {
  const said = fields.get('action')?.trim().toLowerCase() ?? ''
  if (/^(failed|expanded|relayed|delivered|delayed)/.test(said))
    return said.startsWith('failed') ? 'failed' : said.startsWith('delayed') ? 'delayed' : 'delivered'
  const all = `${head.get('subject') ?? ''}\n${words.slice(0, 2000)}`
  if (
    /delayed|not (?:yet )?been delivered yet|still being retried|will (?:be retried|keep trying)|warning: could not send|verz[öo]gert/i.test(
      all,
    )
  )
    return 'delayed'
  if (
    /\b5\.\d\.\d{1,3}\b|\b55[0-4]\b|undeliver|could not be delivered|permanent|failed|failure|returned|unzustellbar|nicht zugestellt|does(?:n't| not) exist|unknown user|user unknown/i.test(
      all,
    )
  )
    return 'failed'
  return 'unknown'
}

/** The line that says most: one with a code, or one that names the fault. */
function sentenceIn(words: string): string {
  const lines = words.split(/\r?\n/).map((line) => line.trim())
  return (
    lines.find((line) => /\b[45]\.\d\.\d{1,3}\b|\b[45]\d\d[ -]/.test(line)) ??
    lines.find((line) => /unknown|exist|full|refused|rejected|unzustellbar/i.test(line)) ??
    lines.find(Boolean) ??
    ''
  )
}
