/** Breaks on three octets in a row, each behind a branch of its own: no chance finds them all at once. */
export function hidden(bytes: Uint8Array): void {
  const at = bytes.indexOf(0x7b)
  if (at < 0) return
  if (bytes[at + 1] !== 0x7d) return
  if (bytes[at + 2] !== 0x3d) return
  throw new Error('found')
}
