import { type Instant, instant } from '../ports/clock.ts'
import { instantOf, wallOf } from './local.ts'

/** Said: what a device says of the time, as a moment. Most name no zone: then it is that of the site, and the letter says so. Pure. */
export type Said = {
  at: Instant
  zone: 'given' | 'assumed'
  /** The clock showed this time twice that day; the first is meant. */
  twice?: boolean
}

const local = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?$/
const zoned = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/
const dc09 = /^(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})$/
const epoch = /^(\d{9,10})(?:\.\d{1,6})?$|^(\d{12,13})$/
const compact = /^(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)$/
/** DSMR: `190101125431W`, W for winter time and S for summer time. */
const meter = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([WS])$/

const hourMs = 3_600_000

/** undefined: it is no time that is understood, or has no date. */
export function momentSaid(text: string, timeZone: string): Said | undefined {
  const seconds = epoch.exec(text)
  if (seconds) return { at: instant(seconds[2] === undefined ? Math.round(Number(text) * 1000) : Number(seconds[2])), zone: 'given' }
  if (zoned.test(text)) {
    const at = Date.parse(text.replace(' ', 'T'))
    return Number.isNaN(at) ? undefined : { at: instant(at), zone: 'given' }
  }
  const wall = wallSaid(text)
  if (wall === undefined) return undefined
  const season = meter.exec(text)?.[7]
  const at = instantOf(wall, timeZone)
  const later = instant(at + hourMs)
  const twice = wallOf(later, timeZone) === wall
  if (season !== undefined) return { at: twice && season === 'W' ? later : at, zone: 'given' }
  return { at, zone: 'assumed', ...(twice ? { twice } : {}) }
}

function wallSaid(text: string): number | undefined {
  const plain = local.exec(text) ?? compact.exec(text)
  if (plain) return wallFrom(plain.slice(1).map((part) => Number(part ?? 0)))
  const alarm = dc09.exec(text)
  if (alarm) {
    const [hour = 0, minute = 0, second = 0, month = 0, day = 0, year = 0] = alarm.slice(1).map(Number)
    return wallFrom([year, month, day, hour, minute, second])
  }
  const dsmr = meter.exec(text)
  if (!dsmr) return undefined
  const [year = 0, ...rest] = dsmr.slice(1, 7).map(Number)
  return wallFrom([2000 + year, ...rest])
}

/** undefined: there is no such day or hour. */
function wallFrom([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]): number | undefined {
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(wall)
  // Date.UTC takes the years 0 to 99 for 1900 to 1999: a clock that was never set is not to be believed so far.
  return date.getUTCFullYear() === year &&
    date.getUTCDate() === day &&
    date.getUTCMonth() === month - 1 &&
    hour < 24 &&
    minute < 60 &&
    second < 61
    ? wall
    : undefined
}
