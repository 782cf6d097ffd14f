import { crc32 } from 'node:zlib'

/**
 * Clean: whatever came over a wire, as text that is safe in a header, a log line and a page. Pure, and in time proportional to its input.
 *
 * Line ends, tabs and NUL (padding of devices that send C strings) become white space. Other control characters and the marks that turn the
 * direction of text become U+FFFD, so that a reader sees that something was there; so do lone surrogates.
 */
const controls = /[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** One line: runs of blanks and of replaced characters become one; at most `maxChars` (1 or more) code points, cut with "…". */
export const cleanLine = (text: string, maxChars: number): string =>
  cut(
    text
      .toWellFormed()
      .replace(/[\0\r\n\t\u0085\u2028\u2029]/g, ' ')
      .replace(controls, '\ufffd')
      .replace(/ {2,}/g, ' ')
      .replace(/\ufffd{2,}/g, '\ufffd')
      .trim(),
    maxChars,
  )

/** What an alert is about, as one line of at most `maxChars` (20 or more) code points. A longer one ends with the CRC-32 of all of it: two that begin alike stay two. */
export function cleanKey(text: string, maxChars: number): string {
  const whole = cleanLine(text, Number.MAX_SAFE_INTEGER)
  const short = cleanLine(whole, maxChars)
  const print = crc32(whole).toString(16).padStart(8, '0')
  return short === whole ? whole : `${cleanLine(whole, maxChars - print.length - 1)} ${print}`
}

/** The same as `cleanLine` with its line ends kept, as \n; blanks at the ends of lines go, those within lines stay. */
export const cleanText = (text: string, maxChars: number): string =>
  cut(
    text
      .toWellFormed()
      .replace(/\r\n?|\u0085|\u2028|\u2029/g, '\n')
      .replace(/[\0\t]/g, ' ')
      .replace(controls, '\ufffd')
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trim(),
    maxChars,
  )

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  // A code point takes at most two units: one point more than allowed tells whether anything is left out.
  const points = [...text.slice(0, (maxChars + 1) * 2)]
  return points.length <= maxChars ? text : `${points.slice(0, maxChars - 1).join('')}…`
}

/**
 * UTF-8 without a byte order mark. Octets that are not UTF-8 are `damaged`: when some of their characters are (a frame that was cut, a bit that
 * was lost), only the broken ones become U+FFFD; when none is, all are read as Windows-1252, which old panels send (Latin-1 is part of it).
 */
export function decodeUtf8(bytes: Uint8Array): { text: string; damaged: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), damaged: false }
  } catch {
    const text = new TextDecoder('utf-8').decode(bytes)
    return /[\u0080-\ufffc]/.test(text) ? { text, damaged: true } : { text: new TextDecoder('windows-1252').decode(bytes), damaged: true }
  }
}
