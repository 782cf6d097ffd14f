import {
  type Broker,
  BrokerError,
  type BrokerEvents,
  type BrokerOptions,
  type BrokerServer,
  type BrokerSession,
} from '../../../src/ports/broker.ts'
import {
  type LineSettings,
  type Serial,
  SerialError,
  type SerialEvents,
  type SerialLine,
  type SerialLook,
  type SerialPortFacts,
} from '../../../src/ports/serial.ts'
import type { SimRandom } from './random.ts'
import type { Timeline } from './timeline.ts'

type Message = { topic: string; payload: string; qos: 1 | 2; packetId: number; sent: boolean; received: boolean }

/** An MQTT broker with one persistent session: what is not acknowledged comes again, with the same packet identifier and DUP, in the next one. */
export class SimBroker implements Broker {
  up = true
  dead = false
  /** Payloads whose acknowledgement reached the broker. */
  readonly acknowledged: string[] = []
  readonly #timeline: Timeline
  #queue: Message[] = []
  #nextId = 1
  #session: { on: BrokerEvents; open: boolean } | undefined
  #known = false

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  publish(topic: string, payload: string, qos: 1 | 2): void {
    this.#queue.push({ topic, payload, qos, packetId: this.#nextId++, sent: false, received: false })
    if (this.#nextId > 65_535) this.#nextId = 1
    this.#pump()
  }

  /** The connection is lost; acknowledgements in the air are, too. */
  drop(): void {
    const session = this.#session
    if (!session?.open) return
    session.open = false
    this.#session = undefined
    this.#timeline.at(1, () => session.on.closed('the connection was lost'))
  }

  /** The power of the gateway went: nobody is told. */
  vanish(): void {
    if (this.#session) this.#session.open = false
    this.#session = undefined
  }

  async connect(_: BrokerOptions, on: BrokerEvents): Promise<BrokerSession> {
    await new Promise<void>((resolve) => this.#timeline.at(20, resolve))
    if (!this.up) throw new BrokerError('network', 'ECONNREFUSED', 'the broker cannot be reached')
    const session = { on, open: true }
    this.#session = session
    const sessionPresent = this.#known
    this.#known = true
    this.#timeline.at(1, () => this.#redeliver())
    return {
      sessionPresent,
      publish: async () => {},
      close: async () => {
        session.open = false
        if (this.#session === session) this.#session = undefined
      },
    }
  }

  async serve(): Promise<BrokerServer> {
    return { address: 'none', close: async () => {} }
  }

  get unacknowledged(): number {
    return this.#queue.length
  }

  #redeliver(): void {
    for (const message of this.#queue) if (message.sent) this.#deliver(message, true)
    this.#pump()
  }

  #pump(): void {
    if (!this.#session?.open) return
    for (const message of this.#queue) if (!message.sent) this.#deliver(message, false)
  }

  #deliver(message: Message, dup: boolean): void {
    const session = this.#session
    if (!session) return
    message.sent = true
    const { topic, payload, qos, packetId } = message
    void session.on.message({ topic, payload: Buffer.from(payload), qos, packetId, dup, retain: false }).then((taking) => {
      if (taking !== 'taken') return
      this.#timeline.at(10, () => {
        if (!session.open) return
        this.acknowledged.push(payload)
        this.#queue = this.#queue.filter((one) => one !== message)
      })
    })
  }
}

/** A serial device that repeats each frame until it hears `OK`; its adapter may be pulled. */
export class SimSerial implements Serial {
  plugged = true
  /** Everything that the device heard. */
  said = ''
  readonly acknowledged: string[] = []
  readonly #timeline: Timeline
  readonly #random: SimRandom
  #line: SerialEvents | undefined
  #queue: string[] = []
  #heard = ''
  #repeat: (() => void) | undefined

  constructor(timeline: Timeline, random: SimRandom) {
    this.#timeline = timeline
    this.#random = random
  }

  send(frame: string): void {
    this.#queue.push(frame)
    if (this.#queue.length === 1) this.#say()
  }

  unplug(): void {
    this.plugged = false
    const line = this.#line
    this.#line = undefined
    if (line) this.#timeline.at(1, () => line.closed('unplugged'))
  }

  vanish(): void {
    this.#line = undefined
  }

  get unacknowledged(): number {
    return this.#queue.length
  }

  async open(_: LineSettings, on: SerialEvents): Promise<SerialLine> {
    if (!this.plugged) throw new SerialError('no such device', 'ENOENT')
    this.#line = on
    return {
      write: async (bytes) => this.#hear(Buffer.from(bytes).toString()),
      close: async () => {
        if (this.#line === on) this.#line = undefined
      },
    }
  }

  async list(): Promise<SerialPortFacts[]> {
    return []
  }

  async look(path: string): Promise<SerialLook> {
    return this.plugged ? { kind: 'line', path, heldBy: [] } : { kind: 'missing' }
  }

  #say(): void {
    this.#repeat?.()
    const frame = this.#queue[0]
    if (frame === undefined) return
    const bytes = Buffer.from(`${frame}\r\n`)
    const cut = this.#random.below(bytes.length)
    const line = this.#line
    line?.data(bytes.subarray(0, cut))
    this.#timeline.at(2, () => this.#line === line && line?.data(bytes.subarray(cut)))
    this.#repeat = this.#timeline.at(5000, () => this.#say())
  }

  #hear(text: string): void {
    this.said += text
    this.#heard += text
    for (let end = this.#heard.indexOf('\n'); end >= 0; end = this.#heard.indexOf('\n')) {
      const line = this.#heard.slice(0, end).trim()
      this.#heard = this.#heard.slice(end + 1)
      if (!line.startsWith('OK')) continue
      const frame = this.#queue.shift()
      if (frame !== undefined) this.acknowledged.push(frame)
      this.#say()
    }
  }
}
