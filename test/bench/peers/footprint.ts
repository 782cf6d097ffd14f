import { sleep } from '../../peers/process.ts'
import { quantile } from './account.ts'
import { costOf } from './group.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (f) Start to ready, and what it takes to wait for an alert. */
export type Footprint = {
  readyMs: number
  /** From the sensor to the relay, of the first alert after the start. */
  firstMs: number
  rss: number
  pss: number
  idleCpuPercent: number
}

const starts = 3
const settleMs = 10_000
const idleMs = 5000
const firstLimitMs = 10_000

export async function measureFootprint(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Footprint>> {
  const found = new Map<string, Footprint>()
  for (const peer of peers) {
    const footprint = await footprintOf(site, peer)
    found.set(peer.id, footprint)
    const { readyMs, firstMs, rss, pss, idleCpuPercent } = footprint
    say(
      `${peer.id}: ready in ${readyMs.toFixed(0)} ms, first alert ${firstMs.toFixed(0)} ms, ${mib(rss)} RSS, ${mib(pss)} PSS, ${idleCpuPercent.toFixed(2)} % CPU`,
    )
  }
  return found
}

const mib = (octets: number): string => `${(octets / 1048576).toFixed(1)} MiB`

async function footprintOf(site: Site, peer: Peer): Promise<Footprint> {
  const stand = await Stand.open(site, peer, 'f')
  const ready: number[] = []
  try {
    // The first start makes what later ones find.
    await stand.begin()
    for (let i = 0; i < starts; i++) {
      await stand.kill()
      ready.push(await stand.begin())
      await sleep(1000)
      stand.publish()
      await stand.drained(firstLimitMs)
    }
    await sleep(settleMs)
    const before = costOf(stand.pids())
    await sleep(idleMs)
    const { rss, pss, cpuSeconds } = costOf(stand.pids())
    return {
      readyMs: quantile(ready, 0.5),
      firstMs: quantile(stand.latencies(), 0.5),
      rss,
      pss,
      idleCpuPercent: ((cpuSeconds - before.cpuSeconds) / (idleMs / 1000)) * 100,
    }
  } finally {
    await stand.close()
  }
}
