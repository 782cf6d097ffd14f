import type { Alert } from '../alert/alert.ts'
import type { Stamp } from '../alert/stamp.ts'
import { type Settled, settlements } from '../queue/mark.ts'

/** Diary: when the box lived, how long its sources were silent, and when it last told of itself. Folded from the journal. */
export type Entry =
  /** `after`: the last sign of the life before, where this one has written since. */
  | { kind: 'diary'; do: 'begun'; stamp: Stamp; after?: Stamp }
  /** `silent`: all that is watched. */
  | { kind: 'diary'; do: 'ended' | 'silent'; stamp: Stamp; silent?: Silent }
  | { kind: 'diary'; do: 'heard'; stamp: Stamp; source: string }
  | ({ kind: 'diary'; do: 'weekly' } & Weekly)

/** For how many ms the box has listened to a source without hearing anything. */
export type Silent = Readonly<Record<string, number>>

/** A weekly letter, the number of each source at the time, and how many recipients were settled since the box was set up. */
export type Weekly = { stamp: Stamp; numbers: Readonly<Record<string, number>>; settled: Readonly<Counts> }
export type Counts = Record<Settled, number>

/** From the last sign of one life to the first of the next. `cut`: without a goodbye. */
export type Gap = { from: Stamp; to: Stamp; cut: boolean }
const gapsLimit = 32

export class Diary {
  #begun: Stamp | undefined
  #ended = false
  #last: Stamp | undefined
  #lastId = 0
  #weekly: Weekly | undefined
  #settled = countsIn(undefined)
  #gaps: Gap[] = []
  #cuts = 0
  #silent = new Map<string, number>()

  /** The life before this one, when it ended without a goodbye: when it began, and the last thing that it wrote down. */
  get cutShort(): { begun: Stamp; last: Stamp } | undefined {
    return this.#begun && !this.#ended ? { begun: this.#begun, last: this.#last ?? this.#begun } : undefined
  }

  /** The last thing that a gateway wrote down. */
  get last(): Stamp | undefined {
    return this.#last
  }

  get weekly(): Weekly | undefined {
    return this.#weekly
  }

  /** How many recipients were settled since the box was set up, and how. */
  get settlements(): Readonly<Counts> {
    return this.#settled
  }

  /** The newest times in which nothing ran, oldest first. */
  get gaps(): readonly Gap[] {
    return this.#gaps
  }

  /** Lives that ended without a goodbye, since the box was set up. */
  get cuts(): number {
    return this.#cuts
  }

  /** For how long a source had been silent when that was last written down (ms); 0 when it was heard since, or nothing is known. It was not silent for less. */
  silentMs(source: string): number {
    return this.#silent.get(source) ?? 0
  }

  settled(how: Settled, recipients: number): void {
    this.#settled = { ...this.#settled, [how]: this.#settled[how] + recipients }
  }

  /** A record that was copied forward is as old as it was, and what was written at standstill says nothing of a life. */
  alert({ source, stamp, telling, standstill }: Alert, id: number): void {
    if (id < this.#lastId) return
    this.#lastId = id
    if (!telling) this.#silent.delete(source)
    if (!standstill) this.#last = telling?.made ?? stamp
  }

  note(value: unknown): void {
    const entry = value as Partial<Entry> | null
    if (entry?.kind !== 'diary' || !isStamp(entry.stamp)) return
    if (entry.do === 'begun' && this.#begun && this.#last) {
      this.#gaps = [...this.#gaps, { from: isStamp(entry.after) ? entry.after : this.#last, to: entry.stamp, cut: !this.#ended }].slice(
        -gapsLimit,
      )
      if (!this.#ended) this.#cuts++
    }
    this.#last = entry.stamp
    if (entry.do === 'begun') {
      this.#begun = entry.stamp
      this.#ended = false
    }
    if (entry.do === 'ended') this.#ended = true
    if (entry.do === 'ended' || entry.do === 'silent') this.#silent = new Map(Object.entries(numbersIn(entry.silent)))
    if (entry.do === 'heard' && entry.source !== undefined) this.#silent.delete(entry.source)
    if (entry.do === 'weekly') this.#weekly = { stamp: entry.stamp, numbers: numbersIn(entry.numbers), settled: countsIn(entry.settled) }
  }

  toJSON(): unknown {
    return {
      begun: this.#begun,
      ended: this.#ended,
      last: this.#last,
      lastId: this.#lastId,
      weekly: this.#weekly,
      settled: this.#settled,
      gaps: this.#gaps,
      cuts: this.#cuts,
      silent: Object.fromEntries(this.#silent),
    }
  }

  restore(value: unknown): void {
    const { begun, ended, last, lastId, weekly, settled: told, gaps, cuts, silent } = (value ?? {}) as Record<string, unknown>
    if (isStamp(begun)) this.#begun = begun
    this.#ended = ended === true
    if (isStamp(last)) this.#last = last
    if (typeof lastId === 'number') this.#lastId = Math.max(this.#lastId, lastId)
    this.#silent = new Map(Object.entries(numbersIn(silent)))
    const { stamp, numbers, settled } = (weekly ?? {}) as Record<string, unknown>
    if (isStamp(stamp)) this.#weekly = { stamp, numbers: numbersIn(numbers), settled: countsIn(settled) }
    // What was written just before this may be missing in it.
    const known = new Map(
      [...(Array.isArray(gaps) ? gaps.filter(isGap) : []), ...this.#gaps].map((gap) => [`${gap.to.boot} ${gap.to.mono}`, gap]),
    )
    this.#gaps = [...known.values()].slice(-gapsLimit)
    if (typeof cuts === 'number') this.#cuts = Math.max(this.#cuts, cuts)
    // What was settled just before this was written may stand before it or after it: these counts only grow.
    const kept = countsIn(told)
    for (const how of settlements) this.settled(how, Math.max(0, kept[how] - this.#settled[how]))
  }
}

const isStamp = (value: unknown): value is Stamp => {
  const stamp = value as Partial<Stamp> | null | undefined
  return typeof stamp?.wall === 'number' && typeof stamp.mono === 'number' && typeof stamp.boot === 'string'
}

const numbersIn = (value: unknown): Record<string, number> =>
  Object.fromEntries(Object.entries(value ?? {}).filter((pair): pair is [string, number] => typeof pair[1] === 'number'))

function countsIn(value: unknown): Counts {
  const numbers = numbersIn(value)
  return Object.fromEntries(settlements.map((how) => [how, numbers[how] ?? 0])) as Counts
}

const isGap = (value: unknown): value is Gap => {
  const gap = value as Partial<Gap> | null | undefined
  return isStamp(gap?.from) && isStamp(gap.to) && typeof gap.cut === 'boolean'
}
