import type { Instant } from '../ports/clock.ts'

/** A formatter is dear to make, and a box has one time zone. */
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  })
  if (formatters.size > 8) formatters.clear()
  formatters.set(timeZone, made)
  return made
}

/**
 * RFC 5322 section 3.3: `Tue, 24 Nov 2026 04:12:00 +0100` in the zone of the site. `-0000` says that the zone, here the whole clock, is not
 * to be relied on.
 */
export function mailDate(at: Instant, timeZone: string, certain: boolean): string {
  const parts = Object.fromEntries(
    formatter(certain ? timeZone : 'UTC')
      .formatToParts(at)
      .map((part) => [part.type, part.value]),
  )
  const offset = (parts.timeZoneName ?? 'GMT').replace('GMT', '').replace(':', '') || '+0000'
  const month = parts.month === 'Sept' ? 'Sep' : parts.month
  return `${parts.weekday}, ${parts.day} ${month} ${parts.year} ${parts.hour}:${parts.minute}:${parts.second} ${certain ? offset : '-0000'}`
}
