import { alertLimits } from '../alert/alert.ts'
import { cleanText, decodeUtf8 } from '../alert/clean.ts'
import type { Decoder } from './decoder.ts'
import { readingOf } from './value.ts'

/** Octets shown of something that is no text. */
const dumpBytes = 64

/** Anything: the text is the alert. Octets that are no text are shown in hexadecimal rather than lost. */
export const text: Decoder = {
  name: 'text',
  title: 'Plain text',
  recognises: () => true,
  decode: (bytes, context) => {
    if (bytes.every((octet) => octet <= 0x20)) return { kind: 'ignored', why: 'an empty frame' }
    const binary = bytes.filter((octet) => octet < 0x20 && octet !== 0x09 && octet !== 0x0a && octet !== 0x0d).length
    const words = binary * 4 > bytes.length ? dump(bytes) : cleanText(decodeUtf8(bytes).text, alertLimits.textChars)
    return { kind: 'reading', reading: readingOf([['text', words]], context) }
  },
}

const dump = (bytes: Uint8Array): string => {
  const shown = [...bytes.subarray(0, dumpBytes)].map((octet) => octet.toString(16).padStart(2, '0')).join(' ')
  return `${bytes.length} octets: ${shown}${bytes.length > dumpBytes ? ' …' : ''}`
}
