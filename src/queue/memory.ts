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

type Change = { map: Map<string, number>; name: string; before: number | undefined; after: number | undefined }
type Given = { alert: Alert; id: number; changes: Change[] }

export class Memory {
  #nextId = 1
  #numbers = new Map<string, number>()
  #told = new Map<string, number>()
  #raised = new Map<string, number>()
  readonly grounded = new Grounded()
  #spent: Spent | undefined
  /** Not known to be on the disk, in their order. */
  readonly #given: Given[] = []

  /**
   * Gives the alert its position and number. `undo`, where it did not become durable: all is as if it had never come, but for its position, and for a number that was given since.
   * One of the two must be called.
   */
  number(offer: Offer): { alert: Alert; id: number; durable(): void; undo(): void } {
    const id = this.#nextId++
    const number = offer.number ?? (this.#numbers.get(offer.source) ?? 0) + 1
    const previous = tellsAgain(offer) ? undefined : this.#told.get(toldBy(offer))
    const parent = offer.key === undefined ? undefined : this.#raised.get(keyOf(offer))
    const alert: Alert = { ...offer, number, ...(previous === undefined ? {} : { previous }), ...(parent === undefined ? {} : { parent }) }
    const one: Given = { alert, id, changes: this.#changing(alert, id) }
    this.#given.push(one)
    const durable = () => void this.#given.splice(this.#given.indexOf(one), 1)
    return { alert, id, durable, undo: () => this.#undo(one) }
  }

  /** Those that came since are taken back, too, and taken in again without it: a disk that fails refuses many at once, the oldest first. */
  #undo(one: Given): void {
    const at = this.#given.indexOf(one)
    if (at < 0) return
    const [, ...since] = this.#given.splice(at)
    for (const { changes } of [one, ...since].toReversed())
      for (const { map, name, before, after } of changes) if (map.get(name) === after) put(map, name, before)
    for (const other of since) {
      other.changes = this.#changing(other.alert, other.id)
      this.#given.push(other)
    }
  }

  /** Learns, and says what that changed. */
  #changing(alert: Alert, id: number): Change[] {
    const places: [Map<string, number>, string][] = [
      [this.#numbers, alert.source],
      [this.#told, toldBy(alert)],
      [this.#raised, keyOf(alert)],
    ]
    const before = places.map(([map, name]) => map.get(name))
    this.learn(alert, id)
    return places.map(([map, name], index) => ({ map, name, before: before[index], after: map.get(name) }))
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

function put(map: Map<string, number>, name: string, value: number | undefined): void {
  if (value === undefined) map.delete(name)
  else map.set(name, value)
}

const pairs = (value: unknown): [string, number][] =>
  Array.isArray(value)
    ? value.filter((pair): pair is [string, number] => Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'number')
    : []
