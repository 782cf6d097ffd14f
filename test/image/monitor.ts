import { connect, type Socket } from 'node:net'

type Answer = { event?: string; id?: number; return?: unknown; error?: { desc: string } }

/** Monitor: what QEMU tells of the machine, and does to it (QMP): how often its watchdog bit, what was written to its disk, how fast that may be. */
export class Monitor {
  bites = 0
  readonly #socket: Socket
  readonly #asked = new Map<number, (answer: Answer) => void>()
  #count = 0
  #rest = ''

  constructor(path: string) {
    this.#socket = connect(path, () => this.#socket.write('{"execute":"qmp_capabilities"}\n'))
    this.#socket.setEncoding('utf8')
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      for (const answer of this.#asked.values()) answer({ error: { desc: 'The machine is off.' } })
    })
    this.#socket.on('data', (text: string) => {
      const lines = `${this.#rest}${text}`.split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#hear(JSON.parse(line) as Answer)
    })
  }

  #hear(answer: Answer): void {
    if (answer.event === 'WATCHDOG') this.bites += 1
    if (answer.id === undefined) return
    this.#asked.get(answer.id)?.(answer)
    this.#asked.delete(answer.id)
  }

  /** Rejects with QEMU's own words. */
  async #ask(execute: string, more: object = {}): Promise<unknown> {
    this.#count += 1
    const id = this.#count
    const answer = await new Promise<Answer>((resolve) => {
      this.#asked.set(id, resolve)
      this.#socket.write(`${JSON.stringify({ execute, arguments: more, id })}\n`)
    })
    if (answer.error) throw new Error(`${execute}: ${answer.error.desc}`)
    return answer.return
  }

  /** Octets and requests that the machine has written to its disk since the power came. */
  async written(): Promise<{ bytes: number; requests: number }> {
    type Stats = { device: string; stats: { wr_bytes: number; wr_operations: number } }[]
    const disk = ((await this.#ask('query-blockstats')) as Stats).find(({ device }) => device === 'disk')
    if (!disk) throw new Error('QEMU knows no such disk.')
    return { bytes: disk.stats.wr_bytes, requests: disk.stats.wr_operations }
  }

  /** A disk that takes so many requests in a second and no more. */
  async slow(writesPerSecond: number): Promise<void> {
    await this.#ask('block_set_io_throttle', {
      device: 'disk',
      bps: 0,
      bps_rd: 0,
      bps_wr: 0,
      iops: 0,
      iops_rd: 0,
      iops_wr: writesPerSecond,
    })
  }

  /** Pulls the cable of its network, or puts it in. */
  async cable(plugged: boolean): Promise<void> {
    await this.#ask('set_link', { name: 'net', up: plugged })
  }

  close(): void {
    this.#socket.destroy()
  }
}
