import type { Stamp } from '../alert/stamp.ts'
import type { Clock } from '../ports/clock.ts'

/**
 * A stamp on this boot's monotonic scale, in ms. An earlier boot is reckoned by the wall clock where both boots had it set and it went forward; else as the
 * beginning of this boot: nothing expires because a clock was wrong. Where the system does not say whether it is set, no time before this software was built
 * (`builtAt`, ms) is believed.
 */
export function momentOf(stamp: Stamp, clock: Clock, builtAt = 0): number {
  if (stamp.boot === clock.boot) return stamp.mono
  const isSet = (synchronised: Stamp['synchronised'], wall: number) =>
    synchronised === 'yes' || (synchronised === 'unknown' && wall >= builtAt)
  if (!isSet(stamp.synchronised, stamp.wall) || !isSet(clock.synchronised(), clock.wall())) return 0
  return clock.monotonic() - Math.max(0, clock.wall() - stamp.wall)
}
