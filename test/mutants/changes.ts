import { stripTypeScriptTypes } from 'node:module'
import { type Token, tokensOf } from './tokens.ts'

/**
 * Changes: small faults that somebody might have written instead of what stands there. They are found in the tokens of a file without its types, which Node
 * blanks out where they stand. Left alone: imports, comments, sentences for people, what goes into the log, the
 * value that strict indexing asks for (`?? 0`), and the name of a kind, which the types guard.
 */
export type Change = {
  /** Where it begins and ends in the text, and what stands there instead. */
  at: number
  end: number
  to: string
  kind: string
}

/** What a file says, and a change of it. */
export type Mutant = Change & { file: string; line: number; was: string; is: string }

export function mutantsOf(file: string, text: string): Mutant[] {
  return changesOf(text).map((change) => ({ ...change, file, ...shown(text, change) }))
}

export const mutated = (text: string, { at, end, to }: Change): string => text.slice(0, at) + to + text.slice(end)

/** Whether Node would run it at all. */
export function isWritten(text: string): boolean {
  try {
    stripTypeScriptTypes(text)
    return true
  } catch {
    return false
  }
}

/** The lines that it touches, before and after, in one line each. */
function shown(text: string, change: Change): { line: number; was: string; is: string } {
  const from = text.lastIndexOf('\n', change.at - 1) + 1
  const to = `${text}\n`.indexOf('\n', change.end)
  const plain = (lines: string) => lines.replace(/\s+/g, ' ').trim()
  return {
    line: text.slice(0, change.at).split('\n').length,
    was: plain(text.slice(from, to)),
    is: plain(text.slice(from, change.at) + change.to + text.slice(change.end, to)),
  }
}

const compared: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
}
const reckoned: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '+=': '-=',
  '-=': '+=',
  '++': '--',
  '--': '++',
  '&': '|',
  '|': '&',
  '<<': '>>',
  '>>>': '<<',
  '&&': '||',
  '||': '&&',
}
/** Above it a number is a limit or a time, in which one more or less is nothing: it is doubled and halved. */
const smallNumber = 64

export function changesOf(text: string): Change[] {
  const code = stripTypeScriptTypes(text)
  const tokens = tokensOf(code).sort((a, b) => a.at - b.at)
  const partner = partnersOf(tokens)
  const silent = silentIn(tokens, partner)
  const changes: Change[] = []
  const put = (kind: string, at: number, end: number, to: string) => changes.push({ kind, at, end, to })
  for (const [index, token] of tokens.entries()) {
    if (silent.has(index)) continue
    const before = tokens[index - 1]
    const after = tokens[index + 1]
    if (!after) continue
    const { kind, text: word, at, end } = token
    if (kind === 'number' && before?.text !== '??') for (const to of numbersBeside(word)) put('number', at, end, to)
    const isKind = before?.text === ':' && tokens[index - 2]?.text === 'kind'
    if ((kind === 'text' || kind === 'template') && word.length > 2 && !isSentence(word) && !isKind)
      put('text', at, end, kind === 'text' ? "''" : '``')
    if (kind === 'word' && (word === 'true' || word === 'false')) put('boolean', at, end, word === 'true' ? 'false' : 'true')
    if (kind === 'word' && (word === 'if' || word === 'while') && after.text === '(') {
      const close = tokens[partner.get(index + 1) ?? 0]
      if (close && word === 'if') put('condition', after.end, close.at, 'true')
      if (close) put('condition', after.end, close.at, 'false')
    }
    if (kind !== 'sign') continue
    for (const to of compared[word] ?? []) put('comparison', at, end, to)
    const other = reckoned[word]
    if (other && isReckoning(word, before, after)) put('reckoning', at, end, other)
    if (word === '!') put('not', at, end, '')
    if (word === '?.') put('chain', at, end, after.text === '(' || after.text === '[' ? '' : '.')
    if (word === '?') for (const to of ['&& false ?', '|| true ?']) put('choice', at, end, to)
    if (word === '...') {
      const last = operandEnd(tokens, partner, index + 1)
      if (last) put('spread', at, last, '')
    }
  }
  for (const [at, end] of statementsIn(code, tokens)) put('statement', at, end, ';')
  return changes.sort((a, b) => a.at - b.at)
}

function numbersBeside(word: string): string[] {
  const value = Number(word.replaceAll('_', ''))
  if (!Number.isFinite(value)) return []
  if (value > smallNumber && !word.startsWith('0x')) return [String(value * 2), String(value / 2)]
  return value === 0 ? ['1'] : [String(value + 1), String(value - 1)]
}

