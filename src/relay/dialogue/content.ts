/**
 * Content: the octets of a letter as DATA wants them. Another way of saying content (BDAT) would stand beside it here.
 */
const cr = 0x0d
const lf = 0x0a
const dot = 0x2e

/**
 * RFC 5321 section 4.5.2: a line that begins with a dot gets another; ends with CRLF, dot, CRLF. Every bare CR or LF becomes CRLF first, so that
 * no octets inside a letter can end it (section 2.3.8).
 */
export function dataContent(content: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(content.length + added(content))
  let at = 0
  let lineStart = true
  for (let i = 0; i < content.length; i++) {
    const octet = content[i] ?? 0
    if (octet === cr || octet === lf) {
      if (octet === cr && content[i + 1] === lf) i++
      out[at++] = cr
      out[at++] = lf
      lineStart = true
      continue
    }
    if (lineStart && octet === dot) out[at++] = dot
    out[at++] = octet
    lineStart = false
  }
  if (!lineStart) {
    out[at++] = cr
    out[at++] = lf
  }
  out[at++] = dot
  out[at++] = cr
  out[at++] = lf
  return out.subarray(0, at)
}

/** At most so many octets come to it: dots, halves of line ends, and the end. */
function added(content: Uint8Array): number {
  let more = 5
  for (let i = 0; i < content.length; i++) {
    const octet = content[i]
    if (octet === dot || octet === cr || octet === lf) more++
  }
  return more
}
