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
    // Sent again because our PUBREC was lost: it was taken once, and only PUBREC is said again.
    if (packet.cmd !== 'publish' || this.#packets.has(id)) {
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

  createStream(): Readable {
    return Readable.from([])
  }

  close(done: () => void): void {
    done()
  }
}

const idOf = (packet: Packet): number => packet.messageId ?? -1
