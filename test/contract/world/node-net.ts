import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { NodeNet } from '../../../src/ports/node/net.ts'
import { Authority, type Identity, type Wanted } from '../../peers/authority.ts'
import { freePort, sleep } from '../../peers/process.ts'
import type { NetWorld, PeerWire, Showing } from '../net-world.ts'

/** Real sockets and certificates on loopback for the Net contract. */
const host = '127.0.0.1'

type Certificates = { ca: string; of: Record<Showing, SecureContext> }

function certificates(dir: string): Certificates {
  const authority = new Authority(dir)
  const localhost = { names: ['DNS:localhost', 'IP:127.0.0.1'], commonName: 'localhost' }
  const read = ({ cert, key }: Identity) => createSecureContext({ cert, key })
  const make = (more: Wanted = {}, by = authority) => read(by.issue({ ...localhost, ...more }))
  return {
    ca: authority.pem,
    of: {
      good: make(),
      expired: make({ fromDays: -730, toDays: -365 }),
      'not yet valid': make({ fromDays: 365, toDays: 730 }),
      'for another name': make({ names: ['DNS:relay.example.org'] }),
      'self-signed': read(authority.selfSigned(localhost)),
      'by a stranger': make({}, new Authority(dir, 'Stranger CA')),
    },
  }
}

/** Made once, for all stories; a session is only taken up again where its ticket was made. */
let made: Certificates | undefined

export async function nodeNetWorld(): Promise<NetWorld> {
  const dir = mkdtempSync(`${tmpdir()}/outpost-net-`)
  made ??= certificates(dir)
  const { ca, of } = made
  const ends: (() => unknown)[] = []
  return {
    net: new NodeNet(),
    ca,
    name: 'localhost',
    peer: async (play, showing) => {
      const server = createServer((socket) => {
        ends.push(() => socket.destroy())
        const peer = played(socket, of)
        if (showing) peer.secure(showing)
        play(peer)
      })
      await new Promise<void>((resolve) => server.listen(0, host, resolve))
      ends.push(() => server.close())
      const address = server.address()
      return { host, port: typeof address === 'object' && address ? address.port : 0 }
    },
    closed: '127.0.0.2',
    refusing: async () => ({ host, port: await freePort() }),
    silent: async () => {
      const { port, done } = await deafPort()
      ends.push(done)
      return { host, port }
    },
    path: () => `${dir}/socket`,
    pass: sleep,
    done: async () => {
      for (const end of ends.reverse()) await end()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function played(plain: Socket, of: Certificates['of']): PeerWire {
  let socket: Socket | TLSSocket = plain
  let heard = ''
  let ended = false
  const hear = (one: Socket | TLSSocket) => {
    one.on('data', (bytes) => {
      heard += bytes.toString('latin1')
    })
    for (const event of ['end', 'close', 'error'])
      one.on(event, () => {
        ended = true
      })
  }
  hear(plain)
  return {
    heard: () => heard,
    say: (octets) => void socket.write(octets),
    hangUp: () => void socket.end(),
    reset: () => void plain.resetAndDestroy(),
    secure: (showing) => {
      plain.removeAllListeners('data')
      socket = new TLSSocket(plain, { isServer: true, secureContext: of[showing] })
      hear(socket)
    },
    waiting: () => socket.writableLength,
    ended: () => ended,
  }
}

/** A port whose kernel queue is full and whose owner never looks at it: a connection there is neither taken nor refused. */
async function deafPort(): Promise<{ port: number; done: () => Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ port: 0, host: '${host}', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 20)
     })`,
    { eval: true },
  )
  const port = await new Promise<number>((resolve) => worker.once('message', resolve))
  await sleep(100)
  const fill = Array.from({ length: 4 }, () => connect(port, host).on('error', () => {}))
  await sleep(50)
  return {
    port,
    done: async () => {
      for (const socket of fill) socket.destroy()
      await worker.terminate()
    },
  }
}
