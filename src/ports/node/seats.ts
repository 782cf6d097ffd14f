import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Seats for connections to a web server. When all are taken, a newcomer gets that of whoever has been longest without a whole question; who waits for an answer, such as a page for its stream, keeps its own.
 * So whoever opens connections by the hundred and says little in them (slowloris, CWE-400) keeps nobody out.
 */
export class Seats {
  readonly #most: number
  /** Whoever was answered last sits last. */
  readonly #taken = new Map<string, Socket>()
  readonly #asked = new Map<string, IncomingMessage>()

  constructor(most: number) {
    this.#most = most
  }

  /** A connection has come, perhaps one in which there is no TLS yet. */
  take(socket: Socket): void {
    if (this.#taken.size >= this.#most && !this.#free()) {
      socket.destroy()
      return
    }
    const name = nameOf(socket)
    this.#taken.set(name, socket)
    socket.once('close', () => {
      if (this.#taken.get(name) === socket) this.#taken.delete(name)
    })
  }

  /** The head of a question has come; its body may be on its way. */
  asked(request: IncomingMessage, response: ServerResponse): void {
    const name = nameOf(request.socket)
    this.#asked.set(name, request)
    response.once('close', () => {
      if (this.#asked.get(name) === request) this.#asked.delete(name)
      const socket = this.#taken.get(name)
      if (!socket) return
      this.#taken.delete(name)
      this.#taken.set(name, socket)
    })
  }

  #free(): boolean {
    for (const [name, socket] of this.#taken) {
      if (this.#asked.get(name)?.complete) continue
      this.#taken.delete(name)
      socket.destroy()
      return true
    }
    return false
  }
}

/** The same for a connection and for the TLS in it. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
