/**
 * Begun: what letters that tell several alerts say to have begun and not to be over. It has no letter of its own any more, so what clears it is behind
 * the letter that tells it.
 */
/** A raise: its position, its topic (src/queue/waiting.ts), the rank of its severity. */
export type Raise = readonly [id: number, topic: number, rank: number]

export type Teller = { letter: number; id: number; rank: number }

/** Raises that are remembered (about 200 octets each); beyond it those of the oldest letter are forgotten, and nobody waits for that. */
export const raisesLimit = 32_768

export class Begun {
  readonly #tellers = new Map<number, Teller[]>()
  readonly #topics = new Map<number, Uint32Array>()
  #count = 0

  /** A letter waits that tells these; no topic twice. */
  add(letter: number, raises: readonly Raise[]): void {
    if (raises.length === 0) return
    this.#topics.set(
      letter,
      Uint32Array.from(raises, ([, topic]) => topic),
    )
    this.#count += raises.length
    for (const [id, topic, rank] of raises) {
      const tellers = this.#tellers.get(topic)
      if (tellers) tellers.push({ letter, id, rank })
      else this.#tellers.set(topic, [{ letter, id, rank }])
    }
    for (const oldest of this.#topics.keys()) {
      if (this.#count <= raisesLimit) break
      this.drop(oldest)
    }
  }

  /** It does not wait any more. */
  drop(letter: number): void {
    const topics = this.#topics.get(letter)
    if (!topics) return
    this.#topics.delete(letter)
    this.#count -= topics.length
    for (const topic of topics) {
      const others = this.#tellers.get(topic)?.filter((one) => one.letter !== letter) ?? []
      if (others.length > 0) this.#tellers.set(topic, others)
      else this.#tellers.delete(topic)
    }
  }

  /** Letters that tell something. */
  get letters(): Iterable<number> {
    return this.#topics.keys()
  }

  /** Who tells something of this topic. */
  of(topic: number): readonly Teller[] {
    return this.#tellers.get(topic) ?? nobody
  }
}

const nobody: readonly Teller[] = []
