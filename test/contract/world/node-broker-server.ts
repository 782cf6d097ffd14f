import { connect, type Socket } from 'node:net'
import { silent } from '../../../src/ports/log.ts'
import { NodeBroker } from '../../../src/ports/node/broker.ts'
import { connectPacket, disconnectPacket, Packets, packet, publishPacket, pubrelPacket } from '../../peers/mqtt.ts'
import { sleep } from '../../peers/process.ts'
import type { Device, Fate, Publication, ServeWorld } from '../broker-server.ts'

/** The broker of our own on loopback, and devices that say MQTT 3.1.1 octet by octet. */
export async function nodeServeWorld(): Promise<ServeWorld> {
  const sockets: Socket[] = []
  const join = (address: string): Socket => {
    const at = address.lastIndexOf(':')
    const socket = connect(Number(address.slice(at + 1)), '127.0.0.1')
    sockets.push(socket.on('error', () => {}))
    return socket
  }
  return {
    broker: new NodeBroker(silent),
    own: '127.0.0.1:0',
    open: '0.0.0.0:0',
    device: async (address, { clientId, name, password }) => {
      const line = new Line(join(address))
      line.send(connectPacket(clientId, name, password))
      return (await line.expect(packet.connack, (body) => body[1] === 0)) === 'acknowledged' ? deviceOn(line) : undefined
    },
    visitor: async (address) => {
      const socket = join(address)
      await new Promise((resolve) => socket.once('connect', resolve))
    },
    pass: sleep,
    done: async () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** One connection and who waits on it for which packet. */
class Line {
  closed = false
  readonly #socket: Socket
  readonly #waiting = new Set<{ type: number; fits: (body: Buffer) => boolean; done: (fate: Fate) => void }>()

  constructor(socket: Socket) {
    this.#socket = socket
    const packets = new Packets()
    socket.on('data', (bytes) => {
      for (const one of packets.push(bytes))
        for (const waiting of this.#waiting)
          if (waiting.type === one.type && waiting.fits(one.body)) {
            this.#waiting.delete(waiting)
            waiting.done('acknowledged')
            break
          }
    })
    socket.on('close', () => {
      this.closed = true
      for (const waiting of this.#waiting) waiting.done('closed')
    })
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  expect(type: number, fits: (body: Buffer) => boolean): Promise<Fate> {
    if (this.closed) return Promise.resolve('closed')
    return new Promise((done) => void this.#waiting.add({ type, fits, done }))
  }

  async leave(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    this.#socket.end(disconnectPacket())
    await closed
  }
}

function deviceOn(line: Line): Device {
  const answered = ({ qos, packetId = 1 }: Publication): Promise<Fate> =>
    qos === 0
      ? Promise.resolve('acknowledged')
      : line.expect(qos === 1 ? packet.puback : packet.pubrec, (body) => body.readUInt16BE(0) === packetId)
  return {
    publish: (one) => {
      line.send(publishPacket(one))
      return answered(one)
    },
    publishAll: (all) => {
      line.send(Buffer.concat(all.map(publishPacket)))
      return all.map(answered)
    },
    release: (packetId) => {
      line.send(pubrelPacket(packetId))
      return line.expect(packet.pubcomp, (body) => body.readUInt16BE(0) === packetId)
    },
    closed: () => line.closed,
    leave: () => line.leave(),
  }
}
