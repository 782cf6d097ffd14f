import type { Instant } from '../ports/clock.ts'
import type { Heard, Taken } from '../source/source.ts'

/** Tap: the newest that was heard on any wire, for whoever looks on. Looking changes nothing: nobody waits for a reader. */
export type Line = {
  /** Counts from 1 in this life of the gateway. */
  number: number
  at: Instant
  source: string
  topic?: string
  /** The first octets of it. */
  bytes: Uint8Array
  length: number
  decoder: string
  outcome: Taken['kind']
  /** Why it was passed over or refused. */
  why?: string
}

const linesLimit = 100
const bytesLimit = 512

export class Tap {
  readonly #lines: Line[] = []
  readonly #readers = new Set<(line: Line) => void>()
  #count = 0

  add(at: Instant, { source, topic, bytes }: Heard, decoder: string, taken: Taken): void {
    const line: Line = {
      number: ++this.#count,
      at,
      source,
      ...(topic === undefined ? {} : { topic }),
      bytes: bytes.slice(0, bytesLimit),
      length: bytes.length,
      decoder,
      outcome: taken.kind,
      ...(taken.kind === 'accepted' ? {} : { why: taken.why }),
    }
    this.#lines.push(line)
    if (this.#lines.length > linesLimit) this.#lines.shift()
    for (const reader of this.#readers) reader(line)
  }

  /** Oldest first. */
  get lines(): readonly Line[] {
    return this.#lines
  }

  /** Tells of each further line until the returned function is called. */
  follow(reader: (line: Line) => void): () => void {
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }
}
