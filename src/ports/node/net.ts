import { promises as dns } from 'node:dns'
import { chmod, type FileHandle, open, rm } from 'node:fs/promises'
import { connect as connectSocket, createServer, isIP, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { type Listener, type Net, NetError, type Target, type WebRequest, type WebResponse, type Wire } from '../net.ts'
import { codeOf, limited } from './limited.ts'
import { contextOf, explained, Sessions } from './tls.ts'
import { NodeWire } from './wire.ts'

/** The Net port over Node's sockets: names, connections and Unix sockets. wire.ts has the stream, tls.ts the handshake, trust.ts the judgement. */

/** Callers of one Unix socket at a time. */
const connectionsLimit = 32
/** For an answer that is being given when the listener is closed. */
const farewellMs = 1000
/** A Unix socket's name may have 107 octets; a longer one is reached by way of its open directory. */
const pathLimit = 100

export class NodeNet implements Net {
  readonly #sessions = new Sessions()

  async connect(target: Target): Promise<Wire> {
    const deadline = performance.now() + target.timeoutMs
    const addresses = target.addresses ?? (await this.resolve(target.host, target.timeoutMs))
    let last: unknown
    for (const [index, address] of addresses.entries()) {
      const left = deadline - performance.now()
      if (left <= 0) break
      try {
        const socket = await opened(address, target.port, left / Math.min(2, addresses.length - index))
        const wire = new NodeWire(socket, `${target.host}:${target.port}`, this.#sessions)
        if (target.tls) await wire.startTls(target.tls, Math.max(1000, deadline - performance.now()))
        return wire
      } catch (error) {
        last = error
        if (error instanceof NetError && error.stage === 'tls') break
      }
    }
    throw last instanceof NetError ? last : new NetError('connect', 'ETIMEDOUT', `no answer from ${target.host}:${target.port} in time`)
  }

  async resolve(host: string, timeoutMs: number): Promise<string[]> {
    if (isIP(host)) return [host]
    try {
      const found = await limited(
        dns.lookup(host, { all: true, verbatim: true }),
        timeoutMs,
        () => new NetError('dns', 'ETIMEOUT', `no name server answered for ${host}`),
      )
      return found.map((one) => one.address)
    } catch (error) {
      throw error instanceof NetError
        ? error
        : new NetError('dns', codeOf(error), `the name ${host} could not be looked up: ${codeOf(error)}`, { cause: error })
    }
  }

  /** The HTTP client is loaded when it is first needed: most boxes never do. */
  async request(request: WebRequest): Promise<WebResponse> {
    const { webRequest } = await import('./web.ts')
    return webRequest(request, contextOf, explained)
  }

  async connectPath(path: string): Promise<Wire> {
    const near = await reachable(path)
    try {
      return await new Promise((resolve, reject) => {
        const socket = connectSocket(near.path)
        socket.once('error', (error) =>
          reject(new NetError('connect', codeOf(error), `cannot reach ${path}: ${codeOf(error)}`, { cause: error })),
        )
        socket.once('connect', () => resolve(new NodeWire(socket, path, this.#sessions)))
      })
    } finally {
      await near.done()
    }
  }

  async listenPath(path: string, onWire: (wire: Wire) => void): Promise<Listener> {
    const wires = new Set<NodeWire>()
    const server = createServer((socket) => {
      const wire = new NodeWire(socket, path, this.#sessions)
      wires.add(wire)
      socket.once('close', () => wires.delete(wire))
      onWire(wire)
    })
    server.maxConnections = connectionsLimit
    const near = await reachable(path)
    try {
      await rm(near.path, { force: true })
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) =>
          reject(new NetError('connect', codeOf(error), `cannot listen on ${path}: ${codeOf(error)}`, { cause: error })),
        )
        server.listen(near.path, resolve)
      })
      await chmod(near.path, 0o600)
    } finally {
      await near.done()
    }
    return {
      address: path,
      close: () =>
        new Promise((resolve) => {
          const late = setTimeout(() => wires.forEach((wire) => void wire.close()), farewellMs)
          server.close(() => {
            clearTimeout(late)
            void rm(path, { force: true }).then(() => resolve())
          })
        }),
    }
  }
}

function opened(address: string, port: number, timeoutMs: number): Promise<Socket> {
  const socket = connectSocket({ host: address, port })
  const done = new Promise<Socket>((resolve, reject) => {
    socket.once('connect', () => resolve(socket))
    // It stays: what breaks before the wire listens must not end the process.
    socket.on('error', (error) =>
      reject(new NetError('connect', codeOf(error), `${address} port ${port} cannot be reached: ${codeOf(error)}`, { cause: error })),
    )
  })
  return limited(done, timeoutMs, () => {
    socket.destroy()
    return new NetError('connect', 'ETIMEDOUT', `${address} port ${port} did not answer in ${Math.round(timeoutMs)} ms`)
  })
}

/** A name that the kernel takes; `done` lets its directory go. Rejects with NetError. */
async function reachable(path: string): Promise<{ path: string; done(): Promise<void> }> {
  if (Buffer.byteLength(path) <= pathLimit) return { path, done: async () => {} }
  const dir: FileHandle = await open(dirname(path), 'r').catch((error) => {
    throw new NetError('connect', codeOf(error), `cannot reach the directory of ${path}: ${codeOf(error)}`, { cause: error })
  })
  return { path: `/proc/self/fd/${dir.fd}/${basename(path)}`, done: () => dir.close() }
}
