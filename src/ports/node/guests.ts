import type { Socket } from 'node:net'

/**
 * Guests: seats for connections to a server that wants a login. When all are taken, a newcomer gets that of whoever has been longest without a login, of the address that has most of those; who is
 * logged in keeps its own. So whoever opens connections by the dozen and says little in them (CWE-400) pushes out itself, and keeps nobody out.
 */
export class Guests {
  readonly #most: number
  readonly #known = new Set<Socket>()
  /** With their addresses, oldest first. */
  readonly #strangers = new Map<Socket, string>()

  constructor(most: number) {
    this.#most = most
  }

  /** A connection has come. False: everybody here is logged in, and it is sent away. */
  take(socket: Socket): boolean {
    if (this.#known.size + this.#strangers.size >= this.#most && !this.#free()) {
      socket.destroy()
      return false
    }
    this.#strangers.set(socket, socket.remoteAddress ?? '')
    socket.once('close', () => {
      this.#strangers.delete(socket)
      this.#known.delete(socket)
    })
    return true
  }

  /** It is known who this is. */
  welcome(socket: Socket): void {
    if (this.#strangers.delete(socket)) this.#known.add(socket)
  }

  #free(): boolean {
    const counts = new Map<string, number>()
    for (const address of this.#strangers.values()) counts.set(address, (counts.get(address) ?? 0) + 1)
    const most = Math.max(...counts.values())
    for (const [socket, address] of this.#strangers) {
      if (counts.get(address) !== most) continue
      this.#strangers.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }
}
