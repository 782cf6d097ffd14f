import { quoted, textIn } from './encoded-words.ts'

/** Mime: a mail as it was written (RFC 5322, RFC 2045), as far as somebody wants to read it: its header and its first part that is text. In time proportional to its length. */
export type Head = ReadonlyMap<string, string>

const partsDepth = 4
const partsLimit = 20

/** Header fields by their names in small letters, unfolded; of several of one name the first. `text`: octets as Latin-1. */
export function splitMail(text: string): { head: Head; body: string } {
  const end = /\r?\n\r?\n/.exec(text)
  const head = new Map<string, string>()
  const unfolded = text.slice(0, end?.index ?? text.length).replace(/\r?\n[ \t]+/g, ' ')
  for (const line of unfolded.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/.exec(line) ?? []
    // Headers in raw UTF-8 (RFC 6532) are common on devices.
    if (name !== '' && !head.has(name.toLowerCase())) head.set(name.toLowerCase(), textIn(Buffer.from(value, 'latin1'), 'utf-8'))
  }
  return { head, body: end ? text.slice(end.index + end[0].length) : '' }
}

/** The parts of a multipart; none when it is none. */
export function partsOf({ head, body }: { head: Head; body: string }): { head: Head; body: string }[] {
  const type = head.get('content-type') ?? ''
  const boundary = /boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(type)
  if (!/^multipart\//i.test(type) || !boundary) return []
  return body
    .split(`--${boundary[1] ?? boundary[2] ?? ''}`)
    .slice(1, partsLimit)
    .map((part) => splitMail(part.replace(/^[ \t]*\r?\n/, '')))
}

/** The first part that is text, plain before HTML; undefined: there is none. */
export function textOf(mail: { head: Head; body: string }, depth = 0): string | undefined {
  const type = mail.head.get('content-type') ?? 'text/plain'
  if (/^multipart\//i.test(type)) {
    if (depth >= partsDepth) return undefined
    const plainFirst = partsOf(mail).sort((a, b) => Number(isHtml(a.head)) - Number(isHtml(b.head)))
    for (const part of plainFirst) {
      const found = textOf(part, depth + 1)
      if (found) return found
    }
    return undefined
  }
  if (!/^text\//i.test(type)) return undefined
  const charset = /charset\s*=\s*"?([\w-]{1,40})/i.exec(type)?.[1] ?? 'utf-8'
  const text = textIn(octetsOf(mail), charset)
  return isHtml(mail.head) ? withoutTags(text) : text
}

/** The octets of a part, out of their encoding. */
export function octetsOf({ head, body }: { head: Head; body: string }): Buffer {
  const encoding = (head.get('content-transfer-encoding') ?? '').trim().toLowerCase()
  if (encoding === 'base64') return Buffer.from(body, 'base64')
  return encoding === 'quoted-printable' ? quoted(body.replace(/=[ \t]*\r?\n/g, '')) : Buffer.from(body, 'latin1')
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
