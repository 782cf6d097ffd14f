import { isSameSecret } from '../alert/same.ts'
import type { Clock, Monotonic } from '../ports/clock.ts'
import type { Access } from '../settings/device.ts'

/**
 * Sessions: who is logged in. They live in memory, so that a disk that takes no write keeps nobody out; the disk has a copy, so that they outlive a restart. One that nobody used for half an hour is forgotten
 * in both.
 */
export type Session = { readonly hash: string; readonly from: string; readonly at: number }
type Kept = Access['sessions'][number]
/** When a session was used last: exact within a boot, and as good as the wall clock beyond it. */
type Use = NonNullable<Kept['used']>
type Open = Session & { used: Use; keptAt: Monotonic }

const idleMs = 30 * 60_000
const sessionsLimit = 16
/** How often the copy hears of use; a restart in between ends a session by so much earlier. A write at each request would wear the card out. */
const keepUseMs = 10 * 60_000

/** `ended`: this session is over, for whatever reason. `changed`: the copy on the disk is worth writing. */
export type SessionEvents = { ended(hash: string): void; changed(): void }

export class Sessions {
  readonly #clock: Clock
  readonly #on: SessionEvents
  readonly #began: Monotonic
  /** Oldest first. */
  #open: readonly Open[]

  constructor(clock: Clock, kept: readonly Kept[], on: SessionEvents) {
    this.#clock = clock
    this.#on = on
    this.#began = clock.monotonic()
    // Of a file that an older Outpost wrote nothing is known but the beginning.
    this.#open = kept.map(({ used, ...one }) => ({ ...one, used: used ?? { boot: '', mono: 0, wall: one.at }, keptAt: this.#began }))
  }

  /** Those that last. */
  get all(): readonly Session[] {
    if (this.#drop((one) => this.#idleMs(one) >= idleMs)) this.#on.changed()
    return this.#open
  }

  /** The copy for the disk. */
  get kept(): Kept[] {
    return this.#open.map(({ hash, from, at, used }) => ({ hash, from, at, used }))
  }

  /** One that lasts; looking does not prolong it. */
  find(hash: string): Session | undefined {
    return this.all.find((one) => isSameSecret(one.hash, hash))
  }

  /** The oldest makes room for it. */
  begin(hash: string, from: string): void {
    const used = this.#now()
    this.#open = [...this.#open, { hash, from, at: used.wall, used, keptAt: this.#clock.monotonic() }]
    const out = this.#open.slice(0, -sessionsLimit)
    this.#drop((one) => out.includes(one))
  }

  /** A person used it just now. */
  use({ hash }: Session): void {
    const one = this.#open.find((open) => open.hash === hash)
    if (!one) return
    const now = this.#clock.monotonic()
    one.used = this.#now()
    if (now - one.keptAt < keepUseMs) return
    // Also when the disk takes it not: then it is tried as rarely.
    one.keptAt = now
    this.#on.changed()
  }

  end(which: (session: Session) => boolean): void {
    this.#drop(which)
  }

  #drop(which: (one: Open) => boolean): boolean {
    const gone = this.#open.filter(which)
    if (gone.length === 0) return false
    this.#open = this.#open.filter((one) => !gone.includes(one))
    for (const { hash } of gone) this.#on.ended(hash)
    return true
  }

  #now(): Use {
    return { boot: this.#clock.boot, mono: this.#clock.monotonic(), wall: this.#clock.wall() }
  }

  /** Since an earlier boot the wall clock counts. It may be behind, where nothing keeps it while the power is off: but this life lasts at least as long as it does. */
  #idleMs({ used }: Open): number {
    const now = this.#clock.monotonic()
    if (used.boot === this.#clock.boot) return now - used.mono
    return Math.max(this.#clock.wall() - used.wall, now - this.#began)
  }
}
