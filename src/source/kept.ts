import { rank, severities } from '../alert/alert.ts'
import { Ahead } from './ahead.ts'
import type { Remaining } from './remains.ts'
import type { Held, Taken } from './source.ts'

/**
 * A frame that was refused for now. `held`: an alert that was understood of it; undefined when a fault in the gateway refused it, or another gateway understood
 * it.
 */
export type KeptFrame = Remaining & { held?: Held }

/** One frame for each alert of it that is still to be taken: each has its own place among the others. */
export const keptOf = (frame: KeptFrame, held: readonly Held[] | undefined): KeptFrame[] =>
  held ? held.map((one) => ({ bytes: frame.bytes, stamp: frame.stamp, held: one })) : [frame]

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
 * Kept: frames that were refused for now, in the order in which they came, of a device that says everything once. Bounded: the oldest are kept, for the first
 * alerts of a trouble tell its cause, and the worse before the others.
 */
export class Kept {
  #frames: KeptFrame[] = []
  readonly #framesLimit: number
  readonly #octetsLimit: number
  #octets = 0

  constructor(limits: { frames: number; octets: number }) {
    this.#framesLimit = limits.frames
    this.#octetsLimit = limits.octets
  }

  get all(): readonly KeptFrame[] {
    return this.#frames
  }

  get size(): number {
    return this.#frames.length
  }

  /** Returns those that are lost for want of room. */
  add(frame: KeptFrame): KeptFrame[] {
    this.#insert(this.#frames.length, frame)
    return this.#shed()
  }

  /**
   * Asks again for each of them that may be taken before those ahead of it which stay refused: three questions at most while nothing is taken. `goOn` is asked
   * before each. Returns what is still ahead of whatever comes next, and those that are lost for want of room: a frame that is understood only now may be several.
   */
  async offer(
    take: (frame: KeptFrame, behind: Ahead) => Promise<Taken>,
    goOn: () => boolean,
  ): Promise<{ ahead: Ahead; lost: KeptFrame[] }> {
    const ahead = new Ahead()
    for (let at = 0; at < this.#frames.length && goOn(); ) {
      const frame = this.#frames[at]
      if (!frame) break
      const { held } = frame
      if (held && !ahead.lets(held)) {
        ahead.add(held)
        at++
        continue
      }
      const taken = await take(frame, ahead)
      this.#remove(at)
      if (taken.kind !== 'refused' || !taken.again) continue
      for (const one of taken.held ? keptOf(frame, taken.held) : [frame]) {
        this.#insert(at++, one)
        // Nothing is known of one that met a fault: it keeps nobody back.
        if (one.held) ahead.add(one.held)
      }
    }
    // Which are the least is known only when all were asked.
    return { ahead, lost: goOn() ? this.#shed() : [] }
  }

  /** The youngest of the least severe go, until the others fit. */
  #shed(): KeptFrame[] {
    const lost = new Set<KeptFrame>()
    const isOver = () => this.#frames.length - lost.size > this.#framesLimit || this.#octets > this.#octetsLimit
    for (let least = severities.length; least >= 0 && isOver(); least--)
      for (let at = this.#frames.length - 1; at >= 0 && isOver(); at--) {
        const frame = this.#frames[at]
        if (!frame || rankOf(frame) !== least) continue
        lost.add(frame)
        this.#octets -= frame.bytes.length
      }
    if (lost.size > 0) this.#frames = this.#frames.filter((frame) => !lost.has(frame))
    return [...lost]
  }

  #insert(at: number, frame: KeptFrame): void {
    this.#frames.splice(at, 0, frame)
    this.#octets += frame.bytes.length
  }

  #remove(at: number): KeptFrame {
    const [frame] = this.#frames.splice(at, 1)
    if (!frame) throw new Error(`no frame ${at} is kept`)
    this.#octets -= frame.bytes.length
    return frame
  }
}

const rankOf = ({ held }: KeptFrame): number => (held ? rank(held.severity) : severities.length)
