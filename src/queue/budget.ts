import type { Stamp } from '../alert/stamp.ts'
import type { Instant } from '../ports/clock.ts'

/**
 * Budget: what has left the box on this day of the site. Pure.
 *
 * A day is a word of the wall clock, which may be wrong, be set, or wake in the past. So it is asked when the last letter left, as seen from now:
 * within one boot the monotonic scale knows; from an earlier boot it was before this one began. Where that cannot be told, it counts as today:
 * a wrong clock may hold a letter back until midnight, but never pays twice.
 */
export type Amount = { letters: number; octets: number }

/** The count of one day, and when it was last added to. `serial` grows with each addition: of two, the higher one is the newer. */
export type Spent = Amount & { at: Stamp; serial: number }

const dayMs = 24 * 3_600_000
const minuteMs = 60_000
/** Enough to tell two boots apart; a count is written often. */
const bootChars = 8
const nothing: Amount = { letters: 0, octets: 0 }

/** What counts for the day that it is now. `builtAt`: no earlier time is believable. */
export function spentToday(spent: Spent | undefined, now: Stamp, builtAt: Instant, timeZone: string): Amount {
  if (!spent || dayOf(lastLeft(spent.at, now, builtAt), timeZone) !== dayOf(now.wall, timeZone)) return nothing
  return { letters: spent.letters, octets: spent.octets }
}

export function spend(spent: Spent | undefined, amount: Amount, now: Stamp, builtAt: Instant, timeZone: string): Spent {
  const today = spentToday(spent, now, builtAt, timeZone)
  return {
    letters: today.letters + amount.letters,
    octets: today.octets + amount.octets,
    at: { ...now, boot: now.boot.slice(0, bootChars) },
    serial: (spent?.serial ?? 0) + 1,
  }
}

export const isUsedUp = (today: Amount, of: Amount): boolean => today.letters >= of.letters || today.octets >= of.octets

/** The latest moment at which it can have been, on the wall clock of now. */
function lastLeft(at: Stamp, now: Stamp, builtAt: Instant): number {
  if (at.boot === now.boot.slice(0, bootChars)) return now.wall - (now.mono - at.mono)
  const booted = now.wall - now.mono
  const isBelievable = (one: Stamp) => one.synchronised === 'yes' || (one.synchronised === 'unknown' && one.wall >= builtAt)
  if (!isBelievable(now)) return now.mono < dayMs ? now.wall : booted
  // A time to come was told by a clock that was wrong then or is now.
  return isBelievable(at) && at.wall <= now.wall ? at.wall : booted
}

/** When the next day of the site begins. */
export function dayEnds(now: Instant, timeZone: string): number {
  const today = dayOf(now, timeZone)
  // A day has 23 to 25 hours, and time zones change by whole minutes.
  let [before, after] = [Math.floor(now / minuteMs), Math.floor((now + 26 * 3_600_000) / minuteMs)]
  while (after - before > 1) {
    const middle = (before + after) >>> 1
    if (dayOf(middle * minuteMs, timeZone) === today) before = middle
    else after = middle
  }
  return after * minuteMs
}

/** A formatter is dear to make, and a box has one time zone. */
let formatter: { timeZone: string; format: Intl.DateTimeFormat } | undefined

function dayOf(at: number, timeZone: string): string {
  if (formatter?.timeZone !== timeZone) formatter = { timeZone, format: new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }) }
  return formatter.format.format(at)
}

/** What the journal says was spent; undefined when it says something else. */
export function spentIn(value: unknown): Spent | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { letters, octets, serial, at } = value as Partial<Spent>
  const { wall, mono, boot } = at ?? {}
  const numbers = [letters, octets, serial, wall, mono].every((one) => typeof one === 'number' && Number.isFinite(one))
  return numbers && typeof boot === 'string' ? (value as Spent) : undefined
}
