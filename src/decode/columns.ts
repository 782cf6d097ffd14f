import { RE2JS } from 're2js'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

const columnsLimit = 64
const separators = [',', ';', '\t', '|'] as const

/** Values of one line; double quotes may hold separators, and two of them in a row stand for one. */
export function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = []
  let cell = ''
  /** It is more than blanks: asked at each quote, and so not of the whole cell. */
  let begun = false
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const character = line[at]
    if (character === '"' && (quoted || !begun)) {
      if (quoted && line[at + 1] === '"') {
        cell += '"'
        begun = true
        at++
      } else {
        quoted = !quoted
        cell = quoted ? '' : cell
      }
    } else if (!quoted && line.startsWith(separator, at)) {
      cells.push(cell.trim())
      cell = ''
      begun = false
      at += separator.length - 1
      if (cells.length >= columnsLimit) return cells
    } else {
      cell += character
      begun ||= character?.trim() !== ''
    }
  }
  return [...cells, cell.trim()]
}

const countOf = (line: string, separator: string): number => cellsOf(line, separator).length
const separatorOf = (line: string): string =>
  separators.reduce((best: string, one) => (countOf(line, one) > countOf(line, best) ? one : best), ',')

/** Values apart by a separator; the settings name the columns. */
export const csv: Decoder = {
  name: 'csv',
  title: 'Values apart by comma, semicolon or tab; decoding.columns names them',
  recognises: ({ line }, { options }) =>
    line !== undefined &&
    options?.columns !== undefined &&
    countOf(line, options.separator ?? separatorOf(line)) === options.columns.length,
  decode: ({ line, text }, context) => {
    const { columns, separator } = context.options ?? {}
    if (line === undefined) return { kind: 'undecodable', why: 'Several lines came as one frame; csv wants one line a frame.' }
    const cells = cellsOf(line, separator ?? separatorOf(line))
    if (columns && cells.length !== columns.length)
      return { kind: 'undecodable', why: `${cells.length} values came, and decoding.columns names ${columns.length}.` }
    const members = cells.map((cell, index): [string, string] => [columns?.[index] ?? `column${index + 1}`, cell])
    return {
      kind: 'reading',
      reading: readingOf(
        members.filter(([name]) => name !== ''),
        context,
        text,
      ),
    }
  },
}

/** Compiling is dear, and a source has one pattern. RE2 runs in linear time. */
const compiled = new Map<string, RE2JS>()

function patternOf(text: string): RE2JS {
  const known = compiled.get(text)
  if (known) return known
  const made = RE2JS.compile(text, RE2JS.DOTALL)
  if (compiled.size > 64) compiled.clear()
  compiled.set(text, made)
  return made
}

/** A pattern of the user whose named groups become members. */
export const groups: Decoder = {
  name: 'groups',
  title: 'A pattern of your own: the named groups of decoding.pattern become members',
  recognises: ({ text }, { options }) => options?.pattern !== undefined && patternOf(options.pattern).matcher(text).find(),
  decode: ({ text }, context) => {
    const { pattern } = context.options ?? {}
    if (pattern === undefined)
      return { kind: 'undecodable', why: 'There is no decoding.pattern. Write one such as (?P<key>\\w+)=(?P<value>[0-9.]+).' }
    const matcher = patternOf(pattern).matcher(text)
    if (!matcher.find()) return { kind: 'undecodable', why: `decoding.pattern does not match ${JSON.stringify(text.slice(0, 60))}.` }
    const names = Object.keys(patternOf(pattern).namedGroups())
    const members = names.flatMap((name): [string, string][] => {
      const value = matcher.group(name)
      return value === null || value === undefined ? [] : [[name, value]]
    })
    return { kind: 'reading', reading: readingOf(members, context, text) }
  },
}
