import type { Account } from './account.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (d) kill -9 of everything that belongs to the peer, three times in a burst, each time begun again at once. */
export type Kills = { account: Account; kills: number }

const count = 1000
const killAt = [200, 400, 600]
const limitMs = 120_000
/** Who delivers nothing for so long has nothing left. */
const stallMs = 15_000

export async function measureKills(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Kills>> {
  const found = new Map<string, Kills>()
  const one = async (peer: Peer) => {
    const kills = await killed(site, peer)
    found.set(peer.id, kills)
    const { accepted, delivered, lost, again, passed } = kills.account
    say(
      `${peer.id}: killed ${kills.kills} times: accepted ${accepted}, delivered ${delivered}, lost ${lost}, again ${again}, passed ${passed}`,
    )
  }
  for (const peer of peers) await one(peer)
  return found
}

async function killed(site: Site, peer: Peer): Promise<Kills> {
  const stand = await Stand.open(site, peer, 'd')
  let kills = 0
  let stalled = false
  try {
    await stand.begin()
    await stand.publishAll(count, 0)
    for (const threshold of killAt) {
      stalled = !(await reached(stand, threshold))
      if (stalled) break
      await stand.kill()
      kills++
      await stand.begin()
      await stand.linkUp()
    }
    await stand.drained(limitMs, stalled ? 1000 : undefined)
    return { account: stand.account(), kills }
  } finally {
    await stand.close()
  }
}

/** As soon as so many were delivered; false when nothing comes any more. */
function reached(stand: Stand, threshold: number): Promise<boolean> {
  return new Promise((resolve) => {
    let late: NodeJS.Timeout | undefined
    const end = (so: boolean) => {
      clearTimeout(late)
      stand.onLetter(() => {})
      resolve(so)
    }
    const look = () => {
      clearTimeout(late)
      if (stand.deliveredCount >= threshold) return end(true)
      late = setTimeout(() => end(false), stallMs)
    }
    stand.onLetter(look)
    look()
  })
}
