import { cleanLine } from '../alert/clean.ts'
import type { Cancel } from '../ports/clock.ts'
import { sleep } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { LineSettings, Serial, SerialLine } from '../ports/serial.ts'
import { backoff } from './backoff.ts'
import { createFramer, type FrameOptions, type Framer } from './frame.ts'
import type { Source, SourceState, SourceTools, Taken } from './source.ts'

/**
 * Serial source: frames from one line, taken one at a time in their order, acknowledged only after they are durable. The line is opened again
 * for ever; an adapter that comes back under another number is followed by its by-id name.
 */
export type SerialSourceOptions = { id: string; line: LineSettings; frame: FrameOptions; acknowledge: 'none' | 'ack-nak' | 'line' }

/** Frames that wait to be taken while the disk is slow; most lines have no flow control, so beyond it frames are lost and counted. */
const framesLimit = 1000
const octetsLimit = 1024 * 1024
const reopen = { firstMs: 500, maxMs: 30_000 }
/** A sensor that is not answered does not repeat: what was refused for now is tried again. */
const againMs = 1000
const stopMs = 2000
const whyChars = 80

export const serialSource = (options: SerialSourceOptions, serial: Serial, tools: SourceTools): Source =>
  new SerialSource(options, serial, tools)

class SerialSource implements Source {
  readonly id: string
  readonly #options: SerialSourceOptions
  readonly #serial: Serial
  readonly #tools: SourceTools
  readonly #stopping = new AbortController()
  #framer: Framer
  #line: SerialLine | undefined
  #byId: string | undefined
  #waiting: Uint8Array[] = []
  #octets = 0
  #taking: Promise<void> | undefined
  #idle: Cancel | undefined
  #state: SourceState['state'] = 'starting'
  #why: string | undefined
  #heard = 0
  #dropped = 0
  #cutBefore = 0
  #running: Promise<void> | undefined

  constructor(options: SerialSourceOptions, serial: Serial, tools: SourceTools) {
    this.id = options.id
    this.#options = options
    this.#serial = serial
    this.#tools = tools
    this.#framer = createFramer(options.frame)
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await Promise.race([this.#taking, sleep(this.#tools.clock, stopMs)])
    await this.#line?.close().catch(() => {})
    this.#state = 'stopped'
  }

  state(): SourceState {
    const overruns = this.#cutBefore + this.#framer.overruns + this.#dropped
    return {
      id: this.id,
      kind: 'serial',
      state: this.#state,
      heard: this.#heard,
      overruns,
      ...(this.#why === undefined ? {} : { why: this.#why }),
    }
  }

  async #run(): Promise<void> {
    const { clock, random, log } = this.#tools
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const lost = await this.#open()
        attempt = 0
        const why = await Promise.race([lost, aborted(signal)])
        if (signal.aborted) return
        this.#say('down', why ?? 'the line was lost')
      } catch (error) {
        this.#say('down', sentence(error))
      }
      if (this.#framer.pending > 0)
        log('warning', 'serial: an unfinished frame was given up with the line', { source: this.id, octets: this.#framer.pending })
      this.#cutBefore += this.#framer.overruns
      this.#framer = createFramer(this.#options.frame)
      await sleep(clock, backoff(attempt, reopen, random), signal)
    }
  }

  /** Resolves once the line is open; the promise within resolves when it is lost. */
  async #open(): Promise<Promise<string>> {
    const path = await this.#path()
    const lost = Promise.withResolvers<string>()
    this.#line = await this.#serial.open(
      { ...this.#options.line, path },
      { data: (bytes) => this.#data(bytes), closed: (why) => lost.resolve(why) },
    )
    this.#byId ??= (await this.#serial.list().catch(() => [])).find((port) => port.path === path)?.byId
    this.#say('up')
    return lost.promise
  }

  /** The name in the settings; or, when that has vanished, wherever the same adapter is now. */
  async #path(): Promise<string> {
    const { path } = this.#options.line
    const ports = this.#byId === undefined ? [] : await this.#serial.list().catch(() => [])
    if (ports.some((port) => port.path === path)) return path
    return ports.find((port) => port.byId === this.#byId)?.path ?? path
  }

  #say(state: SourceState['state'], why?: string): void {
    if (this.#state !== state || this.#why !== why)
      this.#tools.log(state === 'up' ? 'info' : 'warning', `serial: ${state}`, { source: this.id, path: this.#options.line.path, why })
    this.#state = state
    this.#why = why
  }

  #data(bytes: Uint8Array): void {
    this.#idle?.()
    this.#enqueue(this.#framer.push(bytes))
    const { idleMs } = this.#framer
    if (idleMs !== undefined && this.#framer.pending > 0)
      this.#idle = this.#tools.clock.after(idleMs, () => this.#enqueue(this.#framer.idle()))
  }

  #enqueue(frames: Uint8Array[]): void {
    for (const frame of frames) {
      if (this.#waiting.length >= framesLimit || this.#octets + frame.length > octetsLimit) {
        this.#dropped++
        this.#tools.log('error', 'serial: a frame was lost, the line is faster than the disk', { source: this.id, lost: this.#dropped })
        continue
      }
      this.#waiting.push(frame)
      this.#octets += frame.length
    }
    if (this.#waiting.length > 0)
      this.#taking ??= this.#takeAll().finally(() => {
        this.#taking = undefined
      })
  }

  async #takeAll(): Promise<void> {
    for (let frame = this.#waiting[0]; frame; frame = this.#waiting[0]) {
      const taken = await this.#take(frame)
      // Whoever gets an answer repeats what was refused; whoever gets none cannot, so it is kept.
      if (taken.kind === 'refused' && taken.again && this.#options.acknowledge === 'none' && !this.#stopping.signal.aborted) {
        await sleep(this.#tools.clock, againMs, this.#stopping.signal)
        continue
      }
      this.#waiting.shift()
      this.#octets -= frame.length
      if (taken.kind === 'accepted') this.#heard++
      const answer = answerTo(taken, this.#options.acknowledge)
      if (answer)
        await this.#line
          ?.write(answer)
          .catch((error) => this.#tools.log('warning', 'serial: an acknowledgement was lost', { source: this.id, why: sentence(error) }))
    }
  }

  async #take(bytes: Uint8Array): Promise<Taken> {
    try {
      return await this.#tools.take({ source: this.id, bytes })
    } catch (error) {
      this.#tools.log('error', 'serial: a frame could not be taken', { source: this.id, why: sentence(error) })
      return { kind: 'refused', why: 'a fault in the gateway', hint: '', again: true }
    }
  }
}

/** What the sensor is told; nothing when it does not listen. */
export function answerTo(taken: Taken, acknowledge: SerialSourceOptions['acknowledge']): Uint8Array | undefined {
  if (acknowledge === 'none') return undefined
  if (acknowledge === 'ack-nak') return Uint8Array.of(taken.kind === 'refused' ? 0x15 : 0x06)
  const line = taken.kind === 'refused' ? `NO ${cleanLine(taken.why, whyChars)}` : taken.kind === 'accepted' ? `OK ${taken.id}` : 'OK -'
  return Buffer.from(`${line}\r\n`)
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) =>
    signal.aborted ? resolve(undefined) : signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  )
