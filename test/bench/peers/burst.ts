import { sleep } from '../../peers/process.ts'
import type { Account } from './account.ts'
import { type Cost, costOf } from './group.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (b) A thousand alerts at once; and what they cost (f). */
export type Burst = {
  acceptedSeconds: number
  deliveredSeconds: number
  account: Account
  /** CPU of the peer for all of them, and the most memory that it had. */
  cpuSeconds: number
  rss: number
  pss: number
}

const count = 1000
const limitMs = 90_000
const lookMs = 150

export async function measureBurst(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Burst>> {
  const found = new Map<string, Burst>()
  for (const peer of peers) {
    const burst = await burstOf(site, peer)
    found.set(peer.id, burst)
    const { acceptedSeconds, deliveredSeconds, cpuSeconds, account } = burst
    say(
      `${peer.id}: accepted in ${acceptedSeconds.toFixed(2)} s, delivered in ${deliveredSeconds.toFixed(2)} s (${account.delivered} of ${count}), CPU ${cpuSeconds.toFixed(2)} s`,
    )
  }
  return found
}

async function burstOf(site: Site, peer: Peer): Promise<Burst> {
  const stand = await Stand.open(site, peer, 'b')
  try {
    await stand.begin()
    await sleep(2000)
    const before = costOf(stand.pids())
    const most = { ...before }
    const look = setInterval(() => raise(most, costOf(stand.pids())), lookMs)
    await stand.publishAll(count, 0)
    await stand.drained(limitMs)
    clearInterval(look)
    const after = costOf(stand.pids())
    raise(most, after)
    const spans = stand.spans()
    return {
      acceptedSeconds: spans.accepted / 1000,
      deliveredSeconds: spans.delivered / 1000,
      account: stand.account(),
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      rss: most.rss,
      pss: most.pss,
    }
  } finally {
    await stand.close()
  }
}

function raise(most: Cost, seen: Cost): void {
  most.rss = Math.max(most.rss, seen.rss)
  most.pss = Math.max(most.pss, seen.pss)
}
