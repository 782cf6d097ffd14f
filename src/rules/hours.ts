import { dayMs, instantOf, offsetOf, wallOf } from '../alert/local.ts'
import { type Instant, instant } from '../ports/clock.ts'

/**
 * Hours: when somebody may be told, such as `Mon-Fri 18:00-06:00, Sat-Sun, holidays` or `Mon-Fri 08:00-17:00 not holidays`. A span over midnight belongs to the
 * day on which it begins; a day without times is the whole day; times without days are those of every day. Pure; wall time of the site, with its leaps.
 */
export type Hours = readonly Span[]

type Span = {
  /** 0 Sunday to 6 Saturday. */
  days: readonly number[]
  holidays: boolean
  notHolidays: boolean
  /** Minutes of the day; `to` at or below `from` is on the next day. */
  from: number
  to: number
}

const spansLimit = 32
const minuteMs = 60_000
const wholeDay = { from: 0, to: 1440 }
const everyDay = [0, 1, 2, 3, 4, 5, 6]
const dayNames: Readonly<Record<string, number>> = {
  sun: 0,
  so: 0,
  mon: 1,
  mo: 1,
  tue: 2,
  di: 2,
  wed: 3,
  mi: 3,
  thu: 4,
  do: 4,
  fri: 5,
  fr: 5,
  sat: 6,
  sa: 6,
}
const holidayWord = /^(holidays|feiertage?n?)$/

/** The hours, or a sentence about what is wrong with them. */
export function parseHours(text: string): Hours | string {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length > spansLimit) return `Write at most ${spansLimit} spans.`
  const spans: Span[] = []
  for (const part of parts) {
    const span = spanOf(part)
    if (typeof span === 'string') return span
    spans.push(span)
  }
  return spans
}

function spanOf(part: string): Span | string {
  const words = part.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return 'Between two commas nothing is written. Write such as Mon-Fri 18:00-06:00, Sat-Sun.'
  const notHolidays = /^(not|ohne)$/.test(words.at(-2) ?? '') && holidayWord.test(words.at(-1) ?? '')
  const rest = notHolidays ? words.slice(0, -2) : words
  const time = /\d:\d/.test(rest.at(-1) ?? '') ? timeOf(rest.at(-1) ?? '') : wholeDay
  if (time === undefined) return `${JSON.stringify(rest.at(-1))} is no span of the day. Write such as 18:00-06:00.`
  const names = time === wholeDay ? rest : rest.slice(0, -1)
  const days = new Set<number>()
  let holidays = false
  for (const name of names) {
    const found = holidayWord.test(name) ? [] : daysOf(name)
    if (!found) return `${JSON.stringify(name)} is no day. Write Mon, Tue, Wed, Thu, Fri, Sat, Sun, a span such as Mon-Fri, or holidays.`
    if (holidayWord.test(name)) holidays = true
    for (const day of found) days.add(day)
  }
  return { days: names.length === 0 ? everyDay : [...days], holidays, notHolidays, ...time }
}

function timeOf(text: string): { from: number; to: number } | undefined {
  const found = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text)
  if (!found) return undefined
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = found.slice(1).map(Number)
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute]
  return fromMinute < 60 && toMinute < 60 && from < 1440 && to <= 1440 ? { from, to } : undefined
}

/** `fri-mon` goes over the end of the week. */
function daysOf(name: string): number[] | undefined {
  const [first, last, more] = name.split('-').map((word) => dayNames[word])
  if (first === undefined || more !== undefined || (name.includes('-') && last === undefined)) return undefined
  if (last === undefined) return [first]
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7)
}

export const isOpen = (hours: Hours, at: Instant, timeZone: string, holidays: readonly string[]): boolean =>
  isOpenOn(hours, wallOf(at, timeZone), holidays)

function isOpenOn(hours: Hours, wall: number, holidays: readonly string[]): boolean {
  const day = Math.floor(wall / dayMs)
  const minute = Math.floor((wall - day * dayMs) / minuteMs)
  return hours.some((span) => {
    if (span.to > span.from) return minute >= span.from && minute < span.to && applies(span, day, holidays)
    return (minute >= span.from && applies(span, day, holidays)) || (minute < span.to && applies(span, day - 1, holidays))
  })
}

