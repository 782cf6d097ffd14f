import type { Machine } from './machine.ts'

/** Owner: somebody at the page of a machine, by the port of this one that leads there. */
export class Owner {
  readonly #machine: Machine
  #cookie = ''

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get(path: string): Promise<Response> {
    return this.#ask(path, {})
  }

  /** As the page sends it; whoever comes in by it stays in. */
  async post(path: string, body: unknown): Promise<Response> {
    const answer = await this.#ask(path, { method: 'POST', body: JSON.stringify(body) })
    this.#cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.#cookie
    return answer
  }

  #ask(path: string, init: RequestInit): Promise<Response> {
    const origin = `http://127.0.0.1:${this.#machine.pagePort}`
    const headers = { 'Content-Type': 'application/json', Origin: origin, Cookie: this.#cookie }
    return fetch(`${origin}${path}`, { ...init, headers, signal: AbortSignal.timeout(60_000) })
  }
}
