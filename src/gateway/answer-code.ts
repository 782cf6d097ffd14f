import { createHmac } from 'node:crypto'
import { isSameSecret } from '../alert/same.ts'

/** The code in a subject: it names a letter, and only this box can have made it. 40 bits, which nobody guesses by mail. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const markChars = 8

export const answerCode = (key: Uint8Array, id: number): string => `o${id}-${markOf(key, id)}`

/** The letter that a code names; undefined when this box has not made it. */
export function letterOf(key: Uint8Array, code: string): number | undefined {
  const [, id = ''] = /^o(\d{1,15})-/.exec(code) ?? []
  return id !== '' && isSameSecret(code, answerCode(key, Number(id))) ? Number(id) : undefined
}

function markOf(key: Uint8Array, id: number): string {
  const octets = createHmac('sha256', key).update(`letter ${id}`).digest()
  return Array.from({ length: markChars }, (_, index) => alphabet[(octets[index] ?? 0) & 31]).join('')
}
