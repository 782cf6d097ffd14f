import { encode as encodeBase64, wrap as wrapBase64 } from 'nodemailer/lib/base64'
import MimeNode from 'nodemailer/lib/mime-node'
import { encode, wrap } from 'nodemailer/lib/qp'

/** A header field; several with one name are allowed. Values are folded and encoded (RFC 2047) here, and hold no control character after it. */
export type Field = [name: string, value: string | { name: string; address: string }[]]

const base64Columns = 76

/**
 * A whole text message (RFC 5322, RFC 2045) as 7-bit octets with CRLF line ends. Pure and at once: the simulator has no time for streams.
 * `raw` fields stand in front as they are, already folded.
 */
export function message(raw: readonly string[], fields: readonly Field[], text: string): Uint8Array {
  const node = new MimeNode('text/plain; charset=utf-8', { disableFileAccess: true, disableUrlAccess: true })
  for (const [name, value] of fields)
    node.addHeader(name, typeof value === 'string' ? value.replace(/[\u0000-\u001f\u007f]+/g, ' ') : (value as unknown as string))
  const body = `${text.replace(/\r\n?|\n/g, '\n').trimEnd()}\n`
  node.setContent(body)
  const headers = node.buildHeaders()
  const encoding = String(node.getHeader('Content-Transfer-Encoding'))
  const encoded =
    encoding === 'base64'
      ? wrapBase64(encodeBase64(Buffer.from(crlf(body))), base64Columns)
      : encoding === 'quoted-printable'
        ? wrap(encode(crlf(body)), base64Columns)
        : crlf(body)
  const whole = [...raw.map((line) => crlf(line)), crlf(headers), '', encoded].join('\r\n')
  return Buffer.from(whole.endsWith('\r\n') ? whole : `${whole}\r\n`, 'latin1')
}

/** Every line end as CRLF; a bare CR or LF never leaves. */
export const crlf = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n')
