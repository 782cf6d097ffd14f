import type { Burst } from './burst.ts'
import type { Footprint } from './footprint.ts'
import type { Kills } from './kills.ts'
import type { Latency } from './latency.ts'
import type { Outage } from './outage.ts'
import type { Install } from './peer.ts'
import type { PowerCuts } from './powercut.ts'
import type { Thin } from './thin.ts'
import type { Wear } from './wear.ts'

/** What was measured, by peer; what was not tried is not there. */
export type Results = {
  latency?: Map<string, Latency>
  burst?: Map<string, Burst>
  outage?: Map<string, Outage>
  kills?: Map<string, Kills>
  powerCuts?: Map<string, PowerCuts>
  footprint?: Map<string, Footprint>
  thin?: Map<string, Thin>
  wear?: Map<string, Wear>
  size?: Map<string, Install>
}
