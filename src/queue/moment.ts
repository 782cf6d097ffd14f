import type { Stamp } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'

/**
 * A stamp on this boot's monotonic scale, in ms. An earlier boot is reckoned by the wall clock where both boots had it set and it went forward; else as the
 * beginning of this boot: nothing expires because a clock was wrong.
 */
export function momentOf(stamp: Stamp, clock: Clock): number {
  if (stamp.boot === clock.boot) return stamp.mono
  if (stamp.synchronised === 'no' || clock.synchronised() === 'no') return 0
  return clock.monotonic() - Math.max(0, clock.wall() - stamp.wall)
}
