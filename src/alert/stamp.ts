import type { Clock, Instant, Monotonic } from '../ports/clock.ts'

/**
 * When something was heard, as far as the device can tell: the wall clock and what it is worth, the time since boot, and which boot.
 * `synchronised` is 'no' when the system said that its clock was not set in this boot.
 */
export type Stamp = { wall: Instant; mono: Monotonic; boot: string; synchronised: 'yes' | 'no' | 'unknown'; stored?: Stored }

/**
 * It happened before it was heard: a broker had stored it (MQTT 5 section 4.1), and nothing on the wire says for how long. `since`: the last moment at which it had nothing for us; missing
 * when nobody knows.
 */
export type Stored = { since?: Stamp }

export const stampNow = (clock: Clock): Stamp => ({
  wall: clock.wall(),
  mono: clock.monotonic(),
  boot: clock.boot,
  synchronised: clock.synchronised(),
})
