import assert from 'node:assert/strict'
import type { Severity } from '../../src/alert/alert.ts'
import { planOf } from '../../src/gateway/plan.ts'
import { Gateway } from '../../src/gateway.ts'
import { checkSettings } from '../../src/settings/check.ts'
import { effective } from '../../src/settings/schema.ts'
import { SeenMail } from '../../src/settings/seen-mail.ts'
import { Remains } from '../../src/source/remains.ts'
import type { Zone } from '../peers/zone.ts'
import { SimBroker } from '../sim/world/broker.ts'
import { SimClock } from '../sim/world/clock.ts'
import { SimDisk } from '../sim/world/disk.ts'
import { SimLink } from '../sim/world/link.ts'
import { SimMailIn } from '../sim/world/mail-in.ts'
import { SimNames } from '../sim/world/names.ts'
import { SimNet } from '../sim/world/net.ts'
import { SimRandom } from '../sim/world/random.ts'
import { SimRelay } from '../sim/world/relay.ts'
import { SimSerial } from '../sim/world/sensors.ts'
import { Timeline } from '../sim/world/timeline.ts'

const home = { up: true, address: '198.51.100.2', defaultRoute: true }

/** A whole gateway with one relay and one link, where nothing goes wrong that the test does not ask for. */
export class Box {
  readonly timeline = new Timeline()
  readonly random: SimRandom
  readonly relay: SimRelay
  readonly link: SimLink
  readonly serial: SimSerial
  readonly log: { at: number; event: string; facts: Record<string, unknown> }[] = []
  /** What the sources of a gateway before had heard and could not give it. */
  remains = new Remains()
  disk = new SimDisk()
  clock: SimClock
  /** By how much the clock is wrong when the box boots the next time, in ms. */
  wakesWrongBy = 0
  net: SimNet
  mailIn = new SimMailIn()
  broker: SimBroker
  deviceId = '00000000000000aa'
  segmentBytes = 64 * 1024
  #gateway: Gateway | undefined
  readonly zone: Zone = {}
  readonly #settings: string
  #boots = 0
  #serial: SimSerial | undefined
  #names: SimNames | undefined

  constructor(seed: number, settings: Record<string, unknown> = {}) {
    this.random = new SimRandom(seed)
    this.relay = new SimRelay(this.timeline, this.random.fork())
    this.link = new SimLink(this.timeline, this.random.fork())
    this.serial = new SimSerial(this.timeline, this.random.fork())
    this.link.change('eth0', home)
    this.net = new SimNet(this.timeline, this.relay)
    this.broker = new SimBroker(this.timeline)
    this.clock = new SimClock(this.timeline, 'boot-0')
    this.#settings = JSON.stringify({
      site: { domain: 'site.example.org' },
      broker: { enabled: false },
      people: [{ id: 'ops', name: 'Ops', address: 'ops@example.org' }],
      relays: [{ id: 'isp', host: 'relay.example.org', security: 'none', port: 25, timeout: '5m' }],
      ...settings,
    })
  }

  get gateway(): Gateway {
    assert.ok(this.#gateway, 'the gateway runs')
    return this.#gateway
  }

  get waiting(): number {
    return this.gateway.desk.state().queue.waiting
  }

  /** `unset`: the board has no battery, and nobody has set its clock yet. */
  async boot({ unset = false } = {}): Promise<void> {
    // At one in the morning: the boot before which a letter left must not be yesterday's.
    this.clock = new SimClock(this.timeline, `boot-${++this.#boots}`, Date.UTC(2026, 11, 1, 1))
    if (unset) this.clock.set = 'no'
    this.clock.wrongBy = this.wakesWrongBy
    this.mailIn = new SimMailIn()
    const { clock, disk, net, link, timeline, mailIn } = this
    const { settings, findings } = checkSettings(this.#settings)
    assert.ok(settings, JSON.stringify(findings))
    const plan = planOf({
      settings: effective(settings),
      secret: () => undefined,
      refreshToken: () => ({ read: async () => undefined, keep: async () => {} }),
      pem: new Map(),
      device: { id: this.deviceId },
      dir: 'data',
      software: 'Outpost sim',
      builtAt: Date.UTC(2026, 10, 1),
      segmentBytes: this.segmentBytes,
      ...(settings.answers ? { answering: { key: new Uint8Array(32), seen: await this.settled(SeenMail.open(disk, 'data')) } } : {}),
    })
    const serial = new SimSerial(timeline, this.random.fork())
    this.#serial = serial
    const names = new SimNames(this.zone, timeline)
    this.#names = names
    this.broker = new SimBroker(timeline)
    const { broker } = this
    const log = (_: string, event: string, facts = {}) => void (!clock.dead && this.log.push({ at: timeline.now, event, facts }))
    const starting = Gateway.start(
      { clock, disk, net, names: () => names, link, serial, broker, mailIn, random: this.random.fork(), log },
      plan,
      undefined,
      this.remains,
    )
    this.#gateway = await this.settled(starting)
  }

  async powerCut(how: { unset?: boolean } = {}): Promise<void> {
    this.clock.dead = true
    this.net.dead = true
    this.net.cut()
    this.link.vanish()
    this.serial.vanish()
    this.disk = this.disk.powerCut(this.random)
    const { up, tries } = this.net
    this.net = new SimNet(this.timeline, this.relay)
    this.net.up = up
    this.net.tries.push(...tries)
    await this.boot(how)
  }

  async settled<T>(promise: Promise<T>): Promise<T> {
    let result: { value: T } | { error: unknown } | undefined
    promise.then(
      (value) => {
        result = { value }
      },
      (error) => {
        result = { error }
      },
    )
    await this.timeline.run(this.timeline.now + 60_000, () => result !== undefined)
    assert.ok(result, 'it came to an end')
    if ('error' in result) throw result.error
    return result.value
  }

  /** A line on the serial port of a device that does not listen. */
  blurt(text: string): void {
    this.#serial?.blurt(text)
  }

  /** A line on the serial port. */
  say(text: string): void {
    this.#serial?.send(text)
  }

  /** What the name servers were asked for. */
  asked(): readonly string[] {
    return this.#names?.asked ?? []
  }

  pass(ms: number): Promise<void> {
    return this.timeline.run(this.timeline.now + ms)
  }

  async send(text: string, severity: Severity = 'warning', key?: string, to = 'ops'): Promise<void> {
    const taken = await this.settled(this.gateway.desk.send({ to, text, severity, ...(key === undefined ? {} : { key }) }))
    assert.equal(taken.kind, 'accepted')
  }

  /** The modem has lost its net, or the cable is pulled. `quietly`: connections hang and nobody is told. */
  away(quietly = false): void {
    this.link.change('eth0', { up: false })
    this.net.up = false
    if (quietly) this.net.stall()
    else this.net.cut()
  }

  back(change: { address?: string; defaultRoute?: boolean } = {}): void {
    this.net.up = true
    this.link.change('eth0', { ...home, ...change })
  }

  /** The first line of each letter that the relay has, in its order. */
  told(): string[] {
    return this.relay.taken.map((letter) => letter.content.split('\r\n\r\n')[1]?.split('\r\n')[0]?.slice(0, 40) ?? '')
  }
}
