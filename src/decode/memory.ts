import type { FieldValue } from '../alert/alert.ts'
import type { Memory } from './decoder.ts'

/** Devices remembered of one source; the one that was silent longest is forgotten first. */
const namesLimit = 256
/** Fields remembered of one device. */
const fieldsLimit = 256

/** What a source said before, bounded. Its loss costs an alert nothing but context. */
export class SourceMemory implements Memory {
  readonly #known = new Map<string, Readonly<Record<string, FieldValue>>>()

  get(name: string): Readonly<Record<string, FieldValue>> | undefined {
    return this.#known.get(name)
  }

  set(name: string, fields: Readonly<Record<string, FieldValue>>): void {
    this.#known.delete(name)
    this.#known.set(name, Object.fromEntries(Object.entries(fields).slice(0, fieldsLimit)))
    if (this.#known.size > namesLimit) this.#known.delete(this.#known.keys().next().value ?? '')
  }
}
