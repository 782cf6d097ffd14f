import { connect, type Socket } from 'node:net'

/** SerialLine: the far end of the machine's serial port: a sensor that says a line and waits for `OK id`. */
export class SerialLine {
  readonly #socket: Socket
  #heard = ''
  #wake: () => void = () => {}

  constructor(path: string) {
    this.#socket = connect(path)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => {
      this.#heard += text
      this.#wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#wake())
  }

  /** Says a line; resolves with whether it was acknowledged within `seconds`. */
  async say(line: string, seconds: number): Promise<boolean> {
    this.#heard = ''
    this.#socket.write(`${line}\r\n`)
    const late = performance.now() + seconds * 1000
    for (;;) {
      const answer = /(OK|NO) [^\r\n]*[\r\n]/.exec(this.#heard)
      if (answer) return answer[1] === 'OK'
      const left = late - performance.now()
      if (left <= 0 || this.#socket.destroyed) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}
