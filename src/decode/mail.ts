import { alertLimits } from '../alert/alert.ts'
import { cleanLine, cleanText } from '../alert/clean.ts'
import { decodeWords, quoted, textIn } from '../alert/encoded-words.ts'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

/** A mail (RFC 5322), as old cameras, UPS and storage boxes send it: its subject is the text, and its first readable part stands below. What it is marked with says how severe it is. */
const partsDepth = 4
const headChars = 16_384
const bodyChars = 4000

export const mail: Decoder = {
  name: 'mail',
  title: 'A mail: subject and first text part; Importance and X-Priority say how severe it is',
  recognises: ({ text }, { topic }) => !topic && isMail(text),
  decode: ({ bytes }, context) => {
    const { head, body } = split(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))
    const subject = cleanLine(decodeWords(head.get('subject') ?? ''), 300)
    const words = cleanText(textOf(head, body, 0) ?? '', bodyChars)
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

type Head = Map<string, string>

/** Header fields by their names in small letters, unfolded; of several of one name the first. */
function split(text: string): { head: Head; body: string } {
  const end = /\r?\n\r?\n/.exec(text)
  const head: Head = new Map()
  const unfolded = text.slice(0, end?.index ?? text.length).replace(/\r?\n[ \t]+/g, ' ')
  for (const line of unfolded.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/.exec(line) ?? []
    // Headers in raw UTF-8 (RFC 6532) are common on devices.
    if (name !== '' && !head.has(name.toLowerCase())) head.set(name.toLowerCase(), textIn(Buffer.from(value, 'latin1'), 'utf-8'))
  }
  return { head, body: end ? text.slice(end.index + end[0].length) : '' }
}

/** The first part that is text, plain before HTML. */
function textOf(head: Head, body: string, depth: number): string | undefined {
  const type = head.get('content-type') ?? 'text/plain'
  const boundary = /boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(type)
  if (/^multipart\//i.test(type) && boundary) {
    if (depth >= partsDepth) return undefined
    const mark = boundary[1] ?? boundary[2] ?? ''
    const parts = body
      .split(`--${mark}`)
      .slice(1, 20)
      .map((part) => split(part.replace(/^[ \t]*\r?\n/, '')))
    const plainFirst = parts.sort((a, b) => Number(isHtml(a.head)) - Number(isHtml(b.head)))
    for (const part of plainFirst) {
      const found = textOf(part.head, part.body, depth + 1)
      if (found) return found
    }
    return undefined
  }
  if (!/^text\//i.test(type)) return undefined
  const charset = /charset\s*=\s*"?([\w-]{1,40})/i.exec(type)?.[1] ?? 'utf-8'
  const encoding = (head.get('content-transfer-encoding') ?? '').trim().toLowerCase()
  const octets =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? quoted(body.replace(/=[ \t]*\r?\n/g, ''))
        : Buffer.from(body, 'latin1')
  const text = textIn(octets, charset)
  return isHtml(head) ? withoutTags(text) : text
}

const isHtml = (head: Head): boolean => /^text\/html/i.test(head.get('content-type') ?? '')

/** In time proportional to the text, whatever it is. */
function withoutTags(html: string): string {
  const small = html.toLowerCase()
  const pieces: string[] = []
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at)
    pieces.push(html.slice(at, open < 0 ? undefined : open))
    if (open < 0) break
    const close = html.indexOf('>', open)
    if (close < 0) break
    const name = /^<(\/?\w{1,10})/.exec(html.slice(open, open + 12))?.[1]?.toLowerCase() ?? ''
    pieces.push(lineBreaks.includes(name) ? '\n' : ' ')
    const end = hidden.includes(name) ? small.indexOf(`</${name}`, close) : -1
    if (hidden.includes(name) && end < 0) break
    at = end < 0 ? close + 1 : end
  }
  return pieces
    .join('')
    .replace(/&(nbsp|lt|gt|quot|amp|#160);/gi, (_, name: string) => entities[name.toLowerCase()] ?? ' ')
    .replace(/[ \t]+/g, ' ')
}
const lineBreaks = ['br', '/p', '/div', '/tr', '/li', '/h1', '/h2', '/h3']
const hidden = ['style', 'script', 'head', 'title']
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' }

/** As whoever wrote it marked it (RFC 2156, and what devices use). */
function severityOf(head: Head): string | undefined {
  const marks = `${head.get('importance') ?? ''} ${head.get('priority') ?? ''} ${head.get('x-priority') ?? ''}`.toLowerCase()
  if (/high|urgent(?<!non-urgent)|\b1\b/.test(marks)) return 'critical'
  return /low|non-urgent|\b[45]\b/.test(marks) ? 'info' : undefined
}
