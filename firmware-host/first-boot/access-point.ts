/**
 * Access point: whether the set-up access point is open. It is gone after the claim, unless the box could be reached by nothing else then: there is no log-in, and nobody could tell it of a network any more but
 * with its card in hand. Pure.
 */
export type Seen = {
  /** Since this boot. */
  upMs: number
  /** Undefined: nobody has claimed it. Infinity: it was claimed before this boot. */
  claimedForMs: number | undefined
  /** The provisioning file named a Wi-Fi. The radio is for that then, whether it is within reach or not. */
  wifi: boolean
  /** An Ethernet socket has a carrier. */
  cable: boolean
}

/** Whoever claimed by the access point hears the answer, and comes through the first steps of the page. */
export const graceMs = 10 * 60_000
/** Sockets and switches take seconds until there is a carrier. A box that was claimed long ago shows no Wi-Fi at each start before that. */
export const settleMs = 60_000

export function isWanted({ upMs, claimedForMs, wifi, cable }: Seen): boolean {
  if (wifi) return false
  if (claimedForMs === undefined || claimedForMs < graceMs) return true
  return !cable && upMs >= settleMs
}
