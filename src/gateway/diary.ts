import type { Alert } from '../alert/alert.ts'
import type { Stamp } from '../alert/stamp.ts'

/** Diary: when the box lived, and when it last told of itself. Folded from the journal. */
export type Entry =
  | { kind: 'diary'; do: 'begun' | 'ended'; stamp: Stamp }
  | { kind: 'diary'; do: 'weekly'; stamp: Stamp; numbers: Readonly<Record<string, number>> }

export class Diary {
  #begun: Stamp | undefined
  #ended = false
  #last: Stamp | undefined
  #weekly: { stamp: Stamp; numbers: Readonly<Record<string, number>> } | undefined

  /** The life before this one, when it ended without a goodbye: when it began, and the last thing that it wrote down. */
  get cutShort(): { begun: Stamp; last: Stamp } | undefined {
    return this.#begun && !this.#ended ? { begun: this.#begun, last: this.#last ?? this.#begun } : undefined
  }

  /** The last weekly letter, and the number of each source at the time. */
  get weekly(): { stamp: Stamp; numbers: Readonly<Record<string, number>> } | undefined {
    return this.#weekly
  }

  alert({ stamp, telling }: Alert): void {
    this.#last = telling?.made ?? stamp
  }

  note(value: unknown): void {
    const entry = value as Partial<Entry> | null
    if (entry?.kind !== 'diary' || !isStamp(entry.stamp)) return
    this.#last = entry.stamp
    if (entry.do === 'begun') {
      this.#begun = entry.stamp
      this.#ended = false
    }
    if (entry.do === 'ended') this.#ended = true
    if (entry.do === 'weekly') this.#weekly = { stamp: entry.stamp, numbers: numbersIn(entry.numbers) }
  }

  toJSON(): unknown {
    return { begun: this.#begun, ended: this.#ended, last: this.#last, weekly: this.#weekly }
  }

  restore(value: unknown): void {
    const { begun, ended, last, weekly } = (value ?? {}) as Record<string, unknown>
    if (isStamp(begun)) this.#begun = begun
    this.#ended = ended === true
    if (isStamp(last)) this.#last = last
    const { stamp, numbers } = (weekly ?? {}) as Record<string, unknown>
    if (isStamp(stamp)) this.#weekly = { stamp, numbers: numbersIn(numbers) }
  }
}

const isStamp = (value: unknown): value is Stamp => {
  const stamp = value as Partial<Stamp> | null | undefined
  return typeof stamp?.wall === 'number' && typeof stamp.mono === 'number' && typeof stamp.boot === 'string'
}

const numbersIn = (value: unknown): Record<string, number> =>
  Object.fromEntries(Object.entries(value ?? {}).filter((pair): pair is [string, number] => typeof pair[1] === 'number'))
