import { alertLimits } from '../alert/alert.ts'
import { cleanLine, cleanText } from '../alert/clean.ts'
import { decodeWords } from '../alert/encoded-words.ts'
import { type Head, splitMail, textOf } from '../alert/mime.ts'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

/** A mail (RFC 5322), as old cameras, UPS and storage boxes send it: its subject is the text, and its first readable part stands below. What it is marked with says how severe it is. */
const headChars = 16_384
const bodyChars = 4000

export const mail: Decoder = {
  name: 'mail',
  title: 'A mail: subject and first text part; Importance and X-Priority say how severe it is',
  recognises: ({ text }, { topic }) => !topic && isMail(text),
  decode: ({ bytes }, context) => {
    const whole = splitMail(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))
    const { head } = whole
    const subject = cleanLine(decodeWords(head.get('subject') ?? ''), 300)
    const words = cleanText(textOf(whole) ?? '', bodyChars)
    if (subject === '' && words === '') return { kind: 'undecodable', why: 'this mail has neither a subject nor a text' }
    const severity = severityOf(head)
    const from = cleanLine(decodeWords(head.get('from') ?? ''), 200)
    const members: [string, unknown][] = [
      ['text', cleanText([subject, words].filter(Boolean).join('\n'), alertLimits.textChars)],
      ...(severity === undefined ? [] : [['severity', severity] satisfies [string, unknown]]),
      ...(from === '' ? [] : [['from', from] satisfies [string, unknown]]),
      ...(subject === '' ? [] : [['subject', subject] satisfies [string, unknown]]),
    ]
    return { kind: 'reading', reading: readingOf(members, context) }
  },
  sample: { text: 'From: ups@lan\r\nSubject: On battery\r\nX-Priority: 1\r\n\r\nUtility power failed.\r\n' },
}

/** A header with a sender and a subject, and a blank line behind it. */
function isMail(text: string): boolean {
  const lines = text.slice(0, headChars).split('\n')
  const end = lines.findIndex((line) => line === '' || line === '\r')
  const head = end < 0 ? lines : lines.slice(0, end)
  return (
    head.length > 0 &&
    head.every((line, index) => /^[!-9;-~]+[ \t]*:/.test(line) || (index > 0 && /^[ \t]/.test(line))) &&
    ['from', 'subject'].every((name) => head.some((line) => line.toLowerCase().startsWith(`${name}:`)))
  )
}

/** As whoever wrote it marked it (RFC 2156, and what devices use). */
function severityOf(head: Head): string | undefined {
  const marks = `${head.get('importance') ?? ''} ${head.get('priority') ?? ''} ${head.get('x-priority') ?? ''}`.toLowerCase()
  if (/high|urgent(?<!non-urgent)|\b1\b/.test(marks)) return 'critical'
  return /low|non-urgent|\b[45]\b/.test(marks) ? 'info' : undefined
}
