/**
 * Words: header text beyond ASCII, as RFC 2047 encoded words and back. Pure.
 */
const charset = 'UTF-8'
/** RFC 2047 section 2: an encoded word has at most 75 characters, a line that holds one at most 76. */
const wordChars = 75
const lineChars = 76
const frameChars = `=?${charset}?Q??=`.length
/** A word that would hold less than this is not begun on a line; it begins the next one. */
const leastChars = 24

type Encoding = { letter: 'Q' | 'B'; encode(text: string): string }

/**
 * Section 4.2: every printable character but = ? _ stands for itself. That holds in unstructured fields only (Subject, X-…); a display name allows
 * fewer (section 5 rule 3).
 */
const quoted: Encoding = {
  letter: 'Q',
  encode: (text) =>
    text
      .replace(/[^\x21-\x3c\x3e\x40-\x5e\x60-\x7e ]+/gu, (run) =>
        [...Buffer.from(run)].map((octet) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
      )
      .replaceAll(' ', '_'),
}
const base64: Encoding = { letter: 'B', encode: (text) => Buffer.from(text).toString('base64') }

const isPlain = (word: string): boolean => /^[\x21-\x7e]*$/.test(word) && !word.includes('=?')

/**
 * An unstructured header value as ASCII, in the fewest octets: what stands before the first and behind the last word that needs it stays as it is.
 * No character is split, so each encoded word decodes alone. `column`: where the value begins on its line. `fold` then breaks it between words.
 */
export function encodeWords(value: string, column: number): string {
  const words = value.split(' ')
  const first = words.findIndex((word) => !isPlain(word))
  if (first < 0) return value
  const last = words.findLastIndex((word) => !isPlain(word))
  const before = words
    .slice(0, first)
    .map((word) => `${word} `)
    .join('')
  const span = words.slice(first, last + 1).join(' ')
  const after = words
    .slice(last + 1)
    .map((word) => ` ${word}`)
    .join('')
  const left = lineChars - column - before.length
  const [asQuoted, asBase64] = [quoted, base64].map((encoding) => encodedWords(span, encoding, left)) as [string, string]
  return `${before}${asQuoted.length <= asBase64.length ? asQuoted : asBase64}${after}`
}

function encodedWords(span: string, encoding: Encoding, left: number): string {
  const pieces: string[] = []
  let piece = ''
  let room = Math.min(wordChars, left < leastChars ? wordChars : left) - frameChars
  for (const character of span) {
    if (piece !== '' && encoding.encode(piece + character).length > room) {
      pieces.push(piece)
      piece = ''
      room = wordChars - frameChars
    }
    piece += character
  }
  return [...pieces, piece].map((text) => `=?${charset}?${encoding.letter}?${encoding.encode(text)}?=`).join(' ')
}

/** A header line folded at its blanks (RFC 5322 section 2.2.3). A word that is longer than a line stays in one piece. */
export function fold(line: string): string {
  const lines: string[] = []
  let current = ''
  for (const [piece] of line.trimEnd().matchAll(/ *[^ ]+/g)) {
    if (current !== '' && current.length + piece.length > lineChars) {
      lines.push(current)
      current = ''
    }
    current += piece
  }
  return [...lines, current].join('\r\n')
}
