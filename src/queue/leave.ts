import { rank, type Severity } from '../alert/alert.ts'

/**
 * Leave: which letters may go by the link as it is. Pure. Critical ones always have it.
 */
export type Leave = {
  /** Only this or worse goes: the budget of the day is used up. */
  least: Severity
  /** In octets; a larger one waits for a link that is not metered … */
  largest: number
  /** … unless it was accepted before this (monotonic ms): then it goes by whatever there is. */
  overdue: number
}

/** Nothing is held back. */
export const freeLeave: Leave = { least: 'info', largest: Number.POSITIVE_INFINITY, overdue: Number.NEGATIVE_INFINITY }

export type LeaveFacts = {
  /** Monotonic ms. */
  now: number
  usedUp: boolean
  metered: boolean
  /** Largest letter over a metered link, in octets. */
  meteredBytes: number
  /** How long a letter is kept at all. */
  keepMs: number
}

/** Half of its keep time a large letter waits for a cheap link; the other half is for trying. */
export function leaveOf({ now, usedUp, metered, meteredBytes, keepMs }: LeaveFacts): Leave {
  if (!usedUp && !metered) return freeLeave
  return {
    least: usedUp ? 'critical' : 'info',
    largest: metered ? meteredBytes : freeLeave.largest,
    overdue: metered ? now - keepMs / 2 : freeLeave.overdue,
  }
}

/** Why a letter must stay; undefined when it may go. `severity` as its rank. */
export function keptBy(leave: Leave, severity: number, octets: number, accepted: number): 'budget' | 'size' | undefined {
  if (severity === 0) return undefined
  if (severity > rank(leave.least)) return 'budget'
  return octets > leave.largest && accepted >= leave.overdue ? 'size' : undefined
}
