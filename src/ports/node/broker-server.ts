import { createServer, type Server, type Socket } from 'node:net'
import type { Aedes, AuthenticateError, Client, PublishPacket } from 'aedes'
import { BrokerError, type BrokerServer, type BrokerServerEvents, type BrokerServerOptions, type Taking } from '../broker.ts'
import type { Clock } from '../clock.ts'
import { type Log, sentence } from '../log.ts'
import { BrokerStore, type Persistence } from './broker-store.ts'
import { BrokerUsers, type Verdict } from './broker-users.ts'
import { whyNoPlace } from './listening.ts'
import { PacketLengths } from './packet-lengths.ts'

/**
 * A small broker of our own over `aedes`, which is loaded only here. A publisher is acknowledged after the gateway has the alert: aedes
 * asks `authorizePublish` before it sends PUBACK or PUBREC.
 */
const connectMs = 10_000

/** The six other fields that a packet may have (topic, client id, will and its topic, name, password), of 64 KiB each. */
const fieldsLimit = 6 * 65_536

/** MQTT 3.1.1 section 3.2.2.3: what a client may do about it differs. */
const refusals: Readonly<Record<Exclude<Verdict, 'in'>, { why: string; returnCode: 3 | 4 }>> = {
  wrong: { why: 'wrong user or password', returnCode: 4 },
  wait: { why: 'too many wrong passwords, try later', returnCode: 3 },
}

export async function serveBroker(options: BrokerServerOptions, on: BrokerServerEvents, clock: Clock, log: Log): Promise<BrokerServer> {
  const { host } = addressOf(options.listen)
  if (options.users.length === 0 && !isLoopback(host))
    throw new BrokerError(
      'refused',
      'EACCES',
      `The embedded broker listens on ${options.listen}, where others can reach it, but has no users. Add broker.users, or listen on 127.0.0.1.`,
    )
  const { Aedes } = await import('aedes')
  const door = new Door(options, on, clock, log)
  const broker = await Aedes.createBroker({
    connectTimeout: connectMs,
    heartbeatInterval: 60_000,
    authenticate: (client, name, password, done) => {
      const verdict = door.admits(client, name ?? '', password?.toString() ?? '')
      if (verdict === 'in') return done(null, true)
      const { why, returnCode } = refusals[verdict]
      done(Object.assign(new Error(why), { returnCode }) as AuthenticateError, false)
    },
    authorizePublish: (client, packet, done) => void door.take(client, packet).then((fault) => done(fault ? new Error(fault) : null)),
  })
  const { persistence, clients } = broker as unknown as { persistence: Persistence; clients: Record<string, unknown> }
  const store = BrokerStore.within(persistence, (client) => clients[client] !== undefined, log)
  door.holds = (client, packet) => store.holds(client, packet)
  broker.on('clientError', (client, error) =>
    // Of those that were sent away the door tells, and bounds what it tells.
    log(door.letIn(client) ? 'warning' : 'debug', 'embedded broker: a client was dropped', { client: client.id, why: sentence(error) }),
  )
  broker.on('connectionError', (_, error) => log('debug', 'embedded broker: a connection failed', { why: sentence(error) }))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    limit(socket, options.maxBytes + fieldsLimit)
    broker.handle(socket)
  })
  server.maxConnections = options.maxClients
  await listening(server, options.listen, broker)
  const address = server.address()
  return {
    address: typeof address === 'object' && address ? `${host}:${address.port}` : options.listen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        broker.close()
        // Who has not said CONNECT yet is nobody to aedes.
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** aedes collects a packet to its end, however long; it is cut off where aedes would read on. */
function limit(socket: Socket, octets: number): void {
  const lengths = new PacketLengths(octets)
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    const bytes: Buffer | null = read(size)
    if (bytes === null || lengths.allow(bytes)) return bytes
    socket.destroy(new Error(`a packet of more than ${octets} octets`))
    return null
  }
}

/** Who comes in, and what is taken. */
class Door {
  readonly #options: BrokerServerOptions
  readonly #on: BrokerServerEvents
  readonly #log: Log
  readonly #users: BrokerUsers
  /** Who came in, and under which name. */
  readonly #names = new WeakMap<Client, string>()
  /** The answer to each client's last packet. */
  readonly #turns = new WeakMap<Client, Promise<Taking>>()
  /** Whether this very QoS 2 packet was taken, and its PUBREL is awaited. */
  holds: (client: Client, packet: PublishPacket) => boolean = () => false

  constructor(options: BrokerServerOptions, on: BrokerServerEvents, clock: Clock, log: Log) {
    this.#options = options
    this.#on = on
    this.#log = log
    this.#users = new BrokerUsers(options.users, clock, log)
  }

  admits(client: Client, name: string, password: string): Verdict {
    const { remoteAddress: address = '' } = client.conn as Socket
    const verdict = this.#users.admits({ clientId: client.id, name, password, address })
    if (verdict === 'in') this.#names.set(client, name)
    return verdict
  }

  letIn(client: Client): boolean {
    return this.#names.has(client)
  }

  /** Why this packet is not acknowledged and its client cut off; undefined when it is. Never rejects. */
  async take(client: Client | null, packet: PublishPacket): Promise<string | undefined> {
    if (packet.topic.startsWith('$SYS/')) return '$SYS is not for clients'
    if (!client) return undefined
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    if (payload.length > this.#options.maxBytes) return `more than ${this.#options.maxBytes} octets`
    // aedes asks again when a QoS 2 packet is repeated before its release. DUP alone says nothing, since the first copy may never have come.
    if (packet.qos === 2 && packet.dup && this.holds(client, packet)) return undefined
    return (await this.#inTurn(client, this.#tell(client, packet, payload))) === 'refused' ? 'not accepted now' : undefined
  }

  async #tell(client: Client, { topic, qos, retain, dup, messageId }: PublishPacket, payload: Uint8Array): Promise<Taking> {
    const user = this.#names.get(client)
    try {
      return await this.#on.message({
        topic,
        payload,
        qos,
        retain,
        dup,
        clientId: client.id,
        ...(messageId === undefined ? {} : { packetId: messageId }),
        ...(user ? { user } : {}),
      })
    } catch (error) {
      this.#log('error', 'embedded broker: a message could not be taken', { client: client.id, why: sentence(error) })
      return 'refused'
    }
  }

  /** What comes in one segment is asked about at once; the answers leave in the order of arrival (MQTT 3.1.1 section 4.6). */
  #inTurn(client: Client, taking: Promise<Taking>): Promise<Taking> {
    const turn = (this.#turns.get(client) ?? Promise.resolve()).then(() => taking)
    this.#turns.set(client, turn)
    return turn
  }
}

function listening(server: Server, listen: string, broker: Aedes): Promise<void> {
  const { host, port } = addressOf(listen)
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      broker.close()
      reject(new BrokerError('refused', error.code ?? 'EUNKNOWN', whyNoPlace(host, port, error), { cause: error }))
    })
    server.listen(port, host, resolve)
  })
}

function addressOf(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(at + 1)) }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)
