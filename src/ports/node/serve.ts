import { type AddressInfo, createServer } from 'node:net'
import { NetError } from '../net.ts'
import type { Serve, ServedWire, ServeOptions, Server } from '../serve.ts'
import { codeOf } from './limited.ts'
import { Sessions } from './tls.ts'
import { NodeWire } from './wire.ts'

const farewellMs = 1000

/** The Serve port over node:net. */
export class NodeServe implements Serve {
  async listen({ host, port, maxConnections }: ServeOptions, onWire: (wire: ServedWire) => void): Promise<Server> {
    const wires = new Set<NodeWire>()
    const sessions = new Sessions()
    const server = createServer((socket) => {
      const wire = new NodeWire(socket, `${socket.remoteAddress}:${socket.remotePort}`, sessions)
      wires.add(wire)
      socket.once('close', () => wires.delete(wire))
      onWire(wire)
    })
    server.maxConnections = maxConnections
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(new NetError('connect', codeOf(error), `cannot listen on ${host}:${port}: ${codeOf(error)}`, { cause: error })),
      )
      server.listen(port, host, resolve)
    })
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
