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
  decode: ({ bytes }, context) => {
    if (isEmpty(bytes)) return { kind: 'ignored', why: 'an empty frame' }
    return { kind: 'reading', reading: readingOf([['text', wordsIn(bytes) || dump(bytes)]], context) }
  },
}

/** Undefined when half of the octets or more cannot be text: control characters, and high octets that are not UTF-8. */
function wordsIn(bytes: Uint8Array): string | undefined {
  const { text, damaged } = decodeUtf8(bytes)
  const strange = bytes.filter(isControl).length + (damaged ? brokenIn(bytes, text) : 0)
  if (strange * 2 >= bytes.length) return undefined
  const from = bytes.findIndex((octet) => !isControl(octet) && !isBlank(octet))
  const to = bytes.findLastIndex((octet) => !isControl(octet) && !isBlank(octet))
  return from === 0 && to === bytes.length - 1
    ? cleanText(text, alertLimits.textChars)
    : cleanText(decodeUtf8(bytes.subarray(from, to + 1)).text, alertLimits.textChars)
}

/** In a text that was cut, whole characters outnumber the broken ones; in noise that looks like some by chance, all high octets are broken. */
function brokenIn(bytes: Uint8Array, text: string): number {
  const whole = text.match(/[\u0080-\ufffc]/g)?.length ?? 0
  const broken = text.match(/\ufffd/g)?.length ?? 0
  return broken > 0 && whole >= broken ? broken : bytes.filter((octet) => octet >= 0x80).length
}

const dump = (bytes: Uint8Array): string => {
  const shown = [...bytes.subarray(0, dumpBytes)].map((octet) => octet.toString(16).padStart(2, '0')).join(' ')
  return `${bytes.length} octets: ${shown}${bytes.length > dumpBytes ? ' …' : ''}`
}
