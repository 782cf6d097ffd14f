import type { SimRandom } from '../sim/world/random.ts'

/** What befalls a box, and for how many hours of the calendar. */
export type Blow = 'link near' | 'link far' | 'relay' | 'broker' | 'cable' | 'settings' | 'clock' | 'kill' | 'stop'
export type Event = { atHour: number; hours: number; blow: Blow }

/** How often in a week, and the longest it lasts. What lasts no time lasts 0. */
const weekly: readonly { blow: Blow; times: number; hours: number }[] = [
  { blow: 'link near', times: 6, hours: 9 },
  { blow: 'link far', times: 6, hours: 3 },
  { blow: 'relay', times: 5, hours: 3 },
  { blow: 'broker', times: 5, hours: 1 },
  { blow: 'cable', times: 5, hours: 2 },
  { blow: 'settings', times: 7, hours: 0 },
  { blow: 'clock', times: 2, hours: 0 },
  { blow: 'kill', times: 14, hours: 0.5 },
  { blow: 'stop', times: 7, hours: 0.5 },
]
export const hoursAWeek = 168

/** So many hours of a calendar, in their order; nothing begins in the last twentieth, so that everything is over at its end. */
export function calendar(hours: number, random: SimRandom): Event[] {
  const last = hours * 0.95
  const events = weekly.flatMap(({ blow, times, hours: longest }) =>
    Array.from({ length: Math.max(1, Math.round((times * hours) / hoursAWeek)) }, () => {
      const atHour = random.unit() * last
      return { atHour, hours: Math.min(longest * random.unit(), last - atHour), blow }
    }),
  )
  return events.sort((a, b) => a.atHour - b.atHour)
}
