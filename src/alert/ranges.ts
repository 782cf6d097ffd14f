/** Numbers as a reader looks them up: `#12-#17 #19`. */
export function rangesOf(numbers: readonly number[]): string {
  const out: [number, number][] = []
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = out.at(-1)
    if (last && number <= last[1] + 1) last[1] = number
    else out.push([number, number])
  }
  return out.map(([from, to]) => (from === to ? `#${from}` : `#${from}-#${to}`)).join(' ')
}

/** The numbers in such a text; at most 1,000 of a range. */
export const numbersIn = (text: string): number[] =>
  [...text.matchAll(/#(\d{1,15})(?:-#(\d{1,15}))?/g)].flatMap(([, from, to]) => {
    const [first, last] = [Number(from), Number(to ?? from)]
    return Array.from({ length: Math.min(rangeLimit, Math.max(1, last - first + 1)) }, (_, index) => first + index)
  })

const rangeLimit = 1000
