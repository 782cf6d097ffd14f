/**
 * Glob: `*` stands for any run of characters, the empty one too, `?` for exactly one (a code point), all else for itself. Upper and lower case
 * differ. The last star alone is ever tried again, so the time is at most the product of the lengths, whatever the glob.
 */
export function matchesGlob(glob: string, text: string): boolean {
  const wanted = [...glob]
  const given = [...text]
  let w = 0
  let g = 0
  let star = -1
  let resume = 0
  while (g < given.length) {
    if (wanted[w] === '*') {
      star = w++
      resume = g
    } else if (w < wanted.length && (wanted[w] === '?' || wanted[w] === given[g])) {
      w++
      g++
    } else if (star >= 0) {
      w = star + 1
      g = ++resume
    } else return false
  }
  while (wanted[w] === '*') w++
  return w === wanted.length
}
