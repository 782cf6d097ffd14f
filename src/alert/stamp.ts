import type { Clock, Instant, Monotonic } from '../ports/clock.ts'

/**
 * When something happened, as far as the device can tell: the wall clock and what it is worth, the time since boot, and which boot.
 * `synchronised` is 'no' when the system said that its clock was not set in this boot.
 */
export type Stamp = { wall: Instant; mono: Monotonic; boot: string; synchronised: 'yes' | 'no' | 'unknown' }

export const stampNow = (clock: Clock): Stamp => ({
  wall: clock.wall(),
  mono: clock.monotonic(),
  boot: clock.boot,
  synchronised: clock.synchronised(),
})
