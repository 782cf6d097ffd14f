/** The newest of a list, oldest first as it stands, that take up to so many octets as JSON. What is remembered at the head of a segment is bounded by this. */
export function newestFitting<T>(list: Iterable<T>, octets: number): T[] {
  const all = [...list]
  let left = octets
  let from = all.length
  while (from > 0) {
    left -= Buffer.byteLength(JSON.stringify(all[from - 1])) + 1
    if (left < 0) break
    from--
  }
  return all.slice(from)
}
