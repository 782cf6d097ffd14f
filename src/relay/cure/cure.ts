import type { Fault } from '../outcome.ts'
import { replyCures } from './cure-reply.ts'
import { wayCures } from './cure-way.ts'
import type { Approach, Row, Trouble } from './trouble.ts'
import { wordsOf } from './words.ts'

export type { Approach, Trouble } from './trouble.ts'

/**
 * Cure: what to do about a fault, as one sentence for the person on site. A table and no more: the first row of which everything holds. What no
 * row knows has no cure here, and the words of the server stand alone.
 */
export function cure(trouble: Trouble, approach: Approach): string | undefined {
  return told(rowFor(trouble, approach), trouble, approach)
}

const rowFor = (trouble: Trouble, approach: Approach): Row | undefined =>
  [...wayCures, ...replyCures].find((one) => holds(one, trouble, approach))

const told = (row: Row | undefined, trouble: Trouble, approach: Approach): string | undefined =>
  typeof row?.cure === 'function' ? row.cure(trouble, approach) : row?.cure

/** The fault with its cure; where there is none it keeps the hint that it had. */
export function cured(fault: Fault, approach: Approach, more: Pick<Trouble, 'said' | 'offered'> = {}): Fault {
  const trouble = { ...fault, ...more }
  if (approach.direct && !isOurs(trouble)) return withoutHint(fault)
  const row = rowFor(trouble, approach)
  const hint = row?.general && fault.hint !== undefined ? fault.hint : (told(row, trouble, approach) ?? fault.hint)
  return hint === undefined ? fault : { ...fault, hint }
}

/** Of a host of others only the way there can be mended from here. */
const isOurs = ({ stage, code, clock }: Trouble): boolean => clock === true || (stage === 'connect' && code !== 'ECONNREFUSED')

const withoutHint = ({ hint: _, ...fault }: Fault): Fault => fault

/** Both for one line on a page; `why` may end in the words of a server, and those in anything. */
export const withCure = (why: string, help: string | undefined): string =>
  help === undefined ? why : `${/[.!?]$/.test(why) ? why : `${why}.`} ${help}`

function holds(row: Row, trouble: Trouble, approach: Approach): boolean {
  const { reply } = trouble
  return (
    (row.stage?.includes(trouble.stage) ?? true) &&
    (row.reply === undefined ||
      (reply !== undefined && row.reply.some((one) => one === reply.code || one === Math.floor(reply.code / 100)))) &&
    (row.words === undefined || (reply !== undefined && row.words.test(wordsOf(reply)))) &&
    (row.code === undefined || (trouble.code !== undefined && row.code.test(trouble.code))) &&
    (row.said === undefined || (trouble.said !== undefined && row.said.test(trouble.said))) &&
    (row.when === undefined || row.when(trouble, approach))
  )
}
