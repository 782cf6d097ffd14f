import { sleep } from '../../peers/process.ts'
import { quantile } from './account.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (a) From the sensor to the relay's 250: one alert a second, and fifty. */
export type Waits = { p50: number; p99: number; delivered: number; published: number }
export type Latency = { one: Waits; fifty: Waits }

const one = { perSecond: 1, seconds: 60 }
const fifty = { perSecond: 50, seconds: 12 }
const limitMs = 60_000

const waitsOf = (stand: Stand): Waits => {
  const waits = stand.latencies().slice(1)
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), delivered: waits.length, published: stand.published.size - 1 }
}

/** Each has brought one alert before: what the first one costs stands with the start. */
async function warm(stand: Stand): Promise<void> {
  await stand.begin()
  stand.publish()
  await stand.drained(limitMs)
  await sleep(1000)
}

/** One a second of each peer at the same time, each in its own part of the second: none of them works while another one does. */
async function oneASecond(site: Site, peers: readonly Peer[]): Promise<Map<string, Waits>> {
  const stands: Stand[] = []
  try {
    for (const peer of peers) {
      const stand = await Stand.open(site, peer, 'a1')
      stands.push(stand)
      await warm(stand)
    }
    await sleep(2000)
    const turn = async (stand: Stand, index: number) => {
      await sleep((index * 1000) / stands.length)
      await stand.publishAll(one.seconds * one.perSecond, one.perSecond)
      await stand.drained(limitMs)
    }
    await Promise.all(stands.map(turn))
    return new Map(stands.map((stand) => [stand.peer.id, waitsOf(stand)]))
  } finally {
    for (const stand of stands) await stand.close()
  }
}

async function fiftyASecond(site: Site, peer: Peer): Promise<Waits> {
  const stand = await Stand.open(site, peer, 'a50')
  try {
    await warm(stand)
    await stand.publishAll(fifty.seconds * fifty.perSecond, fifty.perSecond)
    await stand.drained(limitMs)
    return waitsOf(stand)
  } finally {
    await stand.close()
  }
}

export async function measureLatency(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Latency>> {
  const slow = await oneASecond(site, peers)
  const found = new Map<string, Latency>()
  for (const peer of peers) {
    const rare = slow.get(peer.id)
    if (!rare) continue
    const result = { one: rare, fifty: await fiftyASecond(site, peer) }
    found.set(peer.id, result)
    const words = ({ p50, p99, delivered, published }: Waits) => `${p50.toFixed(1)} / ${p99.toFixed(1)} ms (${delivered} of ${published})`
    say(`${peer.id}: 1/s ${words(result.one)}, 50/s ${words(result.fifty)}`)
  }
  return found
}
