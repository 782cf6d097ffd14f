import type { Clock } from '../ports/clock.ts'
import { type Log, sentence } from '../ports/log.ts'
import type { Frozen } from './frozen.ts'
import type { Journal } from './journal.ts'
import type { Mark } from './mark.ts'
import { type JournalRecord, recordTypes } from './record.ts'
import type { Place } from './segment.ts'
import type { LetterState, Waiting } from './waiting.ts'

/** Room in the journal: looks at the disk now and then, and copies the live records of the oldest segment forward, so that it can be used again. */
export type RoomOptions = {
  journal: Journal
  waiting: Waiting
  frozen: Frozen
  clock: Clock
  log: Log
  /** A record on its way to the disk tells this letter: a copy behind it would be one more letter at the next start. */
  isBeingTold(id: number): boolean
}

/** A storm of refused alerts must not make the card look for room for each of them. */
const lookMs = 1000

export class Room {
  readonly #options: RoomOptions
  #making = false
  /** Records that were copied forward and are not on the disk yet. */
  #copies = 0
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /** Looks at the disk again, and copies forward when that wins room. Never rejects. */
  async make(): Promise<void> {
    if (this.#making) return
    this.#making = true
    const { journal, clock, log } = this.#options
    try {
      const now = clock.monotonic()
      if (now - this.#lookedAt >= lookMs) {
        this.#lookedAt = now
        await journal.measure()
      }
      const oldest = journal.worthCopying
      // Copies that a failing disk has not taken wait in memory; more of them would win nothing.
      if (oldest !== undefined && this.#copies === 0) await this.#copyForward(oldest)
    } catch (error) {
      log('error', 'journal: making room failed', { why: sentence(error) })
    } finally {
      this.#making = false
    }
  }

  async #copyForward(segment: number): Promise<void> {
    const { journal, waiting, frozen, isBeingTold } = this.#options
    for (const id of waiting.inSegment(segment)) {
      const state = waiting.get(id)
      const record = state && (await this.#read(state))
      // Somebody may have been told while it was read.
      const now = waiting.get(id)
      if (!record || now?.segment !== segment || isBeingTold(id)) continue
      this.#copy(record, (place) => this.#moved(id, now, place))
      for (const mark of marksOf(now)) journal.note({ type: recordTypes.outcome, flags: 0, id, body: Buffer.from(JSON.stringify(mark)) })
    }
    for (const [id, place] of frozen.inSegment(segment)) {
      const record = await this.#read(place)
      if (record && frozen.get(id) === place) this.#copy(record, (to) => frozen.move(id, place, to))
    }
    await journal.sync()
  }

  /** What cannot be read now keeps its segment, and no other letter. */
  #read(place: Place): Promise<JournalRecord | undefined> {
    return this.#options.journal.read(place).catch(() => undefined)
  }

  #copy(record: JournalRecord, moved: (to: Place) => void): void {
    this.#copies++
    this.#options.journal.note({ ...record, body: new Uint8Array(record.body) }, (to) => {
      this.#copies--
      moved(to)
    })
  }

  #moved(id: number, from: Place, to: Place): void {
    const { journal, waiting } = this.#options
    if (waiting.get(id)?.segment !== from.segment) return
    waiting.move(id, to)
    journal.pin(to)
    journal.unpin(from)
  }
}

/** What must be told again beside a record that was copied forward. */
function marksOf(state: LetterState): Mark[] {
  const settled = state.to.filter((_, index) => (state.pending & (1 << index)) === 0)
  return [
    ...(settled.length > 0 ? [{ kind: 'delivered' as const, to: settled, again: true as const }] : []),
    ...(state.attempts > 0 ? [{ kind: 'deferred' as const, attempts: state.attempts, why: '' }] : []),
    ...(state.held ? [{ kind: 'held' as const }] : []),
  ]
}
