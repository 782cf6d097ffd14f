import { cleanLine } from '../alert/clean.ts'
import { type Stamp, stampNow } from '../alert/stamp.ts'
import { type Cancel, sleep, within } from '../ports/clock.ts'
import { sentence, worthTelling } from '../ports/log.ts'
import type { LineSettings, Serial, SerialLine } from '../ports/serial.ts'
import type { Ahead } from './ahead.ts'
import { backoff } from './backoff.ts'
import { createFramer, endsInSilence, type FrameOptions, type Framer } from './frame.ts'
import { Kept, type KeptFrame, keptOf, remainingOf } from './kept.ts'
import type { Remaining } from './remains.ts'
import type { Source, SourceState, SourceTools, Taken } from './source.ts'

/**
 * Serial source: frames from one line, taken one at a time in their order, acknowledged only after they are durable. The line is opened again
 * for ever; an adapter that comes back under another number is followed by its by-id name.
 *
 * A device that waits for its answer repeats what got none, so such a frame may be left unanswered. A device that does not wait says
 * everything once: its frames are kept until the gateway takes them, worse ones before others, and torn ones are taken as they are.
 */
export type SerialSourceOptions = {
  id: string
  line: LineSettings
  frame: FrameOptions
  /** `ack-nak`: 0x06 or 0x15. `line`: `OK <id>` or `NO <why>`, CRLF. */
  acknowledge: 'none' | 'ack-nak' | 'line' | 'contact-id' | 'protocol'
}

/**
 * Frames that wait to be taken while the disk is slow, and as many that were refused while it is full. Most lines have no flow control: what comes beyond
 * is lost and counted. The oldest are kept, for the first alerts of a trouble tell its cause.
 */
const framesLimit = 1000
const octetsLimit = 1024 * 1024
const reopen = { firstMs: 500, maxMs: 30_000 }
/** A line that was lost sooner counts as another failed attempt, so that a loose plug does not fill the log. */
const settledMs = 10_000
/** What was refused for now is tried again. */
const againMs = 1000
/** A device that stopped the line with XOFF or CTS must not stop the alerts behind. */
const answerMs = 5000
const stopMs = 2000
const whyChars = 80

export const serialSource = (options: SerialSourceOptions, serial: Serial, tools: SourceTools): Source =>
  new SerialSource(options, serial, tools)

/** One opening of the line, from its first octet to its loss. */
type Opening = { framer: Framer; line?: SerialLine; idle?: Cancel }
type HeardFrame = { bytes: Uint8Array; from: Opening; stamp: Stamp }

class SerialSource implements Source {
  readonly id: string
  readonly #options: SerialSourceOptions
  readonly #serial: Serial
  readonly #tools: SourceTools
  readonly #stopping = new AbortController()
  #opening: Opening | undefined
  #byId: string | undefined
  #waiting: HeardFrame[] = []
  #octets = 0
  readonly #kept = new Kept({ frames: framesLimit, octets: octetsLimit })
  #taking: Promise<void> | undefined
  #running: Promise<void> | undefined
  #state: SourceState['state'] = 'starting'
  #why: string | undefined
  #heard = 0
  #lost = 0
  #cut = 0

  constructor(options: SerialSourceOptions, serial: Serial, tools: SourceTools) {
    this.id = options.id
    this.#options = options
    this.#serial = serial
    this.#tools = tools
  }

  /** The device says everything once. */
  get saysOnce(): boolean {
    return this.#options.acknowledge === 'none'
  }

