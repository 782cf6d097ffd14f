import type { Journal } from './journal.ts'
import type { Place } from './segment.ts'

/** Frozen: where the octets of letters lie whose fate was left open, by the letter's id. Their places are pinned in the journal. */
export class Frozen {
  readonly #places = new Map<number, Place>()
  readonly #journal: Pick<Journal, 'pin' | 'unpin'>

  constructor(journal: Pick<Journal, 'pin' | 'unpin'>) {
    this.#journal = journal
  }

  get(id: number): Place | undefined {
    return this.#places.get(id)
  }

  /** The newest octets of a letter; older ones need not be kept. */
  keep(id: number, place: Place): void {
    const older = this.#places.get(id)
    this.#places.set(id, place)
    this.#journal.pin(place)
    if (older) this.#journal.unpin(older)
  }

  thaw(id: number): void {
    const place = this.#places.get(id)
    if (!place) return
    this.#places.delete(id)
    this.#journal.unpin(place)
  }

  /** They were copied; unless newer ones have come meanwhile. */
  move(id: number, from: Place, to: Place): void {
    if (this.#places.get(id) === from) this.keep(id, to)
  }

  inSegment(segment: number): [id: number, place: Place][] {
    return [...this.#places].filter(([, place]) => place.segment === segment)
  }

  /** While the journal is replayed nothing is pinned: it is told afterwards what is live. */
  replayed(id: number, place: Place): void {
    this.#places.set(id, place)
  }

  replayedGone(id: number): void {
    this.#places.delete(id)
  }

  /** What the replay has found, of letters that still wait; the rest is dropped. */
  live(waits: (id: number) => boolean): Place[] {
    for (const id of [...this.#places.keys()]) if (!waits(id)) this.#places.delete(id)
    return [...this.#places.values()]
  }
}
