import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'

/**
 * DKIM: a letter that leaves without a relay vouches for itself (RFC 6376, rsa-sha256, relaxed/relaxed). Pure, and the same octets give the same signature
 * (RSASSA-PKCS1-v1_5 has no chance in it), so a letter is the same after any crash. There is no time in it: the clock of the device may be wrong, and a
 * signature from the future counts for nothing.
 *
 * RSA with 2048 bits, because that is what every receiver verifies (RFC 8301). Ed25519 (RFC 8463) has the shorter key, but large receivers still pass
 * over it, so it could only stand beside RSA: a second record to publish and 250 octets more in each letter, for nothing.
 */
export type DkimKey = {
  selector: string
  /** Signs for this domain: that of the From address, or one above it (RFC 7489 section 3.1). */
  domain: string
  privateKey: KeyObject
}

/**
 * What a reader sees and what the mail's form depends upon (RFC 6376 section 5.4.1). Those of `once` are named once more than they are there, so that
 * nobody can add a second one that is shown instead (section 8.15).
 */
const once = ['from', 'to', 'cc', 'subject', 'date', 'reply-to', 'content-type', 'content-transfer-encoding']
const others = ['sender', 'message-id', 'in-reply-to', 'references', 'mime-version', 'auto-submitted', 'importance', 'priority']

const columns = 76

/** The message with a DKIM-Signature field in front. It is a whole one, with CRLF line ends and a From field. */
export function signed(content: Uint8Array, key: DkimKey): Uint8Array {
  const whole = Buffer.from(content.buffer, content.byteOffset, content.length)
  const end = whole.indexOf('\r\n\r\n')
  const fields = fieldsOf(whole.subarray(0, end < 0 ? whole.length : end).toString('latin1'))
  const names = [...once, ...others].flatMap((name) => {
    const there = fields.filter((field) => field.name === name).length
    return Array<string>(once.includes(name) ? there + 1 : there).fill(name)
  })
  const body = end < 0 ? new Uint8Array() : whole.subarray(end + 4)
  const bodyHash = createHash('sha256').update(relaxedBody(body)).digest('base64')
  const field = [
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${key.domain};`,
    ` s=${key.selector};`,
    ...wrapped(`h=${names.join(':')};`, ':'),
    ` bh=${bodyHash};`,
    ' b=',
  ].join('\r\n')
  const input = [...chosen(fields, names), relaxedField(field)].join('\r\n')
  const signature = sign('sha256', Buffer.from(input, 'latin1'), key.privateKey).toString('base64')
  const first = `${field}${(signature.match(/.{1,72}/g) ?? []).join('\r\n ')}\r\n`
  return Buffer.concat([Buffer.from(first, 'latin1'), content])
}

type Field = { name: string; text: string }

/** The fields of a header, unfolded not yet. */
const fieldsOf = (header: string): Field[] =>
  header
    .split(/\r\n(?![ \t])/)
    .filter(Boolean)
    .map((text) => ({
      name: text
        .slice(0, Math.max(0, text.indexOf(':')))
        .trimEnd()
        .toLowerCase(),
      text,
    }))

/** Section 5.4.2: of several fields with one name the last is taken first; one that is not there counts as nothing. */
function chosen(fields: readonly Field[], names: readonly string[]): string[] {
  const left = Map.groupBy(fields, ({ name }) => name)
  return names.flatMap((name) => {
    const field = left.get(name)?.pop()
    return field ? [relaxedField(field.text)] : []
  })
}

/** Section 3.4.2: the name in small letters, no line breaks, one space where there was any, none around the colon and at the end. */
export function relaxedField(text: string): string {
  const colon = text.indexOf(':')
  const value = text
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim()
  return `${text.slice(0, colon).trimEnd().toLowerCase()}:${value}`
}

/** Section 3.4.4: one space where there was any, none at the end of a line, no empty lines at the end. Octet by octet, as in `alert/line-ends`: mails of megabytes are signed, too. */
export function relaxedBody(body: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(body.length + 2)
  let used = 0
  /** Where the line began, and where the last one that is not empty has ended. */
  let start = 0
  let end = 0
  let isSpace = false
  const endLine = () => {
    const isEmpty = used === start
    out[used++] = cr
    out[used++] = lf
    start = used
    if (!isEmpty) end = used
    isSpace = false
  }
  for (let i = 0; i < body.length; i++) {
    const octet = body[i] ?? 0
    if (octet === space || octet === tab) isSpace = true
    else if (octet === cr && body[i + 1] === lf) {
      endLine()
      i++
    } else {
      if (isSpace) out[used++] = space
      isSpace = false
      out[used++] = octet
    }
  }
  if (used > start) endLine()
  return out.subarray(0, end)
}
const [tab, lf, cr, space] = [0x09, 0x0a, 0x0d, 0x20]

/** Folded lines of at most 76 columns, broken behind `at`. */
function wrapped(text: string, at: string): string[] {
  const lines: string[] = []
  let line = ' '
  for (const piece of text.split(new RegExp(`(?<=${at})`))) {
    if (line.length + piece.length > columns) {
      lines.push(line)
      line = ' '
    }
    line += piece
  }
  return [...lines, line]
}

/** The TXT record by which others verify: published at `name`, its value in strings of at most 255 octets (RFC 6376 section 3.6.2.2). */
export function dkimRecord(key: DkimKey): { name: string; value: string; zoneLine: string } {
  const spki = createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' })
  const name = `${key.selector}._domainkey.${key.domain}`
  const value = `v=DKIM1; k=rsa; p=${spki.toString('base64')}`
  const strings = (value.match(/.{1,255}/g) ?? []).map((part) => `"${part}"`).join(' ')
  return { name, value, zoneLine: `${name}. IN TXT ( ${strings} )` }
}

/** The `p` of a DKIM record, without white space; undefined when the text is none, '' when the key was withdrawn (section 3.6.1). */
export function publishedKey(text: string): string | undefined {
  const tags = new Map(text.split(';').map((tag) => [tag.split('=')[0]?.trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s/g, '')]))
  return (tags.get('v') ?? 'DKIM1') === 'DKIM1' ? tags.get('p') : undefined
}
