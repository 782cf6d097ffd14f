/**
 * Whether `text` is of the shape of `glob`: `*` stands for any run of characters, `?` for one; all else for itself. Takes time in proportion
 * to the product of the lengths at worst, whatever the glob.
 */
export function matchesGlob(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (g < glob.length && glob[g] !== '*' && (glob[g] === '?' || glob[g] === text[t])) {
      g++
      t++
    } else if (glob[g] === '*') {
      star = g++
      resume = t
    } else if (star >= 0) {
      g = star + 1
      t = ++resume
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}
