import { Readable } from 'node:stream'
import type { IPublishPacket, Packet } from 'mqtt-packet'

/**
 * Incoming store: QoS 2 packets between PUBREC and PUBREL. The mqtt package puts a packet here before it sends PUBREC, so this is where the
 * alert is made durable; after PUBREC the broker has only the packet's number left.
 */
export class IncomingStore {
  /** Set by the session; true lets PUBREC go out. */
  onPut: (packet: IPublishPacket) => Promise<boolean> = async () => false
  readonly #packets = new Map<number, Packet>()

  put(packet: Packet, done: (error?: Error) => void): this {
    const id = idOf(packet)
    if (packet.cmd !== 'publish' || isRepeat(packet, this.#packets.get(id))) {
      done()
      return this
    }
    void this.onPut(packet).then((taken) => {
      // Without the callback no PUBREC goes out, and the broker sends the packet again in the next session.
      if (!taken) return
      this.#packets.set(id, packet)
      done()
    })
    return this
  }

  get(packet: { messageId?: number | undefined }, done: (error?: Error, packet?: Packet) => void): this {
    const known = this.#packets.get(packet.messageId ?? -1)
    if (known) done(undefined, known)
    else done(new Error('unknown packet'))
    return this
  }

  del(packet: { messageId?: number | undefined }, done: (error?: Error, packet?: Packet) => void): this {
    this.#packets.delete(packet.messageId ?? -1)
    done()
    return this
  }

  /** The broker has no session for us (MQTT 3.1.1 section 3.2.2.2): its numbers mean nothing any more. */
  forget(): void {
    this.#packets.clear()
  }

  createStream(): Readable {
    return Readable.from([])
  }

  close(done: () => void): void {
    done()
  }
}

/**
 * Sent again because our PUBREC was lost: it was taken once, and only PUBREC is said again. A broker that was killed may have forgotten the
 * number and give it to another message, which is new.
 */
const isRepeat = (packet: IPublishPacket, known: Packet | undefined): boolean =>
  packet.dup &&
  known?.cmd === 'publish' &&
  known.topic === packet.topic &&
  Buffer.from(known.payload as Uint8Array).equals(Buffer.from(packet.payload as Uint8Array))

const idOf = (packet: Packet): number => packet.messageId ?? -1