/** Day 0 was a Thursday. */
function applies(span: Span, day: number, holidays: readonly string[]): boolean {
  const listed = span.days.includes((((day + 4) % 7) + 7) % 7)
  if (!span.holidays && !span.notHolidays) return listed
  const date = new Date(day * dayMs).toISOString().slice(0, 10)
  const isHoliday = holidays.includes(date) || holidays.includes(date.slice(5))
  return (listed && !(span.notHolidays && isHoliday)) || (span.holidays && isHoliday)
}

const searchDays = 400
type Search = { at: number; next: Instant | undefined; timeZone: string; holidays: readonly string[] }
/** The answer stays the same until it has come. */
const searched = new WeakMap<Hours, Search>()

/** When it opens or closes next; undefined: not within 400 days. */
export function nextChange(hours: Hours, at: Instant, timeZone: string, holidays: readonly string[]): Instant | undefined {
  const last = searched.get(hours)
  const until = last && (last.next ?? last.at + dayMs)
  if (last && until !== undefined && at >= last.at && at < until && last.timeZone === timeZone && last.holidays === holidays)
    return last.next
  const next = search(hours, at, timeZone, holidays)
  searched.set(hours, { at, next, timeZone, holidays })
  return next
}

function search(hours: Hours, at: Instant, timeZone: string, holidays: readonly string[]): Instant | undefined {
  const now = isOpen(hours, at, timeZone, holidays)
  const bounds = [...new Set([0, ...hours.flatMap(({ from, to }) => [from, to % 1440])])].sort((a, b) => a - b)
  let offset = offsetOf(at, timeZone)
  for (let from: number = at; from < at + searchDays * dayMs; from += dayMs) {
    const after = offsetOf(instant(from + dayMs), timeZone)
    const changed = after === offset ? inQuietDay(from, offset) : inLeapDay(from)
    if (changed !== undefined) return changed
    offset = after
  }
  return undefined

  function inQuietDay(from: number, offsetMs: number): Instant | undefined {
    const first = Math.floor((from + offsetMs) / dayMs)
    for (const day of [first, first + 1])
      for (const bound of bounds) {
        const wall = day * dayMs + bound * minuteMs
        const moment = wall - offsetMs
        if (moment > from && moment <= from + dayMs && isOpenOn(hours, wall, holidays) !== now) return instant(moment)
      }
    return undefined
  }

  function inLeapDay(from: number): Instant | undefined {
    for (let moment = Math.floor(from / minuteMs + 1) * minuteMs; moment <= from + dayMs; moment += minuteMs)
      if (isOpen(hours, instant(moment), timeZone, holidays) !== now) return instant(moment)
    return undefined
  }
}

const weeklyPattern = /^\s*([a-z]{2,3})\s+(\d{1,2}):(\d{2})\s*$/i

/** `Mon 08:00` */
export const isWeekly = (text: string): boolean => weeklyOf(text) !== undefined

function weeklyOf(text: string): { day: number; minutes: number } | undefined {
  const found = weeklyPattern.exec(text)
  const day = dayNames[(found?.[1] ?? '').toLowerCase()]
  const [hour, minute] = [Number(found?.[2]), Number(found?.[3])]
  return day === undefined || !(hour < 24) || !(minute < 60) ? undefined : { day, minutes: hour * 60 + minute }
}

/** The first moment after `at` at which the clock on the wall shows this day and time; undefined when the text is no day and time. */
export function nextWeekly(text: string, at: Instant, timeZone: string): Instant | undefined {
  const wanted = weeklyOf(text)
  if (!wanted) return undefined
  const today = Math.floor(wallOf(at, timeZone) / dayMs)
  for (let day = today; day <= today + 7; day++) {
    if ((((day + 4) % 7) + 7) % 7 !== wanted.day) continue
    const moment = instantOf(day * dayMs + wanted.minutes * minuteMs, timeZone)
    if (moment > at) return moment
  }
  return undefined
}
