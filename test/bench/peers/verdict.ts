import type { Peer } from './peer.ts'
import type { Results } from './results.ts'

/** Where Outpost stands against those that keep alerts anywhere but in memory, figure by figure; smaller is better in all of them. */
export type Comparison = { measure: string; what: string; peer: Peer; own: number; other: number; ahead: boolean }

type Figure = { measure: string; what: string; of(results: Results, peer: string): number | undefined; only?: (peer: Peer) => boolean }

const figures: readonly Figure[] = [
  { measure: 'a', what: 'p50 at 1/s (ms)', of: ({ latency }, peer) => latency?.get(peer)?.one.p50 },
  { measure: 'a', what: 'p99 at 1/s (ms)', of: ({ latency }, peer) => latency?.get(peer)?.one.p99 },
  { measure: 'a', what: 'p50 at 50/s (ms)', of: ({ latency }, peer) => latency?.get(peer)?.fifty.p50 },
  { measure: 'a', what: 'p99 at 50/s (ms)', of: ({ latency }, peer) => latency?.get(peer)?.fifty.p99 },
  // Where PUBACK says nothing of a disk or a relay, it is no achievement to be quick with it.
  {
    measure: 'b',
    what: 'all accepted (s)',
    of: ({ burst }, peer) => burst?.get(peer)?.acceptedSeconds,
    only: ({ keeps }) => keeps === 'at the broker',
  },
  { measure: 'b', what: 'all delivered (s)', of: ({ burst }, peer) => burst?.get(peer)?.deliveredSeconds },
  { measure: 'g', what: 'first delivered (s)', of: ({ thin }, peer) => thin?.get(peer)?.first },
  { measure: 'g', what: 'all delivered (s)', of: ({ thin }, peer) => unlimited(thin?.get(peer)?.all) },
  { measure: 'g', what: 'octets up a letter', of: ({ thin }, peer) => thin?.get(peer)?.upPerLetter },
  { measure: 'g', what: 'octets down a letter', of: ({ thin }, peer) => thin?.get(peer)?.downPerLetter },
  { measure: 'h', what: 'octets at the block device', of: ({ wear }, peer) => wear?.get(peer)?.octets, only: onDisk },
  { measure: 'h', what: 'flushes', of: ({ wear }, peer) => wear?.get(peer)?.flushes, only: onDisk },
]

function onDisk({ keeps }: Peer): boolean {
  return keeps === 'on the disk' || keeps === 'on the disk, not synced'
}

/** What never came took for ever. */
const unlimited = (seconds: number | undefined): number | undefined => (Number.isNaN(seconds) ? Number.POSITIVE_INFINITY : seconds)

export function comparisons(results: Results, peers: readonly Peer[]): Comparison[] {
  return figures.flatMap(({ measure, what, of, only = () => true }) => {
    const own = of(results, 'outpost')
    if (own === undefined) return []
    return peers
      .filter((peer) => peer.id !== 'outpost' && peer.keeps !== 'in memory' && only(peer))
      .flatMap((peer) => {
        const other = of(results, peer.id)
        return other === undefined ? [] : [{ measure, what, peer, own, other, ahead: own <= other }]
      })
  })
}

/** What was found out where Outpost is behind: by measure, words of the figure and peer. */
const reasons: readonly { measure: string; what?: RegExp; peer: string; why: string }[] = [
  {
    measure: 'a',
    peer: 'nodemailer-after',
    why: 'its connection stays open between letters, and nothing is written to a disk; Outpost connects for each flight, and syncs first',
  },
  {
    measure: 'a',
    what: /^p99 at 1\/s/,
    peer: 'postfix',
    why: 'the 99th of 60 is the slowest one, and which of the two had that differs from run to run',
  },
  {
    measure: 'b',
    peer: 'nodemailer-after',
    why: 'its connection stays open between letters, and nothing is written to a disk',
  },
  { measure: 'g', what: /first/, peer: 'nodemailer-after', why: 'its connection was open already' },
  {
    measure: 'g',
    what: /octets/,
    peer: 'nodemailer-after',
    why: 'its connection was open already, and its letter tells neither number nor time',
  },
  {
    measure: 'h',
    peer: 'msmtp',
    why: 'it never syncs: what leaves at once is deleted before the kernel writes it, and what waits is lost with the power',
  },
]

export const reasonOf = ({ measure, what, peer }: Comparison): string =>
  reasons.find((one) => one.measure === measure && one.peer === peer.id && (one.what?.test(what) ?? true))?.why ??
  'not looked into; other programs may have used the machine'

/** How many accepted alerts a peer lost in (c), (d) and (e); undefined when none of them was tried. */
export function lostBy({ outage, kills, powerCuts }: Results, peer: string): number | undefined {
  const lost = [outage, kills, powerCuts].flatMap((measure) => measure?.get(peer)?.account.lost ?? [])
  return lost.length === 0 ? undefined : lost.reduce((sum, one) => sum + one, 0)
}
