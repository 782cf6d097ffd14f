import { alertLimits } from '../alert/alert.ts'
import { cleanText, decodeUtf8 } from '../alert/clean.ts'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

/** Octets shown of something that is no text. */
const dumpBytes = 64

const isBlank = (octet: number): boolean => octet === 0 || octet === 0x20 || (octet >= 0x09 && octet <= 0x0d)
const isControl = (octet: number): boolean => !isBlank(octet) && (octet < 0x20 || octet === 0x7f)

/** Only white space and NUL: an empty line, padding, or a break on a serial line. */
export const isEmpty = (bytes: Uint8Array): boolean => bytes.every(isBlank)

/**
 * Anything: the text is the alert, without the control characters that frame it (STX, ETX, DC4 …). Octets that are no text are shown in
 * hexadecimal, the first 64 of them, rather than lost.
 */
export const text: Decoder = {
  name: 'text',
  title: 'Plain text',
  recognises: () => true,
  decode: (bytes, context) => {
    if (isEmpty(bytes)) return { kind: 'ignored', why: 'an empty frame' }
    return { kind: 'reading', reading: readingOf([['text', wordsIn(bytes) || dump(bytes)]], context) }
  },
}

/** Undefined when half of the octets or more cannot be text: control characters, and high octets that are not UTF-8. */
function wordsIn(bytes: Uint8Array): string | undefined {
  const { text, damaged } = decodeUtf8(bytes)
  const strange = bytes.filter((octet) => isControl(octet) || (damaged && octet >= 0x80)).length
  if (strange * 2 >= bytes.length) return undefined
  const from = bytes.findIndex((octet) => !isControl(octet) && !isBlank(octet))
  const to = bytes.findLastIndex((octet) => !isControl(octet) && !isBlank(octet))
  return from === 0 && to === bytes.length - 1
    ? cleanText(text, alertLimits.textChars)
    : cleanText(decodeUtf8(bytes.subarray(from, to + 1)).text, alertLimits.textChars)
}

const dump = (bytes: Uint8Array): string => {
  const shown = [...bytes.subarray(0, dumpBytes)].map((octet) => octet.toString(16).padStart(2, '0')).join(' ')
  return `${bytes.length} octets: ${shown}${bytes.length > dumpBytes ? ' …' : ''}`
}
