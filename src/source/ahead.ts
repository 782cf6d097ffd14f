import { type Alert, rank, severities } from '../alert/alert.ts'

/** What decides about the order of alerts of one source. */
export type Ordered = Pick<Alert, 'severity' | 'state' | 'key'>

/**
 * Ahead: alerts of one source that are not taken for now and stay with it. Who comes behind may pass them as its letter may: one of its own key when it is worse,
 * and the others as well. But what clears a key never passes an alert of that key, or it would be over before it began and stay open for ever.
 */
export class Ahead {
  /** Of those that were asked for and refused: nothing that is as bad or better would be taken, either. */
  #refused: number = severities.length
  readonly #worst = new Map<string | undefined, number>()
  /** What was last said of a key. */
  readonly #last = new Map<string, string>()

  /** What was refused, or what may not pass. */
  add(alert: Ordered): void {
    if (this.lets(alert)) this.#refused = rank(alert.severity)
    this.#worst.set(alert.key, Math.min(rank(alert.severity), this.#worst.get(alert.key) ?? severities.length))
    if (alert.key !== undefined) this.#last.set(alert.key, lastOf(alert))
  }

  /** Something of this key is still to be taken. */
  holds(key: string | undefined): boolean {
    return this.#worst.has(key)
  }

  /** The last of this key that is still to be taken says the same. */
  says(alert: Ordered): boolean {
    return alert.key !== undefined && alert.state !== 'event' && this.#last.get(alert.key) === lastOf(alert)
  }

  lets({ severity, state, key }: Ordered): boolean {
    const own = this.#worst.get(key)
    return rank(severity) < this.#refused && (own === undefined || (rank(severity) < own && state !== 'cleared'))
  }
}

const lastOf = ({ state, severity }: Ordered): string => `${state} ${severity}`
