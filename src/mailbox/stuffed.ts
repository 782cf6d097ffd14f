/**
 * Stuffed: a mail as POP3 sends it, behind its +OK and up to the dot that stands alone (RFC 1939 section 3). In pieces, so that a thin line does not have the whole of a large mail wait in memory, and octet by octet, as
 * in `alert/line-ends`.
 */
const pieceBytes = 64 * 1024
const lineEnd = Buffer.from('\r\n')
const blankLine = Buffer.from('\r\n\r\n')
const [lf, dot] = [0x0a, 0x2e]
const ok = Buffer.from('+OK\r\n')
const end = Buffer.from('.\r\n')
/** Beyond a full piece: a dot with its double, the end of the last line, the end. */
const spare = 8

/** `mail`: with CRLF. A line that begins with a dot gets another; the last line has an end. */
export function* stuffed(mail: Uint8Array): Generator<Uint8Array> {
  let out = Buffer.allocUnsafe(Math.min(pieceBytes, ok.length + 2 * mail.length) + spare)
  let used = ok.copy(out)
  let isLineStart = true
  for (const octet of mail) {
    if (used >= pieceBytes) {
      yield out.subarray(0, used)
      out = Buffer.allocUnsafe(pieceBytes + spare)
      used = 0
    }
    if (isLineStart && octet === dot) out[used++] = dot
    out[used++] = octet
    isLineStart = octet === lf
  }
  if (!isLineStart) used += lineEnd.copy(out, used)
  used += end.copy(out, used)
  yield out.subarray(0, used)
}

/** The head of a mail with CRLF, the blank line, and so many lines of its body. */
export function topOf(mail: Uint8Array, lines: number): Uint8Array {
  const octets = Buffer.from(mail.buffer, mail.byteOffset, mail.length)
  const head = octets.indexOf(blankLine)
  if (head < 0) return octets
  let at = head + blankLine.length
  for (let left = lines; left > 0 && at < octets.length; left--) {
    const found = octets.indexOf(lineEnd, at)
    at = found < 0 ? octets.length : found + lineEnd.length
  }
  return octets.subarray(0, at)
}
