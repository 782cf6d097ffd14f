import type { Stamp } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'

/** A stamp on this boot's monotonic scale, in ms. An earlier boot is reckoned by the wall clock where that went forward, else as just now. */
export function momentOf(stamp: Stamp, clock: Clock): number {
  if (stamp.boot === clock.boot) return stamp.mono
  return clock.monotonic() - Math.max(0, clock.wall() - stamp.wall)
}
