import type { Alert } from '../alert/alert.ts'
import { newestFitting } from '../alert/fitting.ts'
import { type Spent, spentIn } from './budget.ts'
import { Grounded } from './grounded.ts'
import type { Offer } from './offer.ts'

/**
 * Memory: the small state that outlives its alerts: positions, the numbers of each source, who was told what last, which raise a clear
 * belongs to. It is folded from the alerts and stands at the head of every segment.
 */
/** Sources times lists of recipients, and open keys, that are remembered; beyond it the oldest is forgotten (a letter then names no elder). */
const toldLimit = 256
const raisedLimit = 512
/** What of them is written down, as JSON: keys and lists of recipients may be long. */
const writtenOctets = { told: 32 * 1024, raised: 48 * 1024 }

export class Memory {
  #nextId = 1
  #numbers = new Map<string, number>()
  #told = new Map<string, number>()
  #raised = new Map<string, number>()
  readonly grounded = new Grounded()
  #spent: Spent | undefined

  /** Gives the alert its position and number. `undo` takes the number back when it did not become durable and none was given since. */
  number(offer: Offer): { alert: Alert; id: number; undo: () => void } {
    const id = this.#nextId++
    const before = this.#numbers.get(offer.source) ?? 0
    const number = offer.number ?? before + 1
    const previous = tellsAgain(offer) ? undefined : this.#told.get(toldBy(offer))
    const parent = offer.key === undefined ? undefined : this.#raised.get(keyOf(offer))
    const alert: Alert = { ...offer, number, ...(previous === undefined ? {} : { previous }), ...(parent === undefined ? {} : { parent }) }
    this.learn(alert, id)
    const undo = () => {
      if (offer.number === undefined && this.#numbers.get(offer.source) === number) this.#numbers.set(offer.source, before)
      if (this.#told.get(toldBy(offer)) === number && previous !== undefined) this.#told.set(toldBy(offer), previous)
    }
    return { alert, id, undo }
  }

  /** Passes over positions that letters may bear which cannot be read. */
  skip(count: number): void {
    this.#nextId += count
  }

  /** What an alert in the journal says about the next one. */
  learn(alert: Alert, id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1)
    this.#numbers.set(alert.source, Math.max(alert.number, this.#numbers.get(alert.source) ?? 0))
    if (!alert.kept && !tellsAgain(alert)) remember(this.#told, toldBy(alert), alert.number, toldLimit)
    if (alert.key === undefined) return
    if (alert.state === 'raised' && !alert.kept && !this.#raised.has(keyOf(alert))) remember(this.#raised, keyOf(alert), id, raisedLimit)
    if (alert.state === 'cleared') this.#raised.delete(keyOf(alert))
  }

  /** What has left the box on the day of the last letter. */
  get spent(): Spent | undefined {
    return this.#spent
  }

  /** The newer count of two stays, in whichever order they are met. */
  learnSpent(value: unknown): void {
    const spent = spentIn(value)
    if (spent && spent.serial > (this.#spent?.serial ?? 0)) this.#spent = spent
  }

  get numbers(): Record<string, number> {
    return Object.fromEntries(this.#numbers)
  }

  /** The newest position that was given. */
  get lastId(): number {
    return this.#nextId - 1
  }

  toJSON(): Record<string, unknown> {
    return {
      nextId: this.#nextId,
      grounded: this.grounded.toJSON(),
      numbers: [...this.#numbers],
      told: newestFitting(this.#told, writtenOctets.told),
      raised: newestFitting(this.#raised, writtenOctets.raised),
      ...(this.#spent ? { spent: this.#spent } : {}),
    }
  }

  /** Takes in what `toJSON` gave; anything else is passed over. */
  restore(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    const { nextId, grounded, numbers, told, raised, spent } = value as Record<string, unknown>
    this.learnSpent(spent)
    if (typeof nextId === 'number') this.#nextId = Math.max(this.#nextId, nextId)
    this.grounded.restore(grounded)
    for (const [name, number] of pairs(numbers)) this.#numbers.set(name, Math.max(number, this.#numbers.get(name) ?? 0))
    this.#told = new Map(pairs(told))
    this.#raised = new Map(pairs(raised))
  }
}

/** A reminder comes between the numbers and is none of them. */
const tellsAgain = ({ telling }: Offer): boolean => telling?.kind === 'reminder' || telling?.kind === 'escalation'

const toldBy = (alert: Offer): string => `${alert.source}\0${alert.to.join('\n')}`
const keyOf = (alert: Offer): string => `${alert.source}\0${alert.key}`

function remember(map: Map<string, number>, name: string, value: number, limit: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size > limit) map.delete(map.keys().next().value ?? '')
}

const pairs = (value: unknown): [string, number][] =>
  Array.isArray(value)
    ? value.filter((pair): pair is [string, number] => Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'number')
    : []
