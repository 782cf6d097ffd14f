import type { Enclosed } from '../alert/alert.ts'
import type { Stamp, Stored } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { Ahead, Ordered } from './ahead.ts'
import type { Remains } from './remains.ts'

/** One frame or message, as it was heard. */
export type Heard = {
  source: string
  bytes: Uint8Array
  /** MQTT topic, already known to be valid UTF-8 without control characters. */
  topic?: string
  /**
   * Names this very transmission, where the wire can repeat one (MQTT DUP with the same packet identifier and content): the journal
   * recognises it for a day. An id inside the alert is stronger and is looked at first.
   */
  transmission?: string
  /** The wire uses that name again soon, also for the same content: it is recognised for minutes only. */
  fleeting?: boolean
  /** The wire says that this transmission is a repeat (MQTT DUP). */
  dup?: boolean
  retained?: boolean
  /** A mail to be passed on as it is, to whom it names; `bytes` are its first octets. */
  passing?: { enclosed: Enclosed; to: readonly string[] }
  /** What was refused for now of the same source, and comes before this one when it is taken at last. */
  behind?: Ahead
  /** When it was heard. The device says it once: when it is refused for now its source keeps it, and offers it again. */
  heardAt?: Stamp
  /** A broker had stored it before it was heard. */
  stored?: Stored
  /** Of all that it says only the alerts at these places are still to be taken. */
  places?: readonly number[]
}

/** An alert that was understood of octets and refused for now. Those that are kept are understood once: a decoder may remember what came before them. `place`: in its frame. */
export type Held = Ordered & { place: number; offer(): Promise<Taken> }

/** The gateway's answer. Only `accepted` and `ignored` may be acknowledged on the wire; `accepted` means durable. */
export type Taken = (
  | { kind: 'accepted'; id: string; number: number; repeated: boolean }
  /** Heard, nothing to tell anybody (a heartbeat, an empty frame, a cleared topic). */
  | { kind: 'ignored'; why: string }
  /** Not accepted, or not all of it; `held`: what is still to be taken of it. `again`: the same bytes may be accepted later (disk full); otherwise they never will be (not decodable). */
  | { kind: 'refused'; why: string; hint: string; again: boolean; held?: readonly Held[] }
) & {
  /** What the format of these bytes asks to be said back. */
  answer?: Uint8Array
}

export type Take = (heard: Heard) => Promise<Taken>

/** What the page and the log show of a source. */
export type SourceState = {
  id: string
  kind: string
  state: 'up' | 'down' | 'starting' | 'stopped'
  why?: string
  heard: number
  overruns: number
}

/** Everything a source may use of the world beside its own port. */
export type SourceTools = { clock: Clock; random: Random; log: Log; take: Take; remains?: Remains }

/** Listens until stopped; comes back by itself after every loss. `start` never waits for the wire and never throws. */
export interface Source {
  readonly id: string
  /** Its device says everything once: what comes while nobody listens is lost. It is stopped last. */
  readonly saysOnce?: boolean
  start(): void
  /** No more bytes are taken when this resolves; what was taken is acknowledged if it became durable within 2 s. */
  stop(): Promise<void>
  state(): SourceState
}
