/**
 * JSON place: where a text stops being JSON, and what should stand there. JSON.parse says that, too, but it quotes what it found, and that may be a password without its quotes. Pure; RFC 8259.
 */
type Wanted = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'next' | 'nothing'

const blanks = /[ \t\n\r]*/y
const tokens: readonly [kind: string, pattern: RegExp][] = [
  ['text', /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y],
  ['word', /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.+-])/y],
  ['sign', /[{}[\],:]/y],
]

const words: Record<Wanted, string> = {
  value: 'A value belongs here: a text between double quotes, a number, { … } or [ … ].',
  'value or end': 'A value belongs here: a text between double quotes, a number, { … } or [ … ]; or the ] of the list.',
  key: 'A name between double quotes belongs here. Look for a comma too many just before it.',
  'key or end': 'A name between double quotes belongs here, or the } of the object.',
  colon: 'A colon belongs here, between the name and its value.',
  next: 'A comma or the closing bracket belongs here. Look for a missing comma, or for a double quote inside of a text: it is written \\".',
  nothing: 'The file should end here. Look for a bracket too many.',
}
const unfinished =
  'A text begins here that does not end as it should. Look for the double quote at its end; inside of it a double quote is written \\", a backslash \\\\.'

/** Line and column from 1, and a sentence that says nothing of what stands there. Undefined: it is JSON. */
export function jsonFault(text: string): { line: number; column: number; look: string } | undefined {
  const open: ('{' | '[')[] = []
  let wanted: Wanted = 'value'
  for (let at = 0; ; ) {
    at += matchAt(blanks, text, at).length
    if (at === text.length && wanted === 'nothing') return undefined
    const [kind, token] = tokenAt(text, at)
    const after = step(wanted, kind, token, open)
    if (after === undefined) {
      const before = text.slice(0, at).split('\n')
      const look = text[at] === '"' && kind === undefined ? unfinished : words[wanted]
      return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, look }
    }
    wanted = after
    at += token.length
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

function tokenAt(text: string, at: number): [kind: string | undefined, token: string] {
  for (const [kind, pattern] of tokens) {
    const token = matchAt(pattern, text, at)
    if (token !== '') return [kind, token]
  }
  return [undefined, '']
}

/** What is wanted behind a token; undefined: it may not stand there. `open` has the brackets around it. */
function step(wanted: Wanted, kind: string | undefined, token: string, open: ('{' | '[')[]): Wanted | undefined {
  const behind = (): Wanted => (open.length === 0 ? 'nothing' : 'next')
  const isKey = wanted === 'key' || wanted === 'key or end'
  if (kind === undefined) return undefined
  if (isKey && kind === 'text') return 'colon'
  if (wanted === 'colon') return token === ':' ? 'value' : undefined
  if (wanted === 'next' && token === ',') return open.at(-1) === '{' ? 'key' : 'value'
  const ends = token === '}' ? '{' : token === ']' ? '[' : undefined
  if (ends !== undefined) {
    if (!(wanted === 'next' || wanted === 'key or end' || wanted === 'value or end') || open.at(-1) !== ends) return undefined
    open.pop()
    return behind()
  }
  if (wanted !== 'value' && wanted !== 'value or end') return undefined
  if (token === '{' || token === '[') {
    open.push(token)
    return token === '{' ? 'key or end' : 'value or end'
  }
  return kind === 'sign' ? undefined : behind()
}
