/** Numbers as a reader looks them up: `#12-#17 #19`. */
export function rangesOf(numbers: readonly number[]): string {
  const out: [number, number][] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = out.at(-1)
    if (last && number <= last[1] + 1) last[1] = number
    else out.push([number, number])
  }
  return out.map(([from, to]) => (from === to ? `#${from}` : `#${from}-#${to}`)).join(' ')
}
