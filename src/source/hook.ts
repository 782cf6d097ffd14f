import type { Source, SourceState, SourceTools, Taken } from './source.ts'

/** Hook: what a machine posts to the web server. It has no wire of its own; the one who posts hears whether it was taken. */
export class Hook implements Source {
  readonly id: string
  readonly #tools: SourceTools
  #heard = 0
  #running = false

  constructor(id: string, tools: SourceTools) {
    this.id = id
    this.#tools = tools
  }

  start(): void {
    this.#running = true
  }

  async stop(): Promise<void> {
    this.#running = false
  }

  state(): SourceState {
    return { id: this.id, kind: 'http', state: this.#running ? 'up' : 'stopped', heard: this.#heard, overruns: 0 }
  }

  /** `accepted` means durable. */
  async hear(bytes: Uint8Array): Promise<Taken> {
    if (!this.#running) return { kind: 'refused', why: 'the gateway is stopping', hint: 'Send it again in a moment.', again: true }
    this.#heard++
    return this.#tools.take({ source: this.id, bytes })
  }
}
