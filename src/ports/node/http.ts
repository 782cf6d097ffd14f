import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Caller, Http, HttpListener, HttpOptions } from '../http.ts'
import { listening } from './listening.ts'
import { Seats } from './seats.ts'

/** Enough for eight pages with their streams and some machines; memory is bounded by it. */
const seats = 128
/** Authenticated encryption and forward secrecy alone; every browser of the last ten years has them. */
const ciphers = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20'
/** Of TLS; Node's own is two minutes. */
const handshakeMs = 10_000
/** How long an answer may lie here while nobody takes an octet of it. */
const untakenMs = 30_000
const bounds: ServerOptions = {
  maxHeaderSize: 8192,
  // Slow senders (slowloris) are cut off: headers first, then the whole request.
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 2000,
}

/** The Http port over node:http and Hono's adapter, which is loaded with the first listener. */
export class NodeHttp implements Http {
  readonly #limits: { seats: number; untakenMs: number }

  constructor(limits: { seats?: number; untakenMs?: number } = {}) {
    this.#limits = { seats, untakenMs, ...limits }
  }

  async listen({ host, port, tls }: HttpOptions, answer: (request: Request, caller: Caller) => Promise<Response>): Promise<HttpListener> {
    const { getRequestListener } = await import('@hono/node-server')
    const listener = getRequestListener(
      async (request, { incoming, outgoing }) => {
        const response = await answer(request, callerOf(incoming.socket))
        if (!isStream(response)) cutWhenUntaken(outgoing as ServerResponse)
        return response
      },
      { overrideGlobalObjects: false },
    )
    const seats = new Seats(this.#limits.seats)
    const hear = (request: IncomingMessage, response: ServerResponse) => {
      if (!seats.asked(request, response)) return
      // Who waits for an answer that takes its time is not idle; without this Node would cut it off.
      response.on('timeout', () => {})
      void listener(request, response)
    }
    const server = tls
      ? createSecureServer({ ...bounds, ...tls, minVersion: 'TLSv1.2', ciphers, handshakeTimeout: handshakeMs }, hear)
      : createServer(bounds, hear)
    server.timeout = this.#limits.untakenMs
    server.on('connection', (socket) => seats.take(socket))
    // Those that lost their seat are counted until they are closed.
    server.maxConnections = 4 * this.#limits.seats
    server.maxHeadersCount = 64
    await listening(server, port, host)
    server.on('error', () => {})
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  }
}

function callerOf(socket: Socket | TLSSocket): Caller {
  const { remoteAddress = '', localAddress = '', localPort } = socket
  const here = plain(localAddress)
  return {
    address: plain(remoteAddress),
    local: `${here.includes(':') ? `[${here}]` : here}:${localPort}`,
    secure: 'encrypted' in socket && socket.encrypted === true,
  }
}

/** A stream of events holds a bounded number of them for who reads slowly, and stays. */
const isStream = (response: Response): boolean => response.headers.get('content-type') === 'text/event-stream'

/** A socket tells of a timeout only when not an octet went. */
const cutWhenUntaken = (response: ServerResponse): void =>
  void response.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy()
  })

/** IPv4 in IPv6 (RFC 4291 section 2.5.5.2) is IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:/, '')
