import { type Instant, instant } from '../ports/clock.ts'

/** Local: wall time in a zone, by the zone data of the runtime. A formatter is dear to make, and a box has one zone. */
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone)
  if (known) return known
  const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const
  const made = new Intl.DateTimeFormat('en-US', { timeZone, ...numeric, hourCycle: 'h23', era: undefined })
  if (formatters.size > 8) formatters.clear()
  formatters.set(timeZone, made)
  return made
}

/** What the clock on the wall shows, in ms as if it were UTC. */
export function wallOf(at: Instant, timeZone: string): number {
  let [year, month, day, hour, minute, second] = [0, 0, 0, 0, 0, 0]
  for (const { type, value } of formatter(timeZone).formatToParts(at)) {
    if (type === 'year') year = Number(value)
    else if (type === 'month') month = Number(value)
    else if (type === 'day') day = Number(value)
    else if (type === 'hour') hour = Number(value)
    else if (type === 'minute') minute = Number(value)
    else if (type === 'second') second = Number(value)
  }
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1000) + 1000) % 1000)
}

/** The zone's distance from UTC at this moment, in ms; positive to the east. */
export const offsetOf = (at: Instant, timeZone: string): number => wallOf(at, timeZone) - at

/** When the clock on the wall shows this: the first time of two, and the moment of the leap where it never does. */
export function instantOf(wall: number, timeZone: string): Instant {
  const [before, after] = [offsetOf(instant(wall - dayMs), timeZone), offsetOf(instant(wall + dayMs), timeZone)]
  const matching = [before, after].map((offset) => instant(wall - offset)).filter((at) => wallOf(at, timeZone) === wall)
  if (matching.length > 0) return instant(Math.min(...matching))
  return firstAfterLeap(instant(wall - Math.max(before, after)), instant(wall - Math.min(before, after)), timeZone)
}

/** Between two moments the zone leaps once; the first ms after it. */
function firstAfterLeap(from: Instant, to: Instant, timeZone: string): Instant {
  const begin = offsetOf(from, timeZone)
  let [low, high] = [from as number, to as number]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetOf(instant(middle), timeZone) === begin) low = middle
    else high = middle
  }
  return instant(high)
}

export const dayMs = 86_400_000
