import type { Stamp } from '../alert/stamp.ts'

/** A frame, and when it was heard. `places`: those of its alerts that are still to be taken, all when left out. */
export type Remaining = { bytes: Uint8Array; stamp: Stamp; places?: readonly number[] }

/**
 * Remains: frames of devices that say everything once, which a gateway that was stopped had not taken. The one behind it, with other settings, offers them again.
 * They are looked at as late as then, for one that was in hand at the stop may have been accepted since.
 *
 * Where the octets are read in another way by then, nobody knows of which alert a place was: each frame is told as a whole, rather twice than not.
 */
export class Remains {
  readonly #left = new Map<string, { frames: () => Remaining[]; decoding: string }>()
  #decodingOf: (source: string) => string = () => ''

  /** By what the gateway of now understands a source: the same words as before only when it reads the same in the same octets. */
  readBy(decodingOf: (source: string) => string): void {
    this.#decodingOf = decodingOf
  }

  leave(source: string, frames: () => Remaining[]): void {
    this.#left.set(source, { frames, decoding: this.#decodingOf(source) })
  }

  /** Sources of which nobody has taken what they left. */
  get sources(): string[] {
    return [...this.#left.keys()]
  }

  /** In the order in which they were heard; the next one gets none of them. */
  take(source: string): Remaining[] {
    const left = this.#left.get(source)
    this.#left.delete(source)
    const frames = left?.frames() ?? []
    return left?.decoding === this.#decodingOf(source) ? frames : frames.map(({ bytes, stamp }) => ({ bytes, stamp }))
  }
}
