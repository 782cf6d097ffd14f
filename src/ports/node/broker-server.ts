import { hash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:net'
import type { AuthenticateError, Client } from 'aedes'
import { BrokerError, type BrokerServer, type BrokerServerEvents, type BrokerServerOptions } from '../broker.ts'
import { type Log, sentence } from '../log.ts'

/**
 * A small broker of our own over `aedes`, which is loaded only here. A publisher is acknowledged after the gateway has the alert: aedes
 * asks `authorizePublish` before it sends PUBACK or PUBREC.
 */
const connectMs = 10_000
/** QoS 2 packets whose PUBREL is awaited, of all clients. */
const unreleasedLimit = 10_000

export async function serveBroker(options: BrokerServerOptions, on: BrokerServerEvents, log: Log): Promise<BrokerServer> {
  const { host, port } = addressOf(options.listen)
  if (options.users.length === 0 && !isLoopback(host))
    throw new BrokerError(
      'refused',
      'EACCES',
      `The embedded broker listens on ${options.listen}, where others can reach it, but has no users. Add broker.users, or listen on 127.0.0.1.`,
    )
  const { Aedes } = await import('aedes')
  const unreleased = new Map<string, string>()
  const users = new Map(options.users.map((user) => [user.name, user.password]))
  const names = new WeakMap<Client, string>()
  const broker = await Aedes.createBroker({
    connectTimeout: connectMs,
    heartbeatInterval: 60_000,
    authenticate: (client, username, password, done) => {
      const name = username ?? ''
      const known = users.size === 0 || sameSecret(users.get(name), password?.toString() ?? '')
      if (known) {
        if (name) names.set(client, name)
        return done(null, true)
      }
      log('warning', 'embedded broker: wrong user or password', { client: client.id, user: name })
      done(Object.assign(new Error('wrong user or password'), { returnCode: 4 }) as AuthenticateError, false)
    },
    authorizePublish: (client, packet, done) => {
      if (!client || packet.topic.startsWith('$SYS/'))
        return done(packet.topic.startsWith('$SYS/') ? new Error('$SYS is not for clients') : null)
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
      if (payload.length > options.maxBytes) return done(new Error(`more than ${options.maxBytes} octets`))
      // aedes asks again when a QoS 2 packet is repeated before its release.
      const name = `${client.id}\0${packet.messageId}`
      const print = hash('sha1', Buffer.concat([Buffer.from(`${packet.topic}\0`), payload]))
      if (packet.qos === 2 && packet.dup && unreleased.get(name) === print) return done(null)
      const user = names.get(client)
      const packetId = packet.messageId
      on.message({
        topic: packet.topic,
        payload,
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        clientId: client.id,
        ...(packetId === undefined ? {} : { packetId }),
        ...(user === undefined ? {} : { user }),
      }).then(
        (taking) => {
          if (taking === 'refused') return done(new Error('not accepted now'))
          if (packet.qos === 2) {
            unreleased.set(name, print)
            if (unreleased.size > unreleasedLimit) unreleased.delete(unreleased.keys().next().value ?? '')
          }
          done(null)
        },
        (error) => done(error instanceof Error ? error : new Error(String(error))),
      )
    },
  })
  broker.on('clientError', (client, error) =>
    log('warning', 'embedded broker: a client was dropped', { client: client.id, why: sentence(error) }),
  )
  broker.on('connectionError', (_, error) => log('debug', 'embedded broker: a connection failed', { why: sentence(error) }))
  const server = createServer(broker.handle)
  server.maxConnections = options.maxClients
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      broker.close()
      const why =
        error.code === 'EADDRINUSE'
          ? `Something else listens on ${options.listen} already. Stop it, or set broker.listen to another port.`
          : `The embedded broker cannot listen on ${options.listen}: ${sentence(error)}`
      reject(new BrokerError('refused', error.code ?? 'EUNKNOWN', why, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return {
    address: typeof address === 'object' && address ? `${host}:${address.port}` : options.listen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        broker.close()
      }),
  }
}

function addressOf(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(at + 1)) }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)

function sameSecret(expected: string | undefined, given: string): boolean {
  const [a, b] = [hash('sha256', expected ?? '', 'buffer'), hash('sha256', given, 'buffer')]
  return timingSafeEqual(a, b) && expected !== undefined
}
