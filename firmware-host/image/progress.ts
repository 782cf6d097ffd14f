/** Progress: which step is at work, and for how long; one line each. On a terminal the seconds count up. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #began = performance.now()
  #step = 0
  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  seconds(since = this.#began): string {
    return ((performance.now() - since) / 1000).toFixed(1)
  }

  readonly note = (words: string): void => {
    this.#out.write(`${this.#out.isTTY ? '\r\u001b[K' : ''}      ${words}\n`)
  }

  async step<T>(name: string, deed: () => Promise<T>): Promise<T> {
    const began = performance.now()
    this.#step += 1
    const line = () => `[${this.#step}/6] ${name.padEnd(10)} ${this.seconds(began)} s`
    const timer = this.#out.isTTY ? setInterval(() => this.#out.write(`\r${line()}`), 500) : undefined
    try {
      const result = await deed()
      this.#out.write(`${this.#out.isTTY ? '\r' : ''}${line()}\n`)
      return result
    } finally {
      clearInterval(timer)
    }
  }
}
