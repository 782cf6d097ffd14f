/**
 * Tokens of JavaScript, where they stand. Comments and white space are none. It knows as much of the language as this tree is written in: a regular expression
 * is told from a division by what stands before it.
 */
export type Token = { kind: 'word' | 'number' | 'text' | 'template' | 'pattern' | 'sign'; text: string; at: number; end: number }

const wordPattern = /[#\p{L}_$][\p{L}\d_$]*/uy
const numberPattern = /(?:0x[\da-f_]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)n?/iy
const textPattern = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y
const patternPattern = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const blankPattern = /(?:\s|\/\/[^\n]*|\/\*.*?\*\/)+/sy
const signPattern =
  />>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|<<|>>|\*\*|./sy

/** A value ends with these: what follows a slash is a divisor. */
const endsValue = (token: Token | undefined): boolean =>
  token !== undefined &&
  (token.kind === 'sign'
    ? [')', ']', '}'].includes(token.text)
    : !(token.kind === 'word' && /^(?:return|typeof|case|in|of|yield|await|else|throw|void)$/.test(token.text)))

/** In the order of where they end; a template comes behind what is computed in it. */
export function tokensOf(code: string): Token[] {
  const tokens: Token[] = []
  scan(code, 0, tokens, false)
  return tokens
}

/** To the end, or to the brace that closes what a template computes. Returns where it stopped. */
function scan(code: string, from: number, tokens: Token[], inTemplate: boolean): number {
  let depth = 0
  let at = from
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(code)?.[0]
  }
  while (at < code.length) {
    const blank = take(blankPattern)
    if (blank) {
      at += blank.length
      continue
    }
    if (code[at] === '`') {
      const end = template(code, at, tokens)
      tokens.push({ kind: 'template', text: code.slice(at, end), at, end })
      at = end
      continue
    }
    const found =
      named('text', take(textPattern)) ??
      named('number', take(numberPattern)) ??
      named('word', take(wordPattern)) ??
      (endsValue(tokens.at(-1)) ? undefined : named('pattern', take(patternPattern))) ??
      named('sign', take(signPattern))
    if (!found) throw new Error(`no token at ${at}`)
    if (inTemplate && depth === 0 && found.text === '}') return at
    if (found.text === '{') depth++
    if (found.text === '}') depth--
    tokens.push({ ...found, at, end: at + found.text.length })
    at += found.text.length
  }
  return at
}

const named = (kind: Token['kind'], text: string | undefined) => (text ? { kind, text } : undefined)

/** From its first backquote; returns where it ends. */
function template(code: string, from: number, tokens: Token[]): number {
  for (let at = from + 1; at < code.length; at++) {
    if (code[at] === '\\') at++
    else if (code[at] === '`') return at + 1
    else if (code.startsWith('${', at)) at = scan(code, at + 2, tokens, true)
  }
  throw new Error(`the template at ${from} does not end`)
}
