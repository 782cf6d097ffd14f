import { createServer, type ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Caller, Http, HttpListener, HttpOptions } from '../http.ts'
import { listening } from './listening.ts'
import { Seats } from './seats.ts'

/** Enough for eight pages with their streams and some machines; memory is bounded by it. */
const seatsLimit = 128
/** Authenticated encryption and forward secrecy alone; every browser of the last ten years has them. */
const ciphers = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20'
/** Of TLS; Node's own is two minutes. */
const handshakeMs = 10_000
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
  async listen({ host, port, tls }: HttpOptions, answer: (request: Request, caller: Caller) => Promise<Response>): Promise<HttpListener> {
    const { getRequestListener } = await import('@hono/node-server')
    const listener = getRequestListener(
      (request, { incoming }) => {
        const { remoteAddress = '', localAddress = '', localPort } = incoming.socket
        const here = plain(localAddress)
        return answer(request, {
          address: plain(remoteAddress),
          local: `${here.includes(':') ? `[${here}]` : here}:${localPort}`,
          secure: (incoming.socket as Partial<TLSSocket>).encrypted === true,
        })
      },
      { overrideGlobalObjects: false },
    )
    const server = tls
      ? createSecureServer({ ...bounds, ...tls, minVersion: 'TLSv1.2', ciphers, handshakeTimeout: handshakeMs }, listener)
      : createServer(bounds, listener)
    const seats = new Seats(seatsLimit)
    server.on('connection', (socket) => seats.take(socket))
    server.prependListener('request', (request, response) => seats.asked(request, response))
    // Those that lost their seat are counted until they are closed.
    server.maxConnections = 4 * seatsLimit
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

/** IPv4 in IPv6 (RFC 4291 section 2.5.5.2) is IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:/, '')
