/** Words after which a slash begins a regular expression, although an identifier stands before it. */
const openers = new Set(['return', 'typeof', 'case', 'in', 'of', 'yield', 'await', 'else', 'do', 'void', 'delete', 'new'])

/** Regular expressions as they stand in a TypeScript source without JSX, in their order; those in comments, strings and templates are none. */
export function regexLiterals(source: string): RegExp[] {
  const found: RegExp[] = []
  /** Of each `${` that is open: how many braces are open in it. */
  const holes: number[] = []
  let before = ''
  for (let at = 0; at < source.length; ) {
    const [char = '', next = ''] = [source[at], source[at + 1]]
    const end = (pattern: RegExp): number => {
      pattern.lastIndex = at
      return at + (pattern.exec(source)?.[0].length ?? 1)
    }
    const inTemplate = char === '`' || (char === '}' && holes.at(-1) === 0)
    if (/\s/.test(char)) at++
    else if (char === '/' && next === '/') at = end(/.*/y)
    else if (char === '/' && next === '*') at = end(/\/\*[\s\S]*?\*\//y)
    else if (char === "'" || char === '"') {
      at = end(char === "'" ? /'(?:\\.|[^'\\])*'/y : /"(?:\\.|[^"\\])*"/y)
      before = ')'
    } else if (inTemplate) {
      if (char === '}') holes.pop()
      at = end(/[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y)
      if (source[at - 1] === '{') holes.push(0)
      before = source[at - 1] === '{' ? '{' : ')'
    } else if (char === '/' && (/[(,=:[!&|?{};+<>~%*-]$/.test(before) || before === '' || openers.has(before))) {
      const stop = end(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y)
      const [, pattern = '', flags = ''] = /^\/([\s\S]*)\/([a-z]*)$/.exec(source.slice(at, stop)) ?? []
      found.push(new RegExp(pattern, flags))
      at = stop
      before = ')'
    } else if (/[\w$#]/.test(char)) {
      const stop = end(/[\w$#]+/y)
      before = source.slice(at, stop)
      at = stop
    } else {
      const open = holes.at(-1)
      if (open !== undefined && char === '{') holes[holes.length - 1] = open + 1
      if (open !== undefined && char === '}') holes[holes.length - 1] = open - 1
      before = char
      at++
    }
  }
  return found
}
