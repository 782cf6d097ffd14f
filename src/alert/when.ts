import { type Instant, instant } from '../ports/clock.ts'
import type { Stamp } from './stamp.ts'

/**
 * When something happened, as honestly as the device can say. Pure.
 *
 * A board without a battery wakes with the time at which it went out, or in 1970. What was stamped in this boot is corrected exactly once the
 * clock is set, because the monotonic scale knows how long ago it was. What an earlier boot stamped with an unset clock can only be bounded.
 */
export type KnownTime = {
  /** No time before this software was built is believable. */
  builtAt: Instant
  /** The last moment at which the clock was known to be right, from an earlier boot. */
  lastSync?: { wall: Instant }
}

export type When = {
  at: Instant
  /**
   * exact: as stamped. corrected: the clock was set since. bounded: between two instants. stored: before `at`, when a broker sent what it had stored. unknown: the clock is not set even
   * now.
   */
  certainty: 'exact' | 'corrected' | 'bounded' | 'stored' | 'unknown'
  notBefore?: Instant
  notAfter?: Instant
}

/** A wall clock that moved by less is merely being steered. */
const stepMs = 2000

/** When that happened which was heard at `stamp`, seen from `now` (a stamp of this moment). */
export function whenHappened(stamp: Stamp, now: Stamp, known: KnownTime): When {
  const heard = whenHeard(stamp, now, known)
  if (!stamp.stored) return heard
  // How long it was stored is not known either.
  if (heard.certainty === 'unknown') return { at: heard.at, certainty: 'unknown' }
  const notAfter = heard.notAfter ?? heard.at
  const since = stamp.stored.since && whenHeard(stamp.stored.since, now, known)
  if (!since || since.certainty === 'unknown') return { at: notAfter, certainty: 'stored', notAfter }
  const notBefore = instant(Math.min(since.notBefore ?? since.at, notAfter))
  return notAfter - notBefore <= stepMs ? heard : { at: notAfter, certainty: 'stored', notBefore, notAfter }
}

/** How long something lasted: not less, and not more (ms); without a limit where none is known. */
export type Lasted = { leastMs: number; mostMs?: number }

/** How long it was from `since` to `until`. Within one boot no clock is needed. */
export function howLong(since: Stamp, until: Stamp, now: Stamp, known: KnownTime): Lasted {
  const stamps = [since, until].flatMap((one) => [one, ...(one.stored?.since ? [one.stored.since] : [])])
  const spanOf = stamps.every(({ boot }) => boot === until.boot) ? monoSpan : (one: Stamp) => wallSpan(whenHappened(one, now, known))
  const [first, last] = [spanOf(since), spanOf(until)]
  const leastMs = last.from === undefined || first.to === undefined ? 0 : Math.max(0, last.from - first.to)
  return { leastMs, ...(last.to === undefined || first.from === undefined ? {} : { mostMs: Math.max(leastMs, last.to - first.from) }) }
}

/** Between which moments it was, as far as that is known. */
type Span = { from: number | undefined; to: number | undefined }

const monoSpan = ({ mono, stored }: Stamp): Span => ({ from: stored ? stored.since?.mono : mono, to: mono })

function wallSpan({ at, certainty, notBefore, notAfter }: When): Span {
  const isBetween = certainty === 'bounded' || certainty === 'stored' || certainty === 'unknown'
  return isBetween ? { from: notBefore, to: notAfter } : { from: at, to: at }
}

/** Whether that will be the same whenever it is asked. */
export function isSettled(stamp: Stamp, now: Stamp, known: KnownTime): boolean {
  const { since = stamp } = stamp.stored ?? {}
  return [stamp, since].every((one) => whenHeard(one, now, known).certainty === 'exact')
}

/** The moment itself is known. */
export const isKnown = ({ certainty }: When): boolean => certainty === 'exact' || certainty === 'corrected'

/** The clock was right, whatever is known of the moment. */
export const isClockRight = (when: When): boolean => isKnown(when) || when.certainty === 'stored'

function whenHeard(stamp: Stamp, now: Stamp, known: KnownTime): When {
  const floor = Math.max(known.builtAt, known.lastSync?.wall ?? 0)
  const believable = (one: Stamp) => one.synchronised === 'yes' || (one.synchronised === 'unknown' && one.wall >= known.builtAt)
  if (stamp.boot === now.boot) {
    const at = now.wall - (now.mono - stamp.mono)
    if (Math.abs(at - stamp.wall) <= stepMs && believable(stamp)) return { at: stamp.wall, certainty: 'exact' }
    if (believable(now)) return { at: instant(at), certainty: 'corrected' }
    // Nobody has set the clock: the best guess is a time that cannot be too early.
    return unknownFrom(Math.max(at, floor))
  }
  if (believable(stamp)) return { at: stamp.wall, certainty: 'exact' }
  if (!believable(now)) return unknownFrom(Math.max(stamp.wall, floor))
  const notBefore = instant(Math.min(Math.max(stamp.wall, floor), now.wall))
  const notAfter = instant(Math.max(notBefore, now.wall - now.mono))
  return { at: notBefore, certainty: 'bounded', notBefore, notAfter }
}

const unknownFrom = (ms: number): When => ({ at: instant(ms), certainty: 'unknown', notBefore: instant(ms) })

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
      return between(
        notBefore,
        notAfter,
        timeZone,
        language,
        german ? 'die Uhr des Geräts war nicht gestellt' : 'the clock of the device was not set',
      )
    }
    case 'stored': {
      const why = german ? 'der Broker hatte es gespeichert' : 'the broker had stored it'
      if (when.notBefore !== undefined) return between(when.notBefore, when.at, timeZone, language, why)
      return german ? `${at} oder früher; ${why}` : `${at} or earlier; ${why}`
    }
    case 'unknown': {
      const from = when.notBefore === undefined ? '' : german ? `, nicht vor ${at}` : `, not before ${at}`
      return german ? `unbekannt${from}; die Uhr des Geräts ist nicht gestellt` : `unknown${from}; the clock of the device is not set`
    }
  }
}

/** `between 2026-11-24 04:12:00 (Europe/Berlin) and …; the clock of the device was not set`; a narrow span needs no reason. */
function between(from: Instant, to: Instant, timeZone: string, language: 'en' | 'de', why: string): string {
  if (to - from <= narrowMs) return around(instant((from + to) / 2), (to - from) / 2, timeZone)
  const [first, last] = [localTime(from, timeZone), localTime(to, timeZone)]
  return language === 'de' ? `zwischen ${first} und ${last}; ${why}` : `between ${first} and ${last}; ${why}`
}
