import { type Instant, instant } from '../ports/clock.ts'
import type { Stamp } from './stamp.ts'

/**
 * When something happened, as honestly as the device can say. Pure.
 *
 * A board without a battery wakes with the time at which it went out, or in 1970. What was stamped in this boot is corrected exactly once the
 * clock is set, because the monotonic scale knows how long ago it was. What an earlier boot stamped with an unset clock can only be bounded.
 */
export type Known = {
  /** No time before this software was built is believable. */
  builtAt: Instant
  /** The last moment at which the clock was known to be right, from an earlier boot. */
  lastSync?: { wall: Instant }
}

export type When = {
  at: Instant
  /** exact: as stamped. corrected: the clock was set since. bounded: between two instants. unknown: the clock is not set even now. */
  certainty: 'exact' | 'corrected' | 'bounded' | 'unknown'
  notBefore?: Instant
  notAfter?: Instant
}

/** A wall clock that moved by less is merely being steered. */
const stepMs = 2000

/** When `stamp` was, seen from `now` (a stamp of this moment). */
export function whenHappened(stamp: Stamp, now: Stamp, known: Known): When {
  const floor = Math.max(known.builtAt, known.lastSync?.wall ?? 0)
  const believable = (one: Stamp) => one.synchronised === 'yes' || (one.synchronised === 'unknown' && one.wall >= known.builtAt)
  if (stamp.boot === now.boot) {
    const at = now.wall - (now.mono - stamp.mono)
    if (Math.abs(at - stamp.wall) <= stepMs && believable(stamp)) return { at: stamp.wall, certainty: 'exact' }
    if (believable(now)) return { at: instant(at), certainty: 'corrected' }
    // Nobody has set the clock: the best guess is a time that cannot be too early.
    return { at: instant(Math.max(at, floor)), certainty: 'unknown' }
  }
  if (believable(stamp)) return { at: stamp.wall, certainty: 'exact' }
  if (!believable(now)) return { at: instant(Math.max(stamp.wall, floor)), certainty: 'unknown' }
  const notBefore = instant(Math.min(Math.max(stamp.wall, floor), now.wall))
  const notAfter = instant(Math.max(notBefore, now.wall - now.mono))
  return { at: notBefore, certainty: 'bounded', notBefore, notAfter }
}

/** `2026-11-24 04:12:00` in the time zone of the site, with its name. */
export function localTime(at: Instant, timeZone: string): string {
  if (formatter?.timeZone !== timeZone)
    formatter = { timeZone, format: new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }) }
  return `${formatter.format.format(at)} (${timeZone})`
}
/** Dear to make, and a box has one time zone. */
let formatter: { timeZone: string; format: Intl.DateTimeFormat } | undefined

/** A span up to this reads better as a moment and how far off it may be. */
const narrowMs = 600_000

/** `2026-11-24 04:12:20 ±40 s (Europe/Berlin)` */
function around(middle: Instant, offMs: number, timeZone: string): string {
  const off = offMs < 90_000 ? `${Math.ceil(offMs / 1000)} s` : `${Math.ceil(offMs / 60_000)} min`
  return localTime(middle, timeZone).replace(' (', ` ±${off} (`)
}

/** What the letter says of the time. Never claims what is not known. */
export function timeSentence(when: When, timeZone: string, language: 'en' | 'de'): string {
  const at = localTime(when.at, timeZone)
  const german = language === 'de'
  switch (when.certainty) {
    case 'exact':
      return at
    case 'corrected':
      return german ? `${at}; berichtigt, nachdem die Uhr gestellt wurde` : `${at}; corrected after the clock was set`
    case 'bounded': {
      const { notBefore = when.at, notAfter = when.at } = when
      if (notAfter - notBefore <= narrowMs) return around(instant((notBefore + notAfter) / 2), (notAfter - notBefore) / 2, timeZone)
      const [from, to] = [localTime(when.notBefore ?? when.at, timeZone), localTime(when.notAfter ?? when.at, timeZone)]
      return german
        ? `zwischen ${from} und ${to}; die Uhr des Geräts war nicht gestellt`
        : `between ${from} and ${to}; the clock of the device was not set`
    }
    case 'unknown':
      return german
        ? `unbekannt, nicht vor ${at}; die Uhr des Geräts ist nicht gestellt`
        : `unknown, not before ${at}; the clock of the device is not set`
  }
}
