import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import type { Namespace } from '../../peers/namespace.ts'
import { run, sleep, stop } from '../../peers/process.ts'

/** A thin link between two namespaces, performed by delayline.c; the same instrument measures everybody who sends over it. */
export type Terms = {
  /** One way. */
  delayMs: number
  /** Bits a second; 0 is no limit. */
  rate: number
  /** What may wait for the line: the rest is dropped. */
  queueBytes?: number
  /** Fraction of the packets. */
  loss: number
  seed?: number
}

/** `payload` and `octets`: of TCP alone, and with the headers of TCP and IP. `lost` by chance, `dropped` because the queue was full. */
export type Traffic = { packets: number; payload: number; octets: number; lost: number; dropped: number }
/** `turns`: by connection, in the order of their beginning. */
export type Count = { up: Traffic; down: Traffic; turns: number[] }

/** Eight seconds at 64 kbit/s: what modems are known for. */
const queueBytes = 64 * 1024
const answerMs = 10_000
const quietLimitMs = 20_000

export class ThinLink {
  readonly nearAddress: string
  readonly farAddress: string
  readonly #child: ChildProcess
  #buffer = ''
  /** Who waits for an answer: they come in the order of the questions. */
  readonly #waiting: ((line: string) => void)[] = []

  private constructor(child: ChildProcess, subnet: string) {
    this.#child = child
    this.nearAddress = `${subnet}.1`
    this.farAddress = `${subnet}.2`
    child.stdout?.on('data', (bytes) => {
      this.#buffer += bytes
      const lines = this.#buffer.split('\n')
      this.#buffer = lines.pop() ?? ''
      for (const line of lines) this.#waiting.shift()?.(line)
    })
  }

  static compile(dir: string): string {
    const source = new URL('delayline.c', import.meta.url).pathname
    run('gcc', ['-O2', '-Wall', '-o', `${dir}/delayline`, source])
    return `${dir}/delayline`
  }

  /**
   * `subnet`: three numbers with dots; near gets .1, far .2. `name` is part of the devices' names: eight letters at most. Without `near` that end
   * is in the network of the machine itself.
   */
  static async lay(program: string, name: string, subnet: string, near: Namespace | undefined, far: Namespace): Promise<ThinLink> {
    const child = spawn(program, [`${name}-near`, `${name}-far`], { stdio: ['pipe', 'pipe', 'inherit'] })
    const link = new ThinLink(child, subnet)
    assert.equal(await link.#next(), 'ready')
    for (const [side, space, address] of [
      ['near', near, link.nearAddress],
      ['far', far, link.farAddress],
    ] as const) {
      const there = space ? ['-n', space.name] : []
      if (space) run('ip', ['link', 'set', `${name}-${side}`, 'netns', space.name])
      run('ip', [...there, 'address', 'add', `${address}/24`, 'dev', `${name}-${side}`])
      run('ip', [...there, 'link', 'set', `${name}-${side}`, 'up'])
    }
    return link
  }

  async set(terms: Terms): Promise<void> {
    const { delayMs, rate, loss, seed = 1 } = terms
    await this.#ask(`set delay=${delayMs} rate=${rate} queue=${terms.queueBytes ?? queueBytes} loss=${loss} seed=${seed}`, 'ok')
  }

  async up(): Promise<void> {
    await this.#ask('up', 'ok')
  }

  async down(): Promise<void> {
    await this.#ask('down', 'ok')
  }

  async reset(): Promise<void> {
    await this.#ask('reset', 'ok')
  }

  async report(): Promise<Count> {
    return JSON.parse(await this.#ask('report')) as Count
  }

  /** The counters, once nothing has entered the link for `forMs`. */
  async quiet(forMs: number): Promise<Count> {
    const end = performance.now() + quietLimitMs
    let last = await this.report()
    for (let since = performance.now(); performance.now() - since < forMs; ) {
      assert.ok(performance.now() < end, `the link was not quiet for ${forMs} ms within ${quietLimitMs} ms`)
      await sleep(50)
      const now = await this.report()
      if (now.up.packets + now.down.packets !== last.up.packets + last.down.packets) since = performance.now()
      last = now
    }
    return last
  }

  /** The devices go with it. */
  async remove(): Promise<void> {
    this.#child.stdin?.end()
    await stop(this.#child)
  }

  async #ask(command: string, expected?: string): Promise<string> {
    this.#child.stdin?.write(`${command}\n`)
    const line = await this.#next()
    if (expected !== undefined) assert.equal(line, expected, command)
    return line
  }

  #next(): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the delay line does not answer')), answerMs)
      this.#waiting.push((line) => {
        clearTimeout(late)
        resolve(line)
      })
    })
  }
}
