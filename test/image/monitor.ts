import { connect, type Socket } from 'node:net'

/** Monitor: what QEMU tells of the machine (QMP): here, how often its watchdog bit. */
export class Monitor {
  bites = 0
  readonly #socket: Socket
  #rest = ''

  constructor(path: string) {
    this.#socket = connect(path, () => this.#socket.write('{"execute":"qmp_capabilities"}\n'))
    this.#socket.setEncoding('utf8')
    this.#socket.on('error', () => {})
    this.#socket.on('data', (text: string) => {
      const lines = `${this.#rest}${text}`.split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) if ((JSON.parse(line) as { event?: string }).event === 'WATCHDOG') this.bites += 1
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}
