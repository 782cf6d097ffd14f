import { Courier } from '../../../src/gateway/courier.ts'
import type { Ferry } from '../../../src/gateway/ferry.ts'
import { Lookout } from '../../../src/gateway/lookout.ts'
import { ByRelay } from '../../../src/gateway/outbound.ts'
import type { Postmaster } from '../../../src/gateway/postmaster.ts'
import type { Purser } from '../../../src/gateway/purser.ts'
import type { Scribe } from '../../../src/gateway/scribe.ts'
import type { Link } from '../../../src/ports/link.ts'
import { silent } from '../../../src/ports/log.ts'
import type { Ports } from '../../../src/ports/ports.ts'
import { freeLeave } from '../../../src/queue/leave.ts'
import type { Queue } from '../../../src/queue/queue.ts'
import { RelayHealth } from '../../../src/relay/health.ts'
import type { RelayOptions } from '../../../src/relay/relay.ts'
import type { Way } from '../../../src/relay/way.ts'
import type { SimRandom } from '../world/random.ts'
import type { FleetRelay } from './relay.ts'
import type { FleetTime } from './time.ts'

/**
 * One box of the fleet. When it tries, rests and tries again is decided by the gateway's own courier, lookout, outbound and relay health. Modelled are: what waits
 * (a number of letters, as the digest leaves them), and the connection itself.
 */
const relayOptions: RelayOptions = {
  id: 'isp',
  host: 'relay.example.org',
  port: 465,
  security: 'tls',
  ehlo: 'box.example.org',
  auth: { kind: 'none' },
}
const critical = 1
const other = 2

export type Cargo = { criticals: number; others: number }

export class FleetBox {
  /** When everything had left, in ms of the fleet's time; undefined: it waits. */
  drainedAt: number | undefined
  readonly hasCritical: boolean
  readonly #courier: Courier
  #waits: Cargo
  #since = 0

  constructor(time: FleetTime, region: Link, random: SimRandom, relay: FleetRelay, cargo: Cargo) {
    this.hasCritical = cargo.criticals > 0
    this.#waits = { ...cargo }
    const lookout = new Lookout({ link: region, clock: time, log: silent, metered: [] })
    const ferry = {
      carry: async (_: RelayOptions, way: Way | undefined) => {
        const departure = lookout.depart(way)
        const { criticals, others } = this.#waits
        const report = await relay.take(criticals + others)
        departure.landed()
        if (!report.fault) {
          this.#waits = { criticals: 0, others: 0 }
          this.drainedAt = time.now
          void this.#courier.stop()
        }
        return { report, linkIsBetter: departure.better.aborted }
      },
      stop: () => {},
      cut: () => {},
    } as unknown as Ferry
    const queue = { waiting: this.#waiting(), ground: () => {}, measure: async () => {} } as unknown as Queue
    const health = new RelayHealth([relayOptions.id], random)
    const [postmaster, scribe] = [{} as Postmaster, {} as Scribe]
    const purser = { leave: () => freeLeave } as unknown as Purser
    const outbound = new ByRelay({ queue, scribe, purser, ferry, lookout, relays: [relayOptions], health, now: () => time.monotonic() })
    const ports = { clock: time, log: silent, random } as unknown as Ports
    this.#courier = new Courier({
      ...{ ports, queue, postmaster, lookout, purser, ferry, outbound },
      keepMs: Number.POSITIVE_INFINITY,
      isLocal: () => false,
    })
  }

  /** The gateway begins, with letters that wait since `since` (ms of the fleet's time). */
  begin(since: number): void {
    this.#since = since
    this.#courier.start()
  }

  /** What the courier asks of the index of letters: worst first; none of them waits for a time of its own. */
  #waiting() {
    return {
      due: (_: number, limit: number, { leave = freeLeave } = {}): number[] => {
        const others = this.#waits.others > 0 && leave.least !== 'critical'
        return [...(this.#waits.criticals > 0 ? [critical] : []), ...(others ? [other] : [])].slice(0, limit)
      },
      get: () => ({ accepted: this.#since }),
      nextDue: () => undefined,
      olderThan: () => [],
    }
  }
}
