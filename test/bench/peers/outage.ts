import { sleep } from '../../peers/process.ts'
import type { Account } from './account.ts'
import { now } from './alert.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/** (c) The link to the relay is away for a minute while alerts go on: what is sent is lost in silence. All peers at the same time. */
export type Outage = {
  account: Account
  /** From the return of the link until the last alert of the time before it was delivered; NaN when none came. */
  caughtUpSeconds: number
}

const perSecond = 5
const beforeSeconds = 10
const outageSeconds = 60
const afterSeconds = 10
const limitMs = 150_000
/** Long enough for whoever waits between two tries. */
const quietMs = 75_000

export async function measureOutage(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Outage>> {
  const stands: Stand[] = []
  try {
    for (const peer of peers) {
      const stand = await Stand.open(site, peer, 'c')
      stands.push(stand)
      await stand.begin()
    }
    const told = Promise.all(stands.map((stand) => stand.publishAll((beforeSeconds + outageSeconds + afterSeconds) * perSecond, perSecond)))
    await sleep(beforeSeconds * 1000)
    site.link.cut('far')
    await sleep(outageSeconds * 1000)
    site.link.heal()
    const back = now()
    await Promise.all(stands.map((stand) => stand.linkUp()))
    await told
    await Promise.all(stands.map((stand) => stand.drained(limitMs, quietMs)))
    const found = new Map<string, Outage>()
    for (const stand of stands) {
      const outage = { account: stand.account(), caughtUpSeconds: stand.caughtUp(back) / 1000 }
      found.set(stand.peer.id, outage)
      const { accepted, delivered, lost, again, passed } = outage.account
      say(
        `${stand.peer.id}: accepted ${accepted}, delivered ${delivered}, lost ${lost}, again ${again}, passed ${passed}, caught up ${outage.caughtUpSeconds.toFixed(1)} s after the link`,
      )
    }
    return found
  } finally {
    site.link.heal()
    for (const stand of stands) await stand.close()
  }
}
