import { hash } from 'node:crypto'

/**
 * Seen: which ids were accepted within the last day, so that a repeat is recognised. Two generations of a plain hash table over typed
 * arrays: what is remembered is remembered for one day at least and two at most; beyond the limit the elder half goes early.
 */
export const seenMs = 24 * 3600 * 1000
/** Octets of one entry in the journal. */
const entryBytes = 16

/** 48 bits of SHA-1 as a whole number: two different ids meet by chance once in 10^4 times the life of a box. Never 0. */
export function fingerprint(text: string): number {
  const digest = hash('sha1', text, 'buffer')
  return digest.readUIntBE(0, 6) + 1
}

export class Seen {
  #young = new Table()
  #old = new Table()
  #turned: number

  readonly #ms: number
  readonly #limit: number

  /**
   * `now` in ms on any scale that goes forward; the same scale for every call. What is remembered is remembered for `ms` at least. Two generations must fit in half a segment of the journal,
   * or carrying them forward would fill the segments that it is to free: 16,384 ids a generation for a segment of 1 MiB.
   */
  constructor(now: number, segmentBytes: number, ms = seenMs) {
    this.#turned = now
    this.#ms = ms
    this.#limit = Math.floor(segmentBytes / 2 / 2 / entryBytes)
  }

  /** The letter that was accepted under this fingerprint. */
  get(print: number, now: number): number | undefined {
    this.#turn(now)
    return this.#young.get(print) ?? this.#old.get(print)
  }

  /** `segment`: where the journal has it written. */
  add(print: number, id: number, segment: number, now: number): void {
    this.#turn(now)
    if (now < this.#turned - this.#ms) return
    if (this.#young.size >= this.#limit) this.#shift(now)
    this.#young.set(print, id, segment)
  }

  /** What only this segment of the journal knows, as octets for records elsewhere: at most `most` entries a piece. */
  writtenIn(segment: number, most: number): Uint8Array[] {
    const pairs = [...this.#old.writtenIn(segment), ...this.#young.writtenIn(segment)]
    const pieces: Uint8Array[] = []
    for (let at = 0; at < pairs.length; at += most) pieces.push(new Uint8Array(Float64Array.from(pairs.slice(at, at + most).flat()).buffer))
    return pieces
  }

  /** Takes in what `writtenIn` gave. */
  addPiece(piece: Uint8Array, segment: number, now: number): void {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.length)
    for (let at = 0; at + 16 <= piece.length; at += 16) this.add(view.getFloat64(at, true), view.getFloat64(at + 8, true), segment, now)
  }

  /** From here on time is reckoned from `now`, also on another scale: what has passed since the last call does not count. */
  resume(now: number): void {
    this.#turned = now
  }

  #turn(now: number): void {
    const age = now - this.#turned
    if (age >= this.#ms) this.#shift(now)
    if (age >= 2 * this.#ms) this.#old = new Table()
  }

  #shift(now: number): void {
    this.#old = this.#young
    this.#young = new Table()
    this.#turned = now
  }
}

class Table {
  size = 0
  #prints = new Float64Array(512)
  #ids = new Float64Array(512)
  #segments = new Uint32Array(512)

  get(print: number): number | undefined {
    const at = this.#slot(print)
    return this.#prints[at] === print ? this.#ids[at] : undefined
  }

  set(print: number, id: number, segment: number): void {
    const at = this.#slot(print)
    if (this.#prints[at] !== print) this.size++
    this.#prints[at] = print
    this.#ids[at] = id
    this.#segments[at] = segment
    if (this.size > this.#prints.length * 0.7) this.#grow()
  }

  *writtenIn(segment: number): Generator<[print: number, id: number]> {
    for (const [at, print] of this.#prints.entries()) if (print !== 0 && this.#segments[at] === segment) yield [print, this.#ids[at] ?? 0]
  }

  #slot(print: number): number {
    const mask = this.#prints.length - 1
    let at = print % this.#prints.length
    while (this.#prints[at] !== 0 && this.#prints[at] !== print) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const [prints, ids, segments] = [this.#prints, this.#ids, this.#segments]
    this.#prints = new Float64Array(prints.length * 2)
    this.#ids = new Float64Array(prints.length * 2)
    this.#segments = new Uint32Array(prints.length * 2)
    this.size = 0
    for (const [at, print] of prints.entries()) if (print !== 0) this.set(print, ids[at] ?? 0, segments[at] ?? 0)
  }
}
