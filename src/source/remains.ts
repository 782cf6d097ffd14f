import type { KeptFrame } from './kept.ts'

/** A frame, and when it was heard. */
export type Remaining = Omit<KeptFrame, 'held'>

/** What was kept an alert at a time, as the frames that they came in. */
export function remainingOf(frames: readonly KeptFrame[]): Remaining[] {
  const whole = Map.groupBy(frames, ({ bytes }) => bytes)
  return [...whole.values()].flatMap((parts): Remaining[] => {
    const places = parts.flatMap(({ held, places = [] }) => (held ? [held.place] : places))
    const [{ bytes, stamp } = { bytes: new Uint8Array(), stamp: undefined }] = parts
    return stamp ? [{ bytes, stamp, ...(places.length > 0 ? { places } : {}) }] : []
  })
}

/**
 * Remains: frames of devices that say everything once, which a gateway that was stopped had not taken. The one behind it, with other settings, offers them again.
 * They are looked at as late as then, for one that was in hand at the stop may have been accepted since.
 */
export class Remains {
  readonly #left = new Map<string, () => Remaining[]>()

  leave(source: string, frames: () => Remaining[]): void {
    this.#left.set(source, frames)
  }

  /** Sources of which nobody has taken what they left. */
  get sources(): string[] {
    return [...this.#left.keys()]
  }

  /** In the order in which they were heard; the next one gets none of them. */
  take(source: string): Remaining[] {
    const frames = this.#left.get(source)?.() ?? []
    this.#left.delete(source)
    return frames
  }
}
