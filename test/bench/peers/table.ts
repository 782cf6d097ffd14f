import type { Account } from './account.ts'
import type { Waits } from './latency.ts'
import type { Peer } from './peer.ts'
import type { Results } from './results.ts'
import { comparisons, lostBy, reasonOf } from './verdict.ts'

/** The figures of one run as Markdown; in brackets how many times the figure is that of Outpost. */
export function tables(results: Results, peers: readonly Peer[]): string {
  return [
    speed(results, peers),
    losses(results, peers),
    costs(results, peers),
    thinLink(results, peers),
    setUps(peers),
    verdict(results, peers),
  ]
    .filter((table) => table !== '')
    .join('\n\n')
}

type Column = { head: string; cell(peer: Peer): string }

function rows(peers: readonly Peer[], columns: readonly Column[]): string {
  const body = peers.map((peer) => [peer.title, ...columns.map(({ cell }) => cell(peer))])
  return grid(['', ...columns.map(({ head }) => head)], body)
}

const grid = (head: readonly string[], body: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** A figure with its ratio to Outpost's. */
function rated(value: number | undefined, own: number | undefined, say: (value: number) => string): string {
  if (value === undefined) return ''
  if (!Number.isFinite(value)) return 'never'
  return own === undefined || own === value || !(own > 0) ? say(value) : `${say(value)} (${ratio(value / own)})`
}

const ratio = (value: number): string => `×${value < 10 ? value.toFixed(2) : value.toFixed(0)}`
const ms = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0))
const seconds = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1))
const whole = (value: number): string => value.toFixed(0)
const mib = (octets: number): string => (octets / 1048576).toFixed(1)

function speed({ latency, burst }: Results, peers: readonly Peer[]): string {
  const columns: Column[] = []
  const waits = (head: string, of: (peer: string) => Waits | undefined) => {
    columns.push({
      head,
      cell: ({ id }) => {
        const [one, own] = [of(id), of('outpost')]
        const missing = one && one.delivered < one.published ? `; ${one.published - one.delivered} not within a minute` : ''
        return one ? `${rated(one.p50, own?.p50, ms)} / ${rated(one.p99, own?.p99, ms)}${missing}` : ''
      },
    })
  }
  if (latency) {
    waits('(a) 1 alert/s: p50 / p99 (ms)', (peer) => latency.get(peer)?.one)
    waits('(a) 50 alerts/s: p50 / p99 (ms)', (peer) => latency.get(peer)?.fifty)
  }
  if (burst) {
    const own = burst.get('outpost')
    columns.push(
      {
        head: '(b) 1,000 at once: all accepted (s)',
        cell: ({ id }) => rated(burst.get(id)?.acceptedSeconds, own?.acceptedSeconds, seconds),
      },
      {
        head: '(b) all delivered (s)',
        cell: ({ id }) => {
          const one = burst.get(id)
          const missing =
            one && one.account.delivered < one.account.published ? `; ${one.account.delivered} of ${one.account.published} only` : ''
          return `${rated(one?.deliveredSeconds, own?.deliveredSeconds, seconds)}${missing}`
        },
      },
    )
  }
  return columns.length === 0 ? '' : rows(peers, columns)
}

const accountCell = (account: Account | undefined): string => {
  if (!account) return ''
  const { accepted, delivered, lost, lostFromQueue, again, sameMessageId, passed } = account
  const gone = lost === 0 ? '0' : `**${lost}**${lostFromQueue === undefined ? '' : ` (${lostFromQueue} out of its queue)`}`
  const twice = again === 0 ? '0' : `${again} (${sameMessageId} known by Message-ID)`
  return `${accepted} / ${delivered} / ${gone} / ${twice} / ${passed}`
}

function losses(results: Results, peers: readonly Peer[]): string {
  const { outage, kills, powerCuts } = results
  const columns: Column[] = []
  const order = 'accepted / delivered / lost / again / passed by a later one'
  if (outage)
    columns.push(
      { head: `(c) outage of 60 s: ${order}`, cell: ({ id }) => accountCell(outage.get(id)?.account) },
      {
        head: '(c) caught up after (s)',
        cell: ({ id }) => rated(outage.get(id)?.caughtUpSeconds, outage.get('outpost')?.caughtUpSeconds, seconds),
      },
    )
  if (kills)
    columns.push({
      head: '(d) kill -9, how often: the same',
      cell: ({ id }) => (kills.has(id) ? `${kills.get(id)?.kills}: ${accountCell(kills.get(id)?.account)}` : ''),
    })
  if (powerCuts) columns.push({ head: '(e) power cuts: the same', cell: ({ id }) => accountCell(powerCuts.get(id)?.account) })
  if (columns.length > 1) columns.push({ head: 'lost in all', cell: ({ id }) => String(lostBy(results, id) ?? '') })
  return columns.length === 0 ? '' : rows(peers, columns)
}

