import { existsSync } from 'node:fs'
import { Namespace } from '../../peers/namespace.ts'
import { sleep } from '../../peers/process.ts'
import { ThinLink } from '../link/line.ts'
import type { Peer } from './peer.ts'
import { Relay } from './relay.ts'
import { relayPort, type Site } from './site.ts'
import { Stand } from './stand.ts'

/** (g) Fifty alerts at once over a link of 600 ms and 64 kbit/s. Each peer has such a link of its own to the same relay; all at the same time. */
export type Thin = {
  /** Seconds until the first and the last was delivered; the last NaN when not all came in time. */
  first: number
  all: number
  delivered: number
  upPerLetter: number
  downPerLetter: number
  turns: number
  connections: number
}

const terms = { delayMs: 300, rate: 64_000, loss: 0 }
const count = 50
const limitMs = 110_000
const settleMs = 1500

/** 198.18.0.0/15 is for benchmarks of networks (RFC 2544). */
export const thinSubnet = (number: number): string => `198.18.${100 + number}`

/** Addresses by which the relay is known on these links. */
export const thinAddresses = (peers: number): string[] => Array.from({ length: peers }, (_, number) => `${thinSubnet(number)}.2`)

export async function measureThin(site: Site, peers: readonly Peer[], say: (text: string) => void): Promise<Map<string, Thin>> {
  const far = new Namespace(`outpost-peers-${process.pid}`)
  const undo: (() => unknown)[] = [() => far.remove()]
  try {
    const program = ThinLink.compile(site.dir)
    const links: ThinLink[] = []
    for (const number of peers.keys()) {
      const link = await ThinLink.lay(program, `op${process.pid % 10_000}${number}`, thinSubnet(number), undefined, far)
      undo.push(() => link.remove())
      links.push(link)
    }
    const relay = await Relay.start({ host: '0.0.0.0', port: relayPort, ...site.tls }, (command, args) => [
      'nsenter',
      [`--net=/run/netns/${far.name}`, '--', command, ...args],
    ])
    undo.push(() => relay.stop())
    const found = new Map<string, Thin>()
    const one = async (peer: Peer, number: number) => {
      const link = links[number]
      if (!link) return
      const thin = await over(site, peer, relay, `${thinSubnet(number)}.2`, link)
      found.set(peer.id, thin)
      say(
        `${peer.id}: ${thin.first.toFixed(1)} / ${thin.all.toFixed(1)} s (${thin.delivered} of ${count}), ${thin.turns} turns, ${thin.connections} connections, ${thin.upPerLetter.toFixed(0)} / ${thin.downPerLetter.toFixed(0)} octets a letter`,
      )
    }
    const ended = await Promise.allSettled(peers.map(one))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    return found
  } finally {
    for (let step = undo.pop(); step; step = undo.pop()) await step()
  }
}

async function over(site: Site, peer: Peer, relay: Relay, host: string, link: ThinLink): Promise<Thin> {
  await link.set(terms)
  const stand = await Stand.open(site, peer, 'g', { relay, host })
  try {
    await stand.begin()
    // Whoever learns from a letter how the relay is has sent one before.
    stand.publish()
    await stand.drained(30_000, 30_000)
    await link.quiet(2 * terms.delayMs + 2500)
    await sleep(settleMs)
    await link.reset()
    const ahead = stand.published.size
    await stand.publishAll(count, 0)
    const came = await stand.drained(limitMs, limitMs)
    const { up, down, turns } = await link.report()
    const waits = stand.latencies().slice(ahead)
    const delivered = waits.length
    return {
      first: Math.min(...waits) / 1000,
      all: came ? Math.max(...waits) / 1000 : Number.NaN,
      delivered,
      upPerLetter: up.payload / delivered,
      downPerLetter: down.payload / delivered,
      turns: Math.max(0, ...turns),
      connections: turns.length,
    }
  } finally {
    await stand.close()
  }
}

/** TUN devices are how the link is laid. */
export const noThinLinks = (): string | undefined => (existsSync('/dev/net/tun') ? undefined : 'there is no /dev/net/tun')
