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

/**
 * A whole text message (RFC 5322, RFC 2045) as 7-bit octets with CRLF line ends, in few of them: ASCII stands as it is and needs no word about
 * it (RFC 2045 section 5.2), anything else takes the shorter encoding. Pure and at once: the simulator has no time for streams.
 * `raw` fields stand in front as they are, already folded.
 */
export function message(raw: readonly string[], fields: readonly Field[], text: string): Uint8Array {
  const node = new MimeNode(false, { disableFileAccess: true, disableUrlAccess: true })
  for (const [name, value] of fields)
    node.setHeader(name, (typeof value === 'string' && !structured.includes(name) ? unstructured(name, value) : value) as unknown as string)
  const { encoding, body } = encoded(crlf(`${text.replace(/\r\n?|\n/g, '\n').trimEnd()}\n`))
  node.setHeader('MIME-Version', '1.0')
  if (encoding !== undefined) {
    node.setHeader('Content-Type', 'text/plain; charset=utf-8')
    node.setHeader('Content-Transfer-Encoding', encoding)
  }
  const whole = [...raw.map((line) => crlf(line)), crlf(node.buildHeaders()), '', body].join('\r\n')
  return Buffer.from(whole.endsWith('\r\n') ? whole : `${whole}\r\n`, 'latin1')
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
