import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Packet, Packets, packet, published } from '../../peers/mqtt.ts'
import type { Lost } from '../broker-world.ts'

type Pair = readonly [client: Socket, broker: Socket]

/** A tap on the line between a client and a real broker: it sees which acknowledgements arrive, and loses what it is told to. */
export class Tap {
  /** Payloads whose PUBACK or PUBREC went to the broker. */
  readonly acknowledged: string[] = []
  port = 0
  readonly #to: number
  readonly #version: 4 | 5
  readonly #pairs = new Set<Pair>()
  readonly #payloads = new Map<number, string>()
  #server: Server | undefined
  #lose: { what: Lost; then: 'cut' | 'silence' } | undefined
  #frozen = false

  constructor(to: number, version: 4 | 5) {
    this.#to = to
    this.#version = version
  }

  async open(): Promise<void> {
    const server = createServer((client) => this.#join(client, connect(this.#to, '127.0.0.1')))
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    const address = server.address()
    this.port = typeof address === 'object' && address ? address.port : 0
    this.#server = server
  }

  lose(what: Lost, then: 'cut' | 'silence' = 'cut'): void {
    this.#lose = { what, then }
  }

  /** What is connected, and what will be, carries nothing any more; not even its end. */
  freeze(): void {
    this.#frozen = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = new Promise<unknown>((resolve) => (server ? server.close(resolve) : resolve(undefined)))
    this.cut()
    await closed
  }

  #join(client: Socket, broker: Socket): void {
    const pair: Pair = [client, broker]
    this.#pairs.add(pair)
    const [up, down] = [new Packets(), new Packets()]
    client.on('data', (bytes) => {
      for (const one of up.push(bytes)) if (!this.#isLost(one, pair)) this.#pass(one, broker)
    })
    broker.on('data', (bytes) => {
      for (const one of down.push(bytes)) {
        if (one.type === packet.publish) this.#remember(one)
        client.write(one.whole)
      }
    })
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#pairs.delete(pair)
        for (const one of pair) one.destroy()
      })
      if (this.#frozen) socket.pause()
    }
  }

  #pass(one: Packet, broker: Socket): void {
    broker.write(one.whole)
    const payload = this.#isAcknowledgement(one) ? this.#payloads.get(one.body.readUInt16BE(0)) : undefined
    if (payload !== undefined) this.acknowledged.push(payload)
  }

  #isLost(one: Packet, pair: Pair): boolean {
    const kind = this.#isAcknowledgement(one)
      ? 'acknowledgement'
      : one.type === packet.subscribe
        ? 'subscription'
        : one.type === packet.publish
          ? 'presence'
          : undefined
    const lose = this.#lose
    if (kind === undefined || kind !== lose?.what) return false
    this.#lose = undefined
    if (lose.then === 'cut') this.cut()
    else for (const socket of pair) socket.pause()
    return true
  }

  #isAcknowledgement(one: Packet): boolean {
    return one.type === packet.puback || one.type === packet.pubrec
  }

  #remember(one: Packet): void {
    const { packetId, payload } = published(one, this.#version)
    if (packetId > 0) this.#payloads.set(packetId, payload)
  }
}
