import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'

/** An OAuth2 token endpoint on loopback over HTTPS: it answers by `answer`, and remembers what it was asked. */
export type Asked = { form: URLSearchParams; contentType: string | undefined }

export class TokenEndpoint {
  readonly asked: Asked[] = []
  answer: (form: URLSearchParams) => { status: number; body: string | Buffer } = () => ({ status: 500, body: '' })
  readonly #server: Server

  constructor(tls: { cert: string; key: string }) {
    this.#server = createServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, (request, response) => {
      let body = ''
      request.on('data', (bytes) => {
        body += bytes
      })
      request.on('end', () => {
        const form = new URLSearchParams(body)
        this.asked.push({ form, contentType: request.headers['content-type'] })
        const { status, body: answer } = this.answer(form)
        response.writeHead(status, { 'content-type': 'application/json' }).end(answer)
      })
    })
  }

  /** The address to ask. */
  async start(): Promise<string> {
    return `https://localhost:${await listening(this.#server)}/token`
  }

  stop(): Promise<void> {
    return closed(this.#server)
  }
}

/** The same port with anything behind it: what comes after the handshake is up to `talk`. */
export class TlsTalker {
  readonly #server: TlsServer
  readonly #sockets = new Set<TLSSocket>()

  constructor(tls: { cert: string; key: string }, talk: (socket: TLSSocket) => void) {
    this.#server = createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      talk(socket)
    })
    this.#server.on('tlsClientError', () => {})
  }

  async start(): Promise<string> {
    return `https://localhost:${await listening(this.#server)}/token`
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    return closed(this.#server)
  }
}

const listening = (server: Server | TlsServer): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' ? (address?.port ?? 0) : 0)
    }),
  )

const closed = (server: Server | TlsServer): Promise<void> =>
  new Promise((resolve) => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close(() => resolve())
  })
