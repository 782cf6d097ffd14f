import { type Clock, sleep } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Ahead } from './ahead.ts'
import { Kept, type KeptFrame, remainingOf } from './kept.ts'
import type { Remains } from './remains.ts'
import type { Take, Taken } from './source.ts'

/**
 * Leftover: what remains of a source that the settings no longer have, or have as another kind. It hears nothing; it offers what is left under the name of that
 * source until it is taken.
 */
export type LeftoverTools = { clock: Clock; log: Log; take: Take; remains: Remains }

/** As much as a serial source leaves: what it kept, and what still waited. */
const limits = { frames: 2000, octets: 2 * 1024 * 1024 }
/** What was refused for now is tried again. */
const againMs = 1000
const stopMs = 2000

export class Leftover {
  readonly #source: string
  readonly #tools: LeftoverTools
  readonly #kept = new Kept(limits)
  readonly #stopping = new AbortController()
  #taking: Promise<void> | undefined

  constructor(source: string, tools: LeftoverTools) {
    this.#source = source
    this.#tools = tools
  }

  start(): void {
    const frames = this.#tools.remains.take(this.#source)
    if (frames.length === 0) return
    this.#tools.log('warning', 'frames of a source that is no longer in the settings are taken under its old name', {
      source: this.#source,
      frames: frames.length,
    })
    for (const frame of frames) this.#lose(this.#kept.add(frame))
    this.#taking = this.#takeAll()
  }

  /** What is not taken goes to the next gateway. */
  async stop(): Promise<void> {
    const { clock, log, remains } = this.#tools
    this.#stopping.abort()
    const enough = new AbortController()
    await Promise.race([this.#taking, sleep(clock, stopMs, enough.signal)])
    enough.abort()
    if (this.#kept.size === 0) return
    log('error', 'frames of a source that is no longer in the settings were not taken before the stop', {
      source: this.#source,
      frames: this.#kept.size,
    })
    remains.leave(this.#source, () => remainingOf(this.#kept.all))
  }

  async #takeAll(): Promise<void> {
    const { signal } = this.#stopping
    const goOn = () => !signal.aborted
    while (goOn() && this.#kept.size > 0) {
      const { lost } = await this.#kept.offer((frame, behind) => this.#take(frame, behind), goOn)
      this.#lose(lost)
      if (this.#kept.size > 0) await sleep(this.#tools.clock, againMs, signal)
    }
  }

  async #take({ bytes, stamp, places, held }: KeptFrame, behind: Ahead): Promise<Taken> {
    const { take, log } = this.#tools
    const heard = { source: this.#source, bytes, behind, heardAt: stamp, ...(places ? { places } : {}) }
    try {
      return await (held ? held.offer() : take(heard))
    } catch (error) {
      log('error', 'a frame could not be taken', { source: this.#source, why: sentence(error) })
      return { kind: 'refused', why: 'a fault in the gateway', hint: 'Look at its log.', again: true }
    }
  }

  #lose(frames: readonly KeptFrame[]): void {
    if (frames.length > 0)
      this.#tools.log('error', 'frames were lost, the gateway takes none for now', { source: this.#source, frames: frames.length })
  }
}
