/** The known word that differs least from `word`, if it is near enough to be meant; names are short, so the plain table is fine. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((one) => ({ one, far: distance(word.toLowerCase().slice(0, wordLimit), one.toLowerCase()) }))
    .sort((a, b) => a.far - b.far)
  const best = ranked[0]
  if (best && best.far <= Math.max(best.one.length > 3 ? 2 : 1, Math.floor(best.one.length / 2.5))) return best.one
  return word.length > 2 ? known.find((one) => one.toLowerCase().startsWith(word.toLowerCase())) : undefined
}

const wordLimit = 64

/** Edits between two words: insert, remove, change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}
