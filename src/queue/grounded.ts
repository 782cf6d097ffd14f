/**
 * Grounded: which letters are known not to be in the air. Those may be composed anew, say that they are late, and be merged; all others are the
 * same octets whenever they are composed.
 *
 * When the way to the relays is found closed, nothing but letters with frozen octets is in the air, so everything up to the newest is grounded.
 * One exception: what was waiting when a life began may have been in the air when the last one ended, and its twin may have arrived.
 */
type Range = [from: number, to: number]

/** Lives that ended with letters in doubt; when there are more, the oldest become one. */
const rangesLimit = 16

export class Grounded {
  #to = 0
  #doubts: Range[] = []

  has(id: number): boolean {
    return id <= this.#to && !this.#doubts.some(([from, to]) => from <= id && id <= to)
  }

  /** A life begins, and letters wait up to this position. */
  begin(lastId: number): void {
    if (lastId > this.#to) this.#doubt([this.#to + 1, lastId])
  }

  /** What to write down before `take` may be called: everything up to `lastId` is on the ground. undefined: nothing new. */
  note(lastId: number, waits: (id: number) => boolean): { kind: 'grounded'; to: number; doubts: Range[] } | undefined {
    if (lastId <= this.#to) return undefined
    return { kind: 'grounded', to: lastId, doubts: this.#doubts.filter(([from, to]) => anyIn(from, to, waits)) }
  }

  /** A note is on the disk. */
  take(note: { to: number; doubts: Range[] }): void {
    this.#to = Math.max(this.#to, note.to)
    this.#doubts = note.doubts
  }

  toJSON(): unknown {
    return { to: this.#to, doubts: this.#doubts }
  }

  /** Takes in what `toJSON` or a note gave, when it is newer; anything else is passed over. */
  restore(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    const { to, doubts } = value as { to?: unknown; doubts?: unknown }
    if (typeof to !== 'number' || to < this.#to || !Array.isArray(doubts)) return
    this.take({ to, doubts: doubts.filter(isRange) })
  }

  #doubt(range: Range): void {
    this.#doubts.push(range)
    if (this.#doubts.length <= rangesLimit) return
    const [first, second] = this.#doubts
    if (first && second) this.#doubts.splice(0, 2, [first[0], second[1]])
  }
}

const isRange = (value: unknown): value is Range => Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number'

function anyIn(from: number, to: number, waits: (id: number) => boolean): boolean {
  for (let id = from; id <= to; id++) if (waits(id)) return true
  return false
}
