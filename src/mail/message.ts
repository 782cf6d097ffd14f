import { hash } from 'node:crypto'
import { encode as encodeBase64, wrap as wrapBase64 } from 'nodemailer/lib/base64'
import MimeNode from 'nodemailer/lib/mime-node'
import { encode, wrap } from 'nodemailer/lib/qp'
import { encodeWords, fold } from './words.ts'

/** A header field; a list of mailboxes is one field (RFC 5322 section 3.6). Values are folded and encoded (RFC 2047) here, and hold no control character after it. */
export type Field = [name: string, value: string | { name: string; address: string }[]]

/** RFC 2045 sections 6.7 and 6.8. */
const encodedColumns = 76
/** RFC 5322 section 2.1.1: a line should have no more. */
const plainColumns = 78

/** Its own default reads files and fetches addresses that a content names. */
const noAccess = { disableFileAccess: true, disableUrlAccess: true } as const

/** What stands beside the text. */
export type Parts = {
  html?: string
  /** A PNG that is shown below the words. */
  picture?: { name: string; content: Uint8Array }
  attachments: readonly { name: string; type: string; content: Uint8Array }[]
}

/**
 * A whole message (RFC 5322, RFC 2045) as 7-bit octets with CRLF line ends, in few of them: ASCII stands as it is and needs no word about
 * it (RFC 2045 section 5.2), anything else takes the shorter encoding. Pure and at once: the simulator has no time for streams.
 * `raw` fields stand in front as they are, already folded.
 */
export function message(raw: readonly string[], fields: readonly Field[], text: string, parts?: Parts): Uint8Array {
  const node = new MimeNode(false, noAccess)
  for (const [name, value] of fields)
    node.setHeader(name, (typeof value === 'string' && !structured.includes(name) ? unstructured(name, value) : value) as unknown as string)
  node.setHeader('MIME-Version', '1.0')
  const words = crlf(`${text.replace(/\r\n?|\n/g, '\n').trimEnd()}\n`)
  const entity = parts ? entityOf(words, parts) : textEntity(words)
  const whole = [...raw.map((line) => crlf(line)), crlf(node.buildHeaders()), ...entity.head, '', entity.body].join('\r\n')
  return Buffer.from(whole.endsWith('\r\n') ? whole : `${whole}\r\n`, 'latin1')
}

/** One header field with a mailbox, encoded and folded. */
export function mailboxField(name: string, mailbox: { name: string; address: string }): string {
  const node = new MimeNode(false, noAccess)
  node.setHeader(name, [mailbox] as unknown as string)
  const line = crlf(node.buildHeaders())
    .split(/\r\n(?![ \t])/)
    .find((field) => field.startsWith(`${name}:`))
  return line ?? `${name}: <${mailbox.address}>`
}

/** RFC 2045: its header fields, whole lines, and its body. */
type Entity = { head: string[]; body: string }

function textEntity(words: string): Entity {
  const { encoding, body } = encoded(words)
  if (encoding === undefined) return { head: [], body }
  return { head: ['Content-Type: text/plain; charset=utf-8', `Content-Transfer-Encoding: ${encoding}`], body }
}

/** RFC 2046: the text and its richer twin (section 5.1.4), and beside them picture and attachments (section 5.1.3). */
function entityOf(words: string, { html, picture, attachments }: Parts): Entity {
  const plain = textEntity(words)
  // A part among others says what it is, ASCII or not.
  const text = plain.head.length > 0 ? plain : { ...plain, head: ['Content-Type: text/plain; charset=us-ascii'] }
  const read = html === undefined ? text : multipart('alternative', [text, htmlEntity(html)])
  const beside = [...(picture ? [pictureEntity(picture)] : []), ...attachments.map(attachmentEntity)]
  return beside.length === 0 ? read : multipart('mixed', [read, ...beside])
}

const htmlEntity = (html: string): Entity => {
  const { encoding, body } = encoded(crlf(`${html}\n`))
  return {
    head: ['Content-Type: text/html; charset=utf-8', ...(encoding === undefined ? [] : [`Content-Transfer-Encoding: ${encoding}`])],
    body,
  }
}

const pictureEntity = ({ name, content }: { name: string; content: Uint8Array }): Entity => ({
  head: ['Content-Type: image/png', 'Content-Transfer-Encoding: base64', `Content-Disposition: inline; filename="${name}"`],
  body: `${packed(content)}\r\n`,
})

const attachmentEntity = ({ name, type, content }: Parts['attachments'][number]): Entity => ({
  head: [`Content-Type: ${type}`, 'Content-Transfer-Encoding: base64', `Content-Disposition: attachment; filename="${name}"`],
  body: `${packed(content)}\r\n`,
})

const packed = (content: Uint8Array): string => wrapBase64(encodeBase64(Buffer.from(content)), encodedColumns)

/** The boundary is made of the parts, so it is the same each time, and stands in none of them (section 5.1.1). */
function multipart(kind: string, entities: readonly Entity[]): Entity {
  const parts = entities.map(({ head, body }) => [...head, '', body].join('\r\n'))
  const name = hash('sha256', parts.join('\0')).slice(0, 24)
  let boundary = `=_${name}`
  for (let more = 0; parts.some((part) => part.includes(boundary)); more++) boundary = `=_${name}.${more}`
  const inner = parts.map((part) => `--${boundary}\r\n${part}${part.endsWith('\r\n') ? '' : '\r\n'}`)
  return { head: [`Content-Type: multipart/${kind};`, ` boundary="${boundary}"`], body: `${inner.join('')}--${boundary}--\r\n` }
}

/** Fields whose value is no text; they are ours to the last character. */
const structured: readonly string[] = ['Date', 'Message-ID', 'In-Reply-To', 'References']

/** Encoded and folded already. */
function unstructured(name: string, value: string): { prepared: true; value: string } {
  const start = `${name}: `
  const clean = value.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
  return { prepared: true, value: fold(start + encodeWords(clean, start.length)).slice(start.length) }
}

function encoded(text: string): { encoding?: 'quoted-printable' | 'base64'; body: string } {
  const plain = /^[\t\r\n\x20-\x7e]*$/.test(text) && text.split('\r\n').every((line) => line.length <= plainColumns)
  if (plain) return { body: text }
  const [quoted, base64] = [wrap(encode(text), encodedColumns), wrapBase64(encodeBase64(Buffer.from(text)), encodedColumns)]
  return quoted.length <= base64.length ? { encoding: 'quoted-printable', body: quoted } : { encoding: 'base64', body: base64 }
}

/** Every line end as CRLF; a bare CR or LF never leaves. */
export const crlf = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n')
