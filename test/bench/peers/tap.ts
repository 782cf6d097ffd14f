import { connect, createServer, type Server, type Socket } from 'node:net'
import { Packets, packet, published } from '../../peers/mqtt.ts'
import { now, numbersIn } from './alert.ts'

/**
 * The line between one peer and the broker. It changes nothing; it sees when the peer has subscribed, and when an alert was acknowledged: from
 * then on the broker has forgotten it, and it is the peer's alone.
 */
const suback = 9

export class Tap {
  port = 0
  /** When each alert was acknowledged first, by its name. */
  readonly acknowledged = new Map<string, number>()
  subscriptions = 0
  readonly #to: number
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #onAcknowledged: () => void = () => {}

  constructor(to: number) {
    this.#to = to
  }

  async open(): Promise<void> {
    const server = createServer((peer) => this.#join(peer, connect(this.#to, '127.0.0.1')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    this.port = typeof address === 'object' && address ? address.port : 0
    this.#server = server
  }

  onAcknowledged(listener: () => void): void {
    this.#onAcknowledged = listener
  }

  async close(): Promise<void> {
    const server = this.#server
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  }

  #join(peer: Socket, broker: Socket): void {
    const names = new Map<number, string>()
    const [up, down] = [new Packets(), new Packets()]
    peer.on('data', (bytes) => {
      broker.write(bytes)
      for (const one of up.push(bytes)) if (one.type === packet.puback) this.#note(names.get(one.body.readUInt16BE(0)))
    })
    broker.on('data', (bytes) => {
      for (const one of down.push(bytes)) {
        if (one.type === suback) this.subscriptions++
        if (one.type !== packet.publish) continue
        const { packetId, payload } = published(one, 4)
        names.set(packetId, numbersIn(payload)[0] ?? '')
      }
      peer.write(bytes)
    })
    for (const socket of [peer, broker]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        peer.destroy()
        broker.destroy()
      })
    }
  }

  #note(name: string | undefined): void {
    if (!name || this.acknowledged.has(name)) return
    this.acknowledged.set(name, now())
    this.#onAcknowledged()
  }
}
