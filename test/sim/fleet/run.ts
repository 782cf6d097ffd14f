import { parseArgs } from 'node:util'
import { type BrokerSeen, brokerAfter, type RelaySeen, relayAfter, type Waited } from './fleet.ts'

/**
 * `npm run sim:fleet -- --boxes 10,1000,100000 [--hours 1] [--critical 0.1] [--sessions 100] [--rate 0] [--rtt 150] [--turns 8] [--broker 2000] [--seed 1]`: what relay and
 * broker see when an outage ends for all boxes at the same moment; as tables in Markdown. `--rate 0`: the relay sets no limit to new sessions a second.
 */
const { values } = parseArgs({
  options: {
    boxes: { type: 'string', default: '10,1000,100000' },
    hours: { type: 'string', default: '1' },
    critical: { type: 'string', default: '0.1' },
    sessions: { type: 'string', default: '100' },
    rate: { type: 'string', default: '0' },
    rtt: { type: 'string', default: '150' },
    turns: { type: 'string', default: '8' },
    broker: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
const of = (name: Exclude<keyof typeof values, 'only'>): number => Number(values[name])
const counts = values.boxes.split(',').map(Number)
const limits = {
  sessions: of('sessions'),
  rate: of('rate') || Number.POSITIVE_INFINITY,
  rttMs: of('rtt'),
  turns: of('turns'),
  letterMs: 5,
}
const began = performance.now()
const wanted = (what: string) => values.only === undefined || values.only === what

const number = (value: number): string =>
  value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString('en')
const span = (seconds: number): string => (seconds < 120 ? `${number(seconds)} s` : `${number(seconds / 60)} min`)
const waited = ({ p50, p99, last }: Waited): string => `${span(p50)} / ${span(p99)} / ${span(last)}`
const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)

if (wanted('link') || wanted('net')) {
  const rate = Number.isFinite(limits.rate) ? `, ${limits.rate} new ones a second` : ''
  console.log(
    `The relay: ${limits.sessions} sessions at once${rate}; ${limits.turns} round trips of ${limits.rttMs} ms a session. ${values.hours} h of outage, ${Number(values.critical) * 100} % of the boxes with a critical letter.\n`,
  )
  row([
    'boxes',
    'what was away',
    'connections a second: busiest second / minute',
    'open at once',
    'letters',
    '421',
    'critical boxes drained: half / 99 % / all',
    'the others',
  ])
  row(Array.from({ length: 8 }, () => '---'))
  for (const boxes of counts)
    for (const kind of ['link', 'net'] as const) {
      if (!wanted(kind)) continue
      const seen: RelaySeen = await relayAfter({ boxes, hours: of('hours'), kind, critical: of('critical'), seed: of('seed') }, limits)
      row([
        number(boxes),
        kind === 'link' ? 'the link of each' : 'the net behind it',
        `${number(seen.peakKnocks)} / ${number(seen.minuteKnocks)}`,
        number(seen.peakOpen),
        number(seen.letters),
        number(seen.refused),
        waited(seen.criticals),
        waited(seen.others),
      ])
    }
}
if (wanted('broker')) {
  const broker = { perSecond: of('broker'), rttMs: of('rtt') }
  console.log(`\nThe broker: lets ${broker.perSecond} in a second.\n`)
  row([
    'boxes',
    'what was away',
    'connections a second: busiest second / minute',
    'being let in at once',
    'gave up and came again',
    'back: half / 99 % / all',
  ])
  row(Array.from({ length: 6 }, () => '---'))
  for (const boxes of counts)
    for (const hours of [of('hours'), 0]) {
      const seen: BrokerSeen = await brokerAfter(boxes, hours, broker, of('seed'))
      row([
        number(boxes),
        hours > 0 ? 'the net' : 'the broker, for 10 s',
        `${number(seen.peakKnocks)} / ${number(seen.minuteKnocks)}`,
        number(seen.peakOpen),
        number(seen.gaveUp),
        waited(seen.back),
      ])
    }
}
console.log(`\n${((performance.now() - began) / 1000).toFixed(1)} s, ${Math.round(process.memoryUsage().rss / 1_048_576)} MiB`)
