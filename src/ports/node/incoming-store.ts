import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { IPublishPacket, Packet } from 'mqtt-packet'

/**
 * Incoming store: numbers of QoS 2 packets between PUBREC and PUBREL. The mqtt package puts a packet here when its alert is durable, before it
 * sends PUBREC; after PUBREC the broker has only the packet's number left. Of a packet its print is kept: the broker decides how many there are.
 */
export class IncomingStore {
  readonly #prints = new Map<number, string>()

  /**
   * Whether this packet was taken and is sent again because our PUBREC was lost. Numbers are used again: another content, or no DUP flag
   * (MQTT 3.3.1.1), is another message, whose predecessor the broker has forgotten.
   */
  knows(packet: IPublishPacket): boolean {
    return packet.dup && this.#prints.get(packet.messageId ?? -1) === printOf(packet)
  }

  /** The broker has begun a new session: all numbers are free. */
  clear(): void {
    this.#prints.clear()
  }

  put(packet: Packet, done: (error?: Error) => void): this {
    if (packet.cmd === 'publish') this.#prints.set(packet.messageId ?? -1, printOf(packet))
    done()
    return this
  }

  get({ messageId = -1 }: { messageId?: number | undefined }, done: (error?: Error, packet?: Packet) => void): this {
    if (this.#prints.has(messageId))
      done(undefined, { cmd: 'publish', topic: '', payload: '', qos: 2, dup: false, retain: false, messageId })
    else done(new Error('unknown packet'))
    return this
  }

  del({ messageId = -1 }: { messageId?: number | undefined }, done: (error?: Error, packet?: Packet) => void): this {
    this.#prints.delete(messageId)
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

const printOf = ({ topic, payload }: IPublishPacket): string =>
  hash('sha256', Buffer.concat([Buffer.from(`${topic}\0`), Buffer.from(payload)])).slice(0, 16)
