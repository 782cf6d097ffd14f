import type { Mark } from '../queue/mark.ts'

/** Fates: what became of the newest letters, for whoever sent one just now and wants to know. In memory; the journal and the mailbox keep what matters. */
export type Fate = { kind: Mark['kind']; to: readonly string[]; why?: string }

const lettersLimit = 200

export class Fates {
  readonly #letters = new Map<number, Fate[]>()

  note(id: number, mark: Mark): void {
    const to = 'to' in mark ? mark.to : []
    const known = this.#letters.get(id)?.filter(({ kind }) => kind !== 'deferred' && kind !== 'held' && kind !== 'released') ?? []
    this.#letters.delete(id)
    this.#letters.set(id, [...known, { kind: mark.kind, to, ...('why' in mark && mark.why ? { why: mark.why } : {}) }])
    const [oldest] = this.#letters.keys()
    if (this.#letters.size > lettersLimit && oldest !== undefined) this.#letters.delete(oldest)
  }

  of(id: number): readonly Fate[] {
    return this.#letters.get(id) ?? []
  }
}
