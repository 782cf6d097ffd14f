/**
 * Clean: whatever came over a wire, as text that is safe in a header, a log line and a page. Pure.
 */
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** One line: no control characters, no line ends, no marks that turn the direction; at most `maxChars` code points, cut with "…". */
export const cleanLine = (text: string, maxChars: number): string =>
  cut(
    text
      .toWellFormed()
      .replace(/[\r\n\t\u0085\u2028\u2029]/g, ' ')
      .replace(controls, '\ufffd')
      .replace(/ {2,}/g, ' ')
      .trim(),
    maxChars,
  )

/** The same with its line ends kept, as \n. */
export const cleanText = (text: string, maxChars: number): string =>
  cut(
    text
      .toWellFormed()
      .replace(/\r\n?|\u0085|\u2028|\u2029/g, '\n')
      .replace(/\t/g, ' ')
      .replace(controls, '\ufffd')
      .replace(/[ ]+$/gm, '')
      .trim(),
    maxChars,
  )

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  const points = [...text.slice(0, maxChars * 2)]
  return points.length <= maxChars ? points.join('') : `${points.slice(0, maxChars - 1).join('')}…`
}

/** UTF-8; octets that are not UTF-8 are read as Windows-1252, which old panels and Latin-1 devices send. */
export function decodeUtf8(bytes: Uint8Array): { text: string; damaged: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes), damaged: false }
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), damaged: true }
  }
}
