/**
 * LineEnds: CRLF on the wire, LF on the disk (RFC 5322 section 2.1, Maildir). Octet by octet, because a mail may be nothing but line ends: as a string to be split or replaced,
 * 15 MB of them are more pieces than the heap of a small box holds.
 */
const [cr, lf] = [13, 10]

/** Every CRLF as an LF; a CR alone stays. */
export function withLf(octets: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(octets.length)
  let used = 0
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    if (octet !== cr || octets[i + 1] !== lf) out[used++] = octet
  }
  return out.subarray(0, used)
}

/** Every LF as a CRLF, also where it is one already. */
export function withCrlf(octets: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(crlfBytes(octets))
  let used = 0
  let last = 0
  for (const octet of octets) {
    if (octet === lf && last !== cr) out[used++] = cr
    out[used++] = octet
    last = octet
  }
  return out
}

/** How many octets `withCrlf` makes of them. */
export function crlfBytes(octets: Uint8Array): number {
  let bytes = octets.length
  let last = 0
  for (const octet of octets) {
    if (octet === lf && last !== cr) bytes++
    last = octet
  }
  return bytes
}