function costs({ footprint, burst, wear, size }: Results, peers: readonly Peer[]): string {
  const columns: Column[] = []
  if (footprint) {
    const own = footprint.get('outpost')
    columns.push(
      { head: '(f) start to ready (ms)', cell: ({ id }) => rated(footprint.get(id)?.readyMs, own?.readyMs, whole) },
      { head: '(f) the first alert after it (ms)', cell: ({ id }) => rated(footprint.get(id)?.firstMs, own?.firstMs, whole) },
      {
        head: '(f) idle: RSS / PSS (MiB)',
        cell: ({ id }) => {
          const one = footprint.get(id)
          return one ? `${mib(one.rss)} / ${rated(one.pss, own?.pss, mib)}` : ''
        },
      },
      { head: '(f) idle CPU', cell: ({ id }) => (footprint.has(id) ? `${footprint.get(id)?.idleCpuPercent.toFixed(1)} %` : '') },
    )
  }
  if (burst) {
    const own = burst.get('outpost')
    columns.push(
      {
        head: '(f) in the burst: RSS / PSS (MiB)',
        cell: ({ id }) => {
          const one = burst.get(id)
          return one ? `${mib(one.rss)} / ${rated(one.pss, own?.pss, mib)}` : ''
        },
      },
      { head: '(f) CPU for 1,000 (s)', cell: ({ id }) => rated(burst.get(id)?.cpuSeconds, own?.cpuSeconds, seconds) },
    )
  }
  if (wear) {
    const own = wear.get('outpost')
    columns.push({
      head: '(h) octets / flushes at the block device an alert',
      cell: ({ id }) => {
        const one = wear.get(id)
        return one ? `${rated(one.octets, own?.octets, whole)} / ${one.flushes.toFixed(2)}` : ''
      },
    })
  }
  if (size)
    columns.push({
      head: '(i) installed (MiB) / packages',
      cell: ({ id }) => {
        const one = size.get(id)
        return one ? `${rated(one.mebibytes, size.get('outpost')?.mebibytes, (value) => value.toFixed(1))} / ${one.packages}` : ''
      },
    })
  return columns.length === 0 ? '' : rows(peers, columns)
}

function thinLink({ thin }: Results, peers: readonly Peer[]): string {
  if (!thin) return ''
  const own = thin.get('outpost')
  return rows(peers, [
    {
      head: '(g) 50 alerts at once, RTT 600 ms, 64 kbit/s: first / all (s)',
      cell: ({ id }) => {
        const one = thin.get(id)
        if (!one) return ''
        const all = Number.isNaN(one.all) ? `${one.delivered} of 50 in the time` : rated(one.all, own?.all, seconds)
        return `${rated(one.first, own?.first, seconds)} / ${all}`
      },
    },
    {
      head: 'octets up / down a letter',
      cell: ({ id }) => {
        const one = thin.get(id)
        return one ? `${rated(one.upPerLetter, own?.upPerLetter, whole)} / ${rated(one.downPerLetter, own?.downPerLetter, whole)}` : ''
      },
    },
    { head: 'turns', cell: ({ id }) => String(thin.get(id)?.turns ?? '') },
    { head: 'new connections', cell: ({ id }) => String(thin.get(id)?.connections ?? '') },
  ])
}

const setUps = (peers: readonly Peer[]): string =>
  rows(peers, [
    { head: 'what its PUBACK says', cell: ({ acknowledges }) => acknowledges },
    { head: 'what waits is', cell: ({ keeps }) => keeps },
    { head: 'set up', cell: ({ setUp }) => setUp },
  ])

function verdict(results: Results, peers: readonly Peer[]): string {
  const behind = comparisons(results, peers).filter(({ ahead }) => !ahead)
  const all = comparisons(results, peers).length
  if (all === 0) return ''
  const head = `Of ${all} comparisons with those that keep alerts anywhere but in memory Outpost is ahead in ${all - behind.length}.`
  if (behind.length === 0) return head
  const body = behind.map((one) => [`(${one.measure}) ${one.what}`, one.peer.title, figure(one.own), figure(one.other), reasonOf(one)])
  return `${head} It is behind here:\n\n${grid(['', 'peer', 'Outpost', 'the peer', 'why'], body)}`
}

const figure = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0))