/** Texts are joined, not added; a sign before a value is no sum; `a | b` and the like are reckoned, `*` of a generator is not. */
function isReckoning(word: string, before: Token | undefined, after: Token): boolean {
  if (word === '++' || word === '--') return true
  const isValue =
    before !== undefined &&
    (before.kind !== 'sign' ? !/^(?:function|yield|return|case)$/.test(before.text) : [')', ']', '}'].includes(before.text))
  const isText = (token: Token | undefined) => token?.kind === 'text' || token?.kind === 'template'
  return isValue && !(word === '*' && after.text.startsWith('#')) && !isText(before) && !isText(after)
}

/** Three words or a full stop: somebody reads it. */
const isSentence = (text: string): boolean => /\p{L}+[ ,]+\p{L}+[ ,]+\p{L}/u.test(text) || /[.:]['"`]$/.test(text)

/** Index of a bracket -> index of the one that closes it. */
function partnersOf(tokens: readonly Token[]): Map<number, number> {
  const partner = new Map<number, number>()
  const open: number[] = []
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'sign') continue
    if ('([{'.includes(text)) open.push(index)
    else if (')]}'.includes(text)) partner.set(open.pop() ?? 0, index)
  }
  return partner
}

/** Tokens of imports and of what is written into the log. */
function silentIn(tokens: readonly Token[], partner: ReadonlyMap<number, number>): Set<number> {
  const silent = new Set<number>()
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'word') continue
    let last = -1
    if (text === 'import') last = tokens.findIndex((token, at) => at > index && token.kind === 'text')
    if (text === 'export' && ['{', '*'].includes(tokens[index + 1]?.text ?? ''))
      last = tokens.findIndex((token, at) => at > index && token.kind === 'text')
    if (/^#?log$/.test(text) && tokens[index + 1]?.text === '(') last = partner.get(index + 1) ?? -1
    for (let at = index; at <= last; at++) silent.add(at)
  }
  return silent
}

/** Where what is spread ends, with the comma behind it. */
function operandEnd(tokens: readonly Token[], partner: ReadonlyMap<number, number>, from: number): number | undefined {
  for (let at = from; ; ) {
    at = partner.get(at) ?? at
    const next = tokens[at + 1]
    if (next?.text === '.' || next?.text === '?.') at += 2
    else if (next?.text === '(' || next?.text === '[' || ['new', 'await'].includes(tokens[at]?.text ?? '')) at++
    else return next?.text === ',' ? next.end : tokens[at]?.end
  }
}

const callPattern = /^(?:await |void |yield\*? )?[#\p{L}_$][\p{L}\d_$]*(?:\??\.#?[\p{L}\d_$]+|\[[^\]]*\])*(?:\?\.)?\(.*\)$/u
const assignmentPattern = /^(?:this|[\p{L}_$][\p{L}\d_$]*)(?:\??\.#?[\p{L}\d_$]+|\[[^\]]*\])* (?:=|\+=|-=|\?\?=) .*$/u
const notACall =
  /^(?:if|for|while|switch|return|const|let|throw|function|async|constructor|super|catch|case|export|static|get|set|class|new|else|do|try|log|this\.#options\.log)\b/
const goesOn = /(?:[=,([?:+\-*/|&<>]|=>|\breturn|\belse)$/

/** Calls and assignments that stand on a line of their own. */
function* statementsIn(code: string, tokens: readonly Token[]): Generator<[at: number, end: number]> {
  let at = 0
  const starts = new Set(tokens.map((token) => token.at))
  let before = ''
  for (const line of code.split('\n')) {
    const text = line.replace(/\s*\/\/.*$/, '').trimEnd()
    const bare = text.trimStart()
    const from = at + text.length - bare.length
    const isOwn = starts.has(from) && !goesOn.test(before) && !notACall.test(bare) && isBalanced(bare) && /^\s/.test(text)
    if (isOwn && (callPattern.test(bare) || assignmentPattern.test(bare))) yield [from, at + text.length]
    if (bare !== '') before = bare
    at += line.length + 1
  }
}

function isBalanced(line: string): boolean {
  let depth = 0
  for (const character of line.replace(/'(?:[^'\\]|\\.)*'/g, '')) {
    if ('([{'.includes(character)) depth++
    if (')]}'.includes(character)) depth--
    if (depth < 0) return false
  }
  return depth === 0
}
