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
  /** What of the last frame is still to be said, and on which opening of the line. */
  #rest: { line: SerialEvents | undefined; octets: Buffer } | undefined

  constructor(timeline: Timeline, random: SimRandom) {
    this.#timeline = timeline
    this.#random = random
  }

  send(frame: string): void {
    this.#queue.push(frame)
    if (this.#queue.length === 1) this.#say()
  }

  /** Says it once, as a device that does not listen. */
  blurt(frame: string): void {
    this.#line?.data(Buffer.from(`${frame}\r\n`))
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
    const line = this.#line
    // Octets keep their order: the box may have answered before the LF behind a CR was said.
    const rest = this.#rest && this.#rest.line === line ? this.#rest.octets : Buffer.alloc(0)
    const bytes = Buffer.concat([rest, Buffer.from(`${frame}\r\n`)])
    const cut = rest.length + this.#random.below(bytes.length - rest.length)
    const left = { line, octets: bytes.subarray(cut) }
    this.#rest = left
    this.#timeline.at(2, () => {
      if (this.#rest !== left) return
      this.#rest = undefined
      if (this.#line === line) line?.data(left.octets)
    })
    line?.data(bytes.subarray(0, cut))
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
