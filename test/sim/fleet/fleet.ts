import { silent } from '../../../src/ports/log.ts'
import { mqttSource } from '../../../src/source/mqtt.ts'
import { SimRandom } from '../world/random.ts'
import { FleetBox } from './box.ts'
import { type BrokerLimits, FleetBroker } from './broker.ts'
import { Region } from './region.ts'
import { FleetRelay, type RelayLimits } from './relay.ts'
import { quantile, Tally } from './tally.ts'
import { FleetTime } from './time.ts'

/**
 * Fleet: an outage of hours ends for all boxes of a region at the same moment. What do their relay and their broker see? Every box has letters that wait: the
 * digest of its outage, and on some of them a critical one behind it.
 */
export type Outage = {
  boxes: number
  hours: number
  /** `link`: each box sees that its link is away. `net`: the link stands, and nothing behind it answers. */
  kind: 'link' | 'net'
  /** Part of the boxes that have a critical letter among them. */
  critical: number
  seed: number
}

export type RelaySeen = {
  knocks: number
  refused: number
  letters: number
  /** The busiest second, and the average of the busiest minute. */
  peakKnocks: number
  minuteKnocks: number
  peakOpen: number
  peakLetters: number
  /** Seconds from the end of the outage until all letters of a box have left: the middle one, 99 of 100, the last. */
  criticals: Waited
  others: Waited
}

export type Waited = { p50: number; p99: number; last: number }

const hourMs = 3_600_000
/** When all is over at the latest, after the outage. */
const patienceMs = 48 * hourMs
/** The first alert of the outage comes to each box within so long: not every box is struck in the same second. */
const struckMs = 600_000
const livedMs = 120_000

export async function relayAfter(outage: Outage, limits: RelayLimits): Promise<RelaySeen> {
  const { boxes: count, hours, kind, critical, seed } = outage
  const time = new FleetTime()
  const random = new SimRandom(seed)
  const endMs = hours * hourMs
  const tally = new Tally(endMs)
  const region = new Region(time, random.fork())
  const relay = new FleetRelay(time, limits, tally)
  relay.reachable = false
  if (kind === 'link') region.change(false)
  const boxes = Array.from({ length: count }, () => {
    const cargo = random.unit() < critical ? { criticals: 1, others: 1 } : { criticals: 0, others: 1 }
    const box = new FleetBox(time, region, random.fork(), relay, cargo)
    const struckAt = random.below(Math.min(struckMs, endMs / 2))
    // While its link is away a box tries nothing: of those hours the last minutes are lived.
    time.after(kind === 'link' ? Math.max(struckAt, endMs - livedMs) : struckAt, () => box.begin(struckAt))
    return box
  })
  await time.run(endMs)
  relay.reachable = true
  if (kind === 'link') region.change(true)
  let left = count
  let looked = 0
  await time.run(endMs + patienceMs, () => {
    if (time.now - looked < 1000) return false
    looked = time.now
    left = boxes.filter((box) => box.drainedAt === undefined).length
    return left === 0
  })
  if (left > 0) throw new Error(`${left} of ${count} boxes still wait after ${patienceMs / hourMs} hours`)
  const waited = (some: readonly FleetBox[]): Waited => {
    const seconds = some.map((box) => ((box.drainedAt ?? 0) - endMs) / 1000)
    return { p50: quantile(seconds, 0.5), p99: quantile(seconds, 0.99), last: quantile(seconds, 1) }
  }
  const { knocks, refused, letters, peakKnocks, peakOpen, peakLetters } = tally
  return {
    ...{ knocks, refused, letters, peakKnocks, peakOpen, peakLetters, minuteKnocks: tally.knocksOver(60) },
    criticals: waited(boxes.filter((box) => box.hasCritical)),
    others: waited(boxes.filter((box) => !box.hasCritical)),
  }
}

export type BrokerSeen = { knocks: number; gaveUp: number; peakKnocks: number; minuteKnocks: number; peakOpen: number; back: Waited }

/**
 * `hours`: the net is away for so long. 0: the broker is begun anew, and is down for ten seconds.
 */
export async function brokerAfter(count: number, hours: number, limits: BrokerLimits, seed: number): Promise<BrokerSeen> {
  const time = new FleetTime()
  const random = new SimRandom(seed)
  const downMs = hours > 0 ? hours * hourMs : 10_000
  // Everybody comes by and by, as fast as the broker lets them in.
  const settledMs = Math.max(60_000, (count / limits.perSecond) * 2000)
  const quiet = new Tally(0)
  const before = new FleetBroker(time, { ...limits, perSecond: 1e9 }, quiet)
  const endMs = settledMs + downMs
  const tally = new Tally(endMs)
  const after = new FleetBroker(time, limits, tally)
  const back: number[] = []
  for (let i = 0; i < count; i++) {
    const broker = {
      connect: async (...[options, on]: Parameters<FleetBroker['connect']>) => {
        const session = await (time.now < endMs ? before : after).connect(options, on)
        if (time.now >= endMs) back.push((time.now - endMs) / 1000)
        return session
      },
      serve: () => before.serve(),
    }
    const options = {
      ...{ id: 'field', url: 'mqtts://broker', topics: ['alerts/#'], clientId: `box-${i}`, maxBytes: 262_144, keepaliveS: 60 },
      ...{ qos: 1 as const, version: 5 as const, retained: 'ignore' as const },
    }
    const tools = { clock: time, random: random.fork(), log: silent, take: () => Promise.reject(new Error('nobody publishes')) }
    const source = mqttSource(options, broker, tools)
    time.after(random.below(settledMs / 2), () => source.start())
  }
  await time.run(settledMs)
  before.end(hours > 0 ? 'unreachable' : 'down')
  await time.run(endMs)
  await time.run(endMs + patienceMs, () => back.length === count)
  if (back.length < count) throw new Error(`${count - back.length} of ${count} boxes are not connected after ${patienceMs / hourMs} hours`)
  const { knocks, refused: gaveUp, peakKnocks, peakOpen } = tally
  return {
    ...{ knocks, gaveUp, peakKnocks, peakOpen, minuteKnocks: tally.knocksOver(60) },
    back: { p50: quantile(back, 0.5), p99: quantile(back, 0.99), last: quantile(back, 1) },
  }
}
