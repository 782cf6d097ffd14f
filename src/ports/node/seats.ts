import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Seats for connections to a web server, with one question at a time in each. When all are taken, a newcomer gets that of whoever has been longest without a whole question, else of whoever was answered and
 * does not take it; who waits for an answer, such as a page for its stream, keeps its own. So whoever opens connections by the hundred and says little in them (slowloris, CWE-400), or reads nothing,
 * keeps nobody out.
 */
export class Seats {
  readonly #most: number
  /** Whoever was answered last sits last. */
  readonly #taken = new Map<string, Socket>()
  readonly #asked = new Map<string, Question>()
  /** Answers of a connection that have not gone yet. */
  readonly #unclosed = new Map<string, number>()

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

  /**
   * The head of a question has come; its body may be on its way. False: it is not to be answered, and its connection is cut off. Browsers wait for an answer before they ask on; a thousand questions fit into one
   * segment, and their answers would lie in memory until somebody reads them.
   */
  asked(request: IncomingMessage, response: ServerResponse): boolean {
    const name = nameOf(request.socket)
    const before = this.#asked.get(name)
    const unclosed = before?.request.socket === request.socket ? (this.#unclosed.get(name) ?? 0) : 0
    // One that was answered may not have been told as gone yet, when its client asks on.
    if (unclosed > 1 || (unclosed === 1 && before?.response.writableEnded !== true)) {
      request.socket.destroy()
      return false
    }
    this.#asked.set(name, { request, response })
    this.#unclosed.set(name, unclosed + 1)
    response.once('close', () => this.#answered(name, request))
    return true
  }

  #answered(name: string, request: IncomingMessage): void {
    const unclosed = (this.#unclosed.get(name) ?? 0) - 1
    if (unclosed > 0) this.#unclosed.set(name, unclosed)
    else this.#unclosed.delete(name)
    if (this.#asked.get(name)?.request === request) this.#asked.delete(name)
    const socket = this.#taken.get(name)
    if (!socket) return
    this.#taken.delete(name)
    this.#taken.set(name, socket)
  }

  #free(): boolean {
    const name = this.#first((asked) => !asked?.request.complete) ?? this.#first((asked) => asked?.response.writableEnded === true)
    if (name === undefined) return false
    this.#taken.get(name)?.destroy()
    this.#taken.delete(name)
    return true
  }

  #first(which: (asked: Question | undefined) => boolean): string | undefined {
    return [...this.#taken.keys()].find((name) => which(this.#asked.get(name)))
  }
}

type Question = { request: IncomingMessage; response: ServerResponse }

/** The same for a connection and for the TLS in it. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