  start(): void {
    if (this.#running) return
    this.#resume()
    this.#running = this.#run()
  }

  /** What the gateway before this one had not taken. */
  #resume(): void {
    const { remains, log } = this.#tools
    const frames = remains?.take(this.id) ?? []
    if (frames.length === 0) return
    log('info', 'serial: frames that were not taken before are offered again', { source: this.id, frames: frames.length })
    for (const frame of frames) this.#keep(frame)
    this.#begin()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    const enough = new AbortController()
    await Promise.race([this.#ended(), sleep(this.#tools.clock, stopMs, enough.signal)])
    enough.abort()
    await this.#opening?.line?.close().catch(() => {})
    this.#opening = undefined
    this.#state = 'stopped'
    const frames = this.#kept.size + this.#waiting.length
    if (frames > 0) this.#tools.log('error', 'serial: frames were not taken before the stop', { source: this.id, frames })
    this.#tools.remains?.leave(this.id, () => this.#remaining())
  }

  /** What is kept was said once, though the settings may have a device now that waits for its answer: that one says again what still waits. */
  #remaining(): Remaining[] {
    const waiting = this.saysOnce ? this.#waiting : []
    return remainingOf([...this.#kept.all, ...waiting.map(({ bytes, stamp }) => ({ bytes, stamp }))])
  }

  /** The line may still have brought something with its end. */
  async #ended(): Promise<void> {
    await this.#running
    await this.#taking
  }

  state(): SourceState {
    return {
      id: this.id,
      kind: 'serial',
      state: this.#state,
      heard: this.#heard,
      overruns: this.#cut + this.#lost,
      ...(this.#why === undefined ? {} : { why: this.#why }),
    }
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#tools
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      const begun = clock.monotonic()
      const why = await this.#listen().catch(sentence)
      if (signal.aborted) return
      this.#say('down', why)
      if (clock.monotonic() - begun >= settledMs) attempt = 0
      await sleep(clock, backoff(attempt, reopen, random), signal)
    }
  }

  /** Opens the line and resolves with the reason when it is lost, or at the stop. Rejects with SerialError when it cannot be opened. */
  async #listen(): Promise<string> {
    const { signal } = this.#stopping
    const ended = Promise.withResolvers<string>()
    const opening: Opening = { framer: createFramer(this.#options.frame) }
    const path = await this.#path()
    if (signal.aborted) return 'stopped'
    this.#opening = opening
    const line = await this.#serial.open(
      { ...this.#options.line, path },
      { data: (bytes) => this.#data(opening, bytes), closed: (why) => ended.resolve(why) },
    )
    opening.line = line
    // The stop may have given up waiting for this line; then nobody else closes it.
    if (this.#state === 'stopped') await line.close().catch(() => {})
    const stop = () => ended.resolve('stopped')
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    else {
      this.#say('up')
      await this.#remember(path)
    }
    const why = await ended.promise
    signal.removeEventListener('abort', stop)
    this.#hangUp(opening)
    return why
  }

  /** The name in the settings; or, once the adapter is known, wherever the same one is now. */
  async #path(): Promise<string> {
    const { path } = this.#options.line
    if (this.#byId === undefined) return path
    const ports = await this.#serial.list().catch(() => [])
    return ports.find((port) => port.byId === this.#byId)?.path ?? path
  }

  async #remember(path: string): Promise<void> {
    const ports = await this.#serial.list().catch(() => [])
    this.#byId = ports.find((port) => port.path === path)?.byId ?? this.#byId
  }

  #hangUp(opening: Opening): void {
    opening.idle?.()
    // At the stop the line stays for the acknowledgements that are still due.
    if (!this.#stopping.signal.aborted) this.#opening = undefined
    const octets = opening.framer.pending
    if (octets === 0) return
    // What is said once is taken as far as it came.
    if (this.#takesTorn) this.#enqueue(opening.framer.idle(), opening)
    else this.#tools.log('warning', 'serial: an unfinished frame was dropped with the line', { source: this.id, octets })
  }

  #say(state: SourceState['state'], why?: string): void {
    if (this.#state !== state || this.#why !== why)
      this.#tools.log(state === 'up' ? 'info' : 'warning', `serial: ${state}`, { source: this.id, path: this.#options.line.path, why })
    this.#state = state
    this.#why = why
  }

  #data(opening: Opening, bytes: Uint8Array): void {
    if (this.#stopping.signal.aborted || this.#opening !== opening) return
    const { framer } = opening
    opening.idle?.()
    const before = framer.overruns
    const frames = framer.push(bytes)
    if (framer.overruns > before) this.#cutBy(framer.overruns - before)
    this.#enqueue(frames, opening)
    if (framer.pending > 0) opening.idle = this.#tools.clock.after(framer.idleMs, () => this.#silent(opening))
  }

  #silent(opening: Opening): void {
    if (this.#opening !== opening || this.#stopping.signal.aborted) return
    const frames = opening.framer.idle()
    if (this.#takesTorn) this.#enqueue(frames, opening)
    else for (const frame of frames) this.#lose('a torn frame was left unanswered', frame)
  }

  /** A device that waits for an answer says it again, and then whole. */
  get #takesTorn(): boolean {
    return endsInSilence(this.#options.frame) || this.saysOnce
  }

  #enqueue(frames: Uint8Array[], from: Opening): void {
    for (const bytes of frames) {
      if (this.#waiting.length >= framesLimit || this.#octets + bytes.length > octetsLimit) {
        this.#lose('a frame was lost, the line is faster than the disk', bytes)
        continue
      }
      this.#waiting.push({ bytes, from, stamp: stampNow(this.#tools.clock) })
      this.#octets += bytes.length
    }
    if (this.#waiting.length > 0) this.#begin()
  }

  #begin(): void {
    this.#taking ??= this.#takeAll().finally(() => {
      this.#taking = undefined
    })
  }

  #cutBy(count: number): void {
    const before = this.#cut
    this.#cut += count
    if (worthTelling(before, this.#cut))
      this.#tools.log('warning', 'serial: a frame was cut', { source: this.id, kept: this.#options.frame.maxBytes, cut: this.#cut })
  }

  #lose(what: string, frame: Uint8Array): void {
    this.#lost++
    if (worthTelling(this.#lost - 1, this.#lost))
      this.#tools.log('error', `serial: ${what}`, { source: this.id, octets: frame.length, lost: this.#lost })
  }

  async #takeAll(): Promise<void> {
    const goOn = () => this.#state !== 'stopped'
    for (;;) {
      const { ahead, lost } = await this.#kept.offer((frame, behind) => this.#again(frame, behind), goOn)
      this.#loseKept(lost)
      for (let next = this.#waiting[0]; next && goOn(); next = this.#waiting[0]) {
        const taken = await this.#take(next, ahead)
        this.#waiting.shift()
        this.#octets -= next.bytes.length
        const again = taken.kind === 'refused' && taken.again
        if (!again) this.#heard++
        if (again && this.saysOnce)
          for (const frame of keptOf({ bytes: next.bytes, stamp: next.stamp }, taken.held)) this.#keep(frame, ahead)
        else await this.#answer(taken, next.from)
      }
      if (this.#kept.size === 0 || this.#stopping.signal.aborted) return
      await sleep(this.#tools.clock, againMs, this.#stopping.signal)
    }
  }

  #keep(frame: KeptFrame, ahead?: Ahead): void {
    if (frame.held) ahead?.add(frame.held)
    this.#loseKept(this.#kept.add(frame))
  }

  #loseKept(frames: readonly KeptFrame[]): void {
    for (const { bytes } of frames) this.#lose('a frame was lost, the gateway takes none for now', bytes)
  }

  /** On the line on which it was asked only: after a loss the device would take an old answer for that to its next frame. */
  async #answer(taken: Taken, to: Opening): Promise<void> {
    const answer = answerTo(taken, this.#options.acknowledge)
    if (!answer || !to.line || this.#opening !== to) return
    try {
      await within(this.#tools.clock, answerMs, 'the answer to the device', to.line.write(answer))
    } catch (error) {
      this.#tools.log('warning', 'serial: an answer was lost', { source: this.id, why: sentence(error) })
    }
  }

  #take({ bytes, stamp, places }: Omit<KeptFrame, 'held'>, behind: Ahead, isLate = this.saysOnce): Promise<Taken> {
    const once = { behind, heardAt: stamp, ...(places ? { places } : {}) }
    return this.#trying(() => this.#tools.take({ source: this.id, bytes, ...(isLate ? once : {}) }))
  }

  async #again(frame: KeptFrame, behind: Ahead): Promise<Taken> {
    const { held } = frame
    const taken = await (held ? this.#trying(() => held.offer()) : this.#take(frame, behind, true))
    if (taken.kind !== 'refused' || !taken.again) this.#heard++
    return taken
  }

  async #trying(take: () => Promise<Taken>): Promise<Taken> {
    try {
      return await take()
    } catch (error) {
      this.#tools.log('error', 'serial: a frame could not be taken', { source: this.id, why: sentence(error) })
      return { kind: 'refused', why: 'a fault in the gateway', hint: 'Look at its log.', again: true }
    }
  }
}

/** What the device is told; nothing when it does not listen. `why` is cut to 80 characters of one line. */
export function answerTo(taken: Taken, acknowledge: SerialSourceOptions['acknowledge']): Uint8Array | undefined {
  if (acknowledge === 'none') return undefined
  if (acknowledge === 'protocol') return taken.answer
  if (acknowledge === 'ack-nak' || acknowledge === 'contact-id') return Uint8Array.of(taken.kind === 'refused' ? 0x15 : 0x06)
  const line = taken.kind === 'refused' ? `NO ${cleanLine(taken.why, whyChars)}` : taken.kind === 'accepted' ? `OK ${taken.id}` : 'OK -'
  return Buffer.from(`${line}\r\n`)
}
