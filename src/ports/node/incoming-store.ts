import { Readable } from 'node:stream'
import type { Packet } from 'mqtt-packet'

/**
 * Incoming store: QoS 2 packets between PUBREC and PUBREL. The mqtt package puts a packet here when its alert is durable, before it sends
 * PUBREC; after PUBREC the broker has only the packet's number left.
 */
export class IncomingStore {
  readonly #packets = new Map<number, Packet>()

  /** Sent again because our PUBREC was lost: it was taken once, and only PUBREC is said again. */
  has(id: number | undefined): boolean {
    return this.#packets.has(id ?? -1)
  }

  put(packet: Packet, done: (error?: Error) => void): this {
    this.#packets.set(packet.messageId ?? -1, packet)
    done()
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
