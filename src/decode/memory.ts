import type { FieldValue } from '../alert/alert.ts'
import type { Memory } from './decoder.ts'

/** Devices remembered of one source; the one that was silent longest is forgotten first. */
const namesLimit = 256
/** Fields remembered of one device. */
const fieldsLimit = 256

type Fields = Readonly<Record<string, FieldValue>>

/** What a source said before, bounded. Its loss costs an alert nothing but context. */
export class SourceMemory implements Memory {
  readonly #known = new Map<string, Fields>()

  /**
   * The same memory for one frame. `undo` takes back what the frame taught, unless something newer was learnt since: a frame that is refused for now comes
   * again, and must not look like one that says nothing new.
   */
  frame(): Memory & { undo(): void } {
    const taught = new Map<string, { before: Fields | undefined; after: Fields | undefined }>()
    return {
      get: (name) => this.get(name),
      set: (name, fields) => {
        const before = taught.has(name) ? taught.get(name)?.before : this.get(name)
        this.set(name, fields)
        taught.set(name, { before, after: this.get(name) })
      },
      undo: () => {
        for (const [name, { before, after }] of taught) {
          if (this.get(name) !== after) continue
          if (before) this.set(name, before)
          else this.#known.delete(name)
        }
      },
    }
  }

  get(name: string): Fields | undefined {
    return this.#known.get(name)
  }

  set(name: string, fields: Fields): void {
    this.#known.delete(name)
    this.#known.set(name, Object.fromEntries(Object.entries(fields).slice(0, fieldsLimit)))
    if (this.#known.size > namesLimit) this.#known.delete(this.#known.keys().next().value ?? '')
  }
}
