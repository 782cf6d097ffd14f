import { type AddressInfo, createServer } from 'node:net'
import type { Serve, ServedWire, ServeOptions, Server } from '../serve.ts'
import { Guests } from './guests.ts'
import { listening } from './listening.ts'
import { Sessions } from './tls.ts'
import { NodeWire } from './wire.ts'

const farewellMs = 1000

/** The Serve port over node:net. */
export class NodeServe implements Serve {
  async listen({ host, port, maxConnections }: ServeOptions, onWire: (wire: ServedWire) => void): Promise<Server> {
    const wires = new Set<NodeWire>()
    const sessions = new Sessions()
    const guests = new Guests(maxConnections)
    const server = createServer((socket) => {
      if (!guests.take(socket)) return
      const wire = new NodeWire(socket, `${socket.remoteAddress}:${socket.remotePort}`, sessions, () => guests.welcome(socket))
      wires.add(wire)
      socket.once('close', () => wires.delete(wire))
      onWire(wire)
    })
    await listening(server, port, host)
    server.on('error', () => {})
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          const late = setTimeout(() => wires.forEach((wire) => void wire.close()), farewellMs)
          server.close(() => {
            clearTimeout(late)
            resolve()
          })
        }),
    }
  }
}
