import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a process and its data directory weigh at one moment. */
export type Sample = { hour: number; rss: number; descriptors: number; threads: number; journal: number; data: number }
export const gauges = ['rss', 'descriptors', 'threads', 'journal', 'data'] as const
export type Gauge = (typeof gauges)[number]

/** Octets but for `descriptors` and `threads`. `hour`: of the calendar. */
export function weigh(pid: number, dir: string, hour: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  return {
    hour,
    rss: of('VmRSS') * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: of('Threads'),
    journal: octetsIn(join(dir, 'journal')),
    data: octetsIn(dir),
  }
}

/** A file may go while it is looked at. */
function octetsIn(dir: string): number {
  const sizes = readdirSync(dir, { recursive: true }).map((name) => statSync(join(dir, String(name)), { throwIfNoEntry: false }))
  return sizes.reduce((sum, found) => sum + (found?.isFile() ? found.size : 0), 0)
}

/** How much more than the thirds before the last one may show, beside a twentieth of it. */
const room: Record<Gauge, number> = { rss: 4 * 1_048_576, descriptors: 3, threads: 0, journal: 2 * 1_048_576, data: 4 * 1_048_576 }
const share = 0.05

export type Trend = { gauge: Gauge; early: number; late: number; most: number; flat: boolean }

/**
 * The middle value of the second third against that of the last one: the first third is for warming up. What grows by less than a twentieth and
 * `room` is flat. Needs at least nine samples, else nothing is.
 */
export function trends(samples: readonly Sample[]): Trend[] {
  const third = Math.floor(samples.length / 3)
  return gauges.map((gauge) => {
    const values = samples.map((one) => one[gauge])
    const early = middle(values.slice(third, 2 * third))
    const late = middle(values.slice(2 * third))
    const flat = third >= 3 && late <= early * (1 + share) + room[gauge]
    return { gauge, early, late, most: Math.max(...values), flat }
  })
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
