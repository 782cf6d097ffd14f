import { mkdirSync } from 'node:fs'
import { run, sleep } from '../../peers/process.ts'
import { SimRandom } from '../../sim/world/random.ts'
import type { Account } from './account.ts'
import { LoggedDisk } from './logged-disk.ts'
import type { Peer } from './peer.ts'
import type { Site } from './site.ts'
import { Stand } from './stand.ts'

/**
 * (e) The power of the box goes away three times while alerts come and the relay is slow to answer: every process is killed, and of the disk there is
 * what had been flushed and a random part of the rest. Broker and relay are elsewhere and go on.
 */
export type PowerCuts = { account: Account; cuts: number }

const count = 150
const perSecond = 10
const cutAfterMs = [4000, 4000, 4000]
/** It takes fewer letters than come, so that something waits at each cut. */
const thinkMs = 400
const limitMs = 90_000
const quietMs = 20_000
const seed = 7

export async function measurePowerCuts(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, PowerCuts>> {
  const found = new Map<string, PowerCuts>()
  const program = LoggedDisk.compile(site.dir)
  site.relay.slow(thinkMs)
  let under = peers.length
  const afterCuts = () => {
    if (--under === 0) site.relay.slow(0)
  }
  try {
    const one = async (peer: Peer) => {
      const cuts = await cutOff(site, peer, program, afterCuts)
      found.set(peer.id, cuts)
      const { accepted, delivered, lost, again, passed } = cuts.account
      say(
        `${peer.id}: cut off ${cuts.cuts} times: accepted ${accepted}, delivered ${delivered}, lost ${lost}, again ${again}, passed ${passed}`,
      )
    }
    const ended = await Promise.allSettled(peers.map(one))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    return found
  } finally {
    site.relay.slow(0)
  }
}

/** `afterCuts`: is told when there will be no further cut of this peer. */
async function cutOff(site: Site, peer: Peer, program: string, afterCuts: () => void): Promise<PowerCuts> {
  const dir = `${site.dir}/e-${peer.id}`
  mkdirSync(dir)
  const disk = new LoggedDisk(dir, program)
  const random = new SimRandom(seed)
  let stand: Stand | undefined
  try {
    await disk.make()
    stand = await Stand.open(site, peer, 'e', { dir: disk.path })
    await stand.begin()
    // It was installed long ago.
    await sleep(1000)
    run('sync', ['-f', disk.path])
    const told = stand.publishAll(count, perSecond)
    for (const ms of cutAfterMs) {
      await sleep(ms)
      await stand.kill()
      await disk.cut(random)
      await stand.begin()
      await stand.linkUp()
    }
    await told
    afterCuts()
    await stand.drained(limitMs, quietMs)
    return { account: stand.account(), cuts: cutAfterMs.length }
  } finally {
    await stand?.close()
    await disk.unmount()
  }
}
