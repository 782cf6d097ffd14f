import type { Alert } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import type { KnownTime } from '../alert/when.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../queue/queue.ts'
import { fitted, type Room } from './fitted.ts'
import { toldOf } from './told.ts'

/**
 * Backlog: when the way opens after an outage, what waited for the same people becomes one digest, which leaves first. The digest is an alert of
 * the box itself; its record in the journal takes the place of those it tells, so that a power cut leaves either them or it.
 */
export type BacklogOptions = {
  clock: Clock
  log: Log
  queue: Queue
  room: Room
  /** From so many letters on; 0 never. */
  from: number
  known(): KnownTime
  /** What this letter raised is known to be over, though its end may be kept or told already. */
  hasEnded(id: number): boolean
  /** Of a recipient as the alert names it: one of this box. */
  isLocal(ref: string): boolean
  onAccepted(id: number): void
}

/** Whose alerts digests are. */
export const ownSource = 'outpost'

/** A relay that was away for a moment is no outage. */
const outageMs = 120_000
/** Letters of one digest; a longer backlog is told by several. */
const mostCovered = 2000
/** A lane of its own: nobody else picks what is being gathered. */
const gathering = 255

export class Backlog {
  readonly #options: BacklogOptions

  constructor(options: BacklogOptions) {
    this.#options = options
  }

  /** Makes digests of what waited long enough and was never in the air. Called when a relay has answered, before the first letter. */
  async gather(): Promise<void> {
    const { queue, clock, from } = this.#options
    if (from === 0) return
    const now = clock.monotonic()
    const groups = Map.groupBy(this.#candidates(now), (id) => this.#pending(id).join('\n'))
    for (const ids of groups.values()) {
      const oldest = queue.waiting.get(ids[0] ?? 0)
      if (ids.length < from || !oldest || now - oldest.accepted < outageMs) continue
      for (let at = 0; ids.length - at >= from; at += mostCovered) await this.#tell(ids.slice(at, at + mostCovered))
    }
  }

  /** What somebody on the box is still to read is on its way to the mailbox, and told there on its own. */
  #candidates(now: number): number[] {
    const { queue, isLocal } = this.#options
    return queue.waiting
      .leaving(now, Number.MAX_SAFE_INTEGER, { merging: true })
      .flatMap(({ id, behind }) => (behind ? [] : [id]))
      .filter((id) => queue.isGrounded(id) && !queue.isFrozen(id) && !queue.isEnclosing(id) && !this.#pending(id).some(isLocal))
      .sort((a, b) => a - b)
  }

  #pending(id: number): string[] {
    return this.#options.queue.waiting.pendingOf(id)
  }

  async #tell(ids: readonly number[]): Promise<void> {
    const { queue, clock, room, log, known, hasEnded, onAccepted } = this.#options
    for (const id of ids) queue.waiting.away(id, true, gathering)
    try {
      const alerts: [id: number, alert: Alert][] = []
      for (const id of ids) {
        // What cannot be read now goes by itself when it can.
        const stored = await queue.read(id).catch(() => undefined)
        if (stored && stored.alert.source !== ownSource) alerts.push([id, stored.alert])
      }
      // From here to its record nothing is waited for: what ends until then is over, and what ends behind it is told behind it.
      const told = alerts.map(([id, alert]) => toldOf(id, alert, clock, known(), hasEnded(id)))
      if (told.length < 2) return
      const to = this.#pending(ids[0] ?? 0)
      if (to.length === 0) return
      const stamp = stampNow(clock)
      const { offer, digest } = fitted(told, room, undefined, (one) => ({ source: ownSource, state: 'event', to, stamp, ...one }))
      if (digest.covers.length < 2) return
      const accepted = await queue.accept(offer)
      if (accepted.kind === 'refused') {
        log('warning', 'backlog: no digest, the letters go one by one', { why: accepted.why })
        return
      }
      log('info', 'backlog: merged into a digest', { id: accepted.id, merged: digest.covers.length })
      onAccepted(accepted.id)
    } finally {
      for (const id of ids) queue.waiting.away(id, false)
    }
  }
}
