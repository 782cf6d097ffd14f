import type { Reading } from '../alert/alert.ts'
import { stampNow } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Offer } from '../queue/offer.ts'
import type { Queue } from '../queue/queue.ts'
import type { Judged, Verdict } from '../rules/decide.ts'
import { defaultSeverity } from '../rules/match.ts'
import type { Trails } from '../rules/trail.ts'
import type { Heard, Taken } from '../source/source.ts'
import { ownSource } from './backlog.ts'

/**
 * Registrar: from an alert that was understood into the journal, with what the rules decide of it. What it answers is what the wire is told: `accepted` only
 * after the alert is on the disk.
 */
export type RegistrarOptions = {
  clock: Clock
  log: Log
  queue: Queue
  trails: Trails
  decide(alert: Judged): Verdict
  /** A new letter waits. */
  onAccepted(id: number): void
  /** How things stand has changed: something is kept, raised or over. */
  onChanged(): void
}

/** Where an alert came from, beside what it says. */
export type Origin = Pick<Heard, 'source' | 'topic' | 'transmission' | 'fleeting' | 'dup' | 'passing' | 'heardAt' | 'stored'> & {
  raw?: Uint8Array
}

export class Registrar {
  readonly #options: RegistrarOptions
  /** The newest of each source that is on its way to the disk. */
  readonly #settling = new Map<string, Promise<Taken>>()
  /** By source: when a refusal was last logged, and how many came since. */
  readonly #refusals = new Map<string, { at: number; since: number }>()

  constructor(options: RegistrarOptions) {
    this.#options = options
  }

  async offer(reading: Reading, origin: Origin): Promise<Taken> {
    const { source, topic, transmission, fleeting, raw, passing, stored } = origin
    const alert = {
      ...reading,
      source,
      severity: reading.severity ?? defaultSeverity,
      state: reading.state ?? ('event' as const),
      ...(topic === undefined ? {} : { topic }),
      ...(transmission === undefined ? {} : { transmission }),
      ...(fleeting ? { fleeting } : {}),
      ...(raw ? { raw: Buffer.from(raw).toString('base64') } : {}),
    }
    // One that was kept since says when it was heard.
    const stamp = origin.heardAt ?? { ...stampNow(this.#options.clock), ...(stored ? { stored } : {}) }
    // Whoever wrote the mail has said who is told.
    if (passing) return this.accept({ ...alert, to: [...passing.to], enclosed: passing.enclosed, stamp }, origin.dup === true)
    const trail = this.#options.trails.add(alert, stamp.mono)
    for (;;) {
      const verdict = this.#options.decide(alert)
      if (verdict.kind === 'record') {
        const { kind: _, ...decision } = verdict
        return this.accept({ ...alert, ...decision, stamp, ...(trail ? { trail } : {}) }, origin.dup === true)
      }
      const before = this.#settling.get(source)
      if (!before) return { kind: 'ignored', why: verdict.why }
      // It tells nothing new only if what is known gets onto the disk; should that be refused, this is the one that counts.
      await before
    }
  }

  /** What the box has to say to these people; to whom the rules name when there are none. */
  report(reading: Reading, to: readonly string[]): Promise<Taken> {
    if (to.length === 0) return this.offer(reading, { source: ownSource })
    const { severity = defaultSeverity, state = 'event' } = reading
    return this.accept({ ...reading, source: ownSource, severity, state, to: [...to], stamp: stampNow(this.#options.clock) })
  }

  /** An alert that is already addressed. */
  accept(offer: Offer, repeat = false): Promise<Taken> {
    const accepting = this.#accept(offer, repeat).finally(() => {
      if (this.#settling.get(offer.source) === accepting) this.#settling.delete(offer.source)
    })
    this.#settling.set(offer.source, accepting)
    return accepting
  }

  async #accept(offer: Offer, repeat: boolean): Promise<Taken> {
    const { queue, onAccepted, onChanged } = this.#options
    const accepted = await queue.accept(offer, repeat)
    if (accepted.kind === 'refused') {
      this.#refused(offer.source, accepted.why)
      return accepted
    }
    this.#refusals.delete(offer.source)
    if (!accepted.repeated && !offer.kept) onAccepted(accepted.id)
    if (!accepted.repeated && (offer.kept || offer.state !== 'event')) onChanged()
    return { kind: 'accepted', id: String(accepted.id), number: accepted.number, repeated: accepted.repeated }
  }

  /** What was refused is offered again every second, for days when the link is away for days: a line a minute tells it. */
  #refused(source: string, why: string): void {
    const { clock, log } = this.#options
    const now = clock.monotonic()
    const last = this.#refusals.get(source)
    if (last && now - last.at < refusalEveryMs) {
      last.since++
      return
    }
    log('warning', 'an alert was refused', { source, why, ...(last?.since ? { refusedSince: last.since } : {}) })
    this.#refusals.set(source, { at: now, since: 0 })
  }
}

const refusalEveryMs = 60_000
