/** A letter that clears and is to leave now; `rank` of its severity. */
export type Clearing = { id: number; topic: number; rank: number }

/** Turns: when letters have their turn: by their own rank; or by that of what clears them, when that is to leave now. */
export class Turns {
  /** Of each topic, the latest first, each with the best rank of those behind it. */
  readonly #clears = new Map<number, Clearing[]>()

  constructor(clears: readonly Clearing[] = []) {
    for (const one of clears.toSorted((a, b) => b.id - a.id)) {
      const later = this.#clears.get(one.topic)
      const best = later?.at(-1)?.rank ?? one.rank
      if (!later) this.#clears.set(one.topic, [one])
      else if (one.rank < best) later.push(one)
    }
  }

  /** Of those that clear it the best: the list has one for each rank. */
  of(id: number, topic: number, rank: number): number {
    const best = this.#clears.get(topic)?.findLast((one) => id < one.id)
    return best ? Math.min(rank, best.rank) : rank
  }
}
