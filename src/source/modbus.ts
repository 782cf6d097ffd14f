import type { AlertState, Severity } from '../alert/alert.ts'
import { type Cancel, sleep } from '../ports/clock.ts'
import { sentence, worthTelling } from '../ports/log.ts'
import type { LineSettings, Serial, SerialLine } from '../ports/serial.ts'
import { backoff } from './backoff.ts'
import {
  type Ask,
  bitIn,
  exceptionWords,
  isBits,
  type NumberForm,
  numberIn,
  type Reply,
  replyIn,
  requestOf,
  type Table,
  widthOf,
} from './modbus-frame.ts'
import type { Source, SourceState, SourceTools } from './source.ts'

/**
 * Modbus source: the client (master) of an RS-485 or RS-232 line, which asks its servers in turn and hands on what changed: a bit that leaves its normal state
 * raises, one that returns clears, a number is told when it moved by its deadband. A server that does not answer is an alert, too.
 *
 * What could not be taken is offered again with the next poll, as long as it is so.
 */
export type ModbusPoint = {
  name: string
  server: number
  table: Table
  address: number
  number: NumberForm
  scale: number
  offset: number
  /** What it is measured in. */
  unit?: string
  text?: string
  /** Of numbers: what it must have moved by to be told, after scaling. 0: any change. */
  deadband: number
  /** Of bits: what they are while nothing is wrong. */
  normal: boolean
  severity?: Severity
}

export type ModbusOptions = {
  id: string
  line: LineSettings
  everyMs: number
  answerMs: number
  points: readonly ModbusPoint[]
}

export type ModbusTools = SourceTools & {
  /** Something of this source and key was raised, in this life or an earlier one, and is not over. */
  raised(source: string, key: string): boolean
  /** A server of this source answered, whether or not there was anything to tell. */
  heard?(source: string): void
}

const reopen = { firstMs: 500, maxMs: 30_000 }
const settledMs = 10_000
/** A server is gone after so many polls without an answer; noise spoils one now and then. */
const missesLimit = 3
/** Each request is made so often in a poll. */
const attempts = 2
/** Silence of the line between frames: 3.5 characters, and 1.75 ms above 19,200 baud (MODBUS over Serial Line, section 2.5.1.1). */
const gapMs = (baudRate: number): number => Math.max(2, Math.ceil(38_500 / baudRate))
/** MODBUS Application Protocol sections 6.1 and 6.3, with a reserve for servers that cannot hold so many. */
const countLimit = (table: Table): number => (isBits(table) ? 1000 : 100)
const stopMs = 2000
const heardLimit = 1024

export const modbusSource = (options: ModbusOptions, serial: Serial, tools: ModbusTools): Source => new ModbusSource(options, serial, tools)

/** One request, and the points that its answer holds. */
export type Turn = { ask: Ask; points: readonly ModbusPoint[] }

/** Points whose addresses adjoin or overlap are read together: fewer turns on a slow line. */
export function turnsOf(points: readonly ModbusPoint[]): Turn[] {
  const turns: { ask: Ask; points: ModbusPoint[] }[] = []
  const sorted = [...points].sort((a, b) => a.server - b.server || a.table.localeCompare(b.table) || a.address - b.address)
  for (const point of sorted) {
    const end = point.address + (isBits(point.table) ? 1 : widthOf(point.number.type))
    const last = turns.at(-1)
    const same = last && last.ask.server === point.server && last.ask.table === point.table
    if (same && point.address <= last.ask.address + last.ask.count && end - last.ask.address <= countLimit(point.table)) {
      last.ask.count = Math.max(last.ask.count, end - last.ask.address)
      last.points.push(point)
    } else {
      const { server, table, address } = point
      turns.push({ ask: { server, table, address, count: end - address }, points: [point] })
    }
  }
  return turns
}

type Told = number | boolean

class ModbusSource implements Source {
  readonly id: string
  readonly #options: ModbusOptions
  readonly #serial: Serial
  readonly #tools: ModbusTools
  readonly #turns: readonly Turn[]
  readonly #stopping = new AbortController()
  /** What was taken last of each point. */
  readonly #told = new Map<string, Told>()
  /** Polls without an answer, by server; those beyond the limit were told. */
  readonly #misses = new Map<number, number>()
  readonly #silent = new Set<number>()
  #line: SerialLine | undefined
  #hear: ((bytes: Uint8Array) => void) | undefined
  #running: Promise<void> | undefined
  #state: SourceState['state'] = 'starting'
  #why: string | undefined
  #heard = 0
  #spoiled = 0

  constructor(options: ModbusOptions, serial: Serial, tools: ModbusTools) {
    this.id = options.id
    this.#options = options
    this.#serial = serial
    this.#tools = tools
    this.#turns = turnsOf(options.points)
  }

  start(): void {
    // What an earlier life raised is not raised again, and is cleared when it is over.
    const { raised } = this.#tools
    for (const { name, table, normal } of this.#options.points)
      if (isBits(table)) this.#told.set(name, raised(this.id, name) ? !normal : normal)
    for (const { ask } of this.#turns) if (raised(this.id, serverName(ask.server))) this.#told.set(serverName(ask.server), true)
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    const enough = new AbortController()
    await Promise.race([this.#running, sleep(this.#tools.clock, stopMs, enough.signal)])
    enough.abort()
    await this.#line?.close().catch(() => {})
    this.#state = 'stopped'
  }

  state(): SourceState {
    const why = this.#why ?? (this.#silent.size > 0 ? `no answer from server ${[...this.#silent].join(', ')}` : undefined)
    return {
      id: this.id,
      kind: 'modbus',
      state: this.#state,
      heard: this.#heard,
      overruns: this.#spoiled,
      ...(why === undefined ? {} : { why }),
    }
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#tools
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt++) {
      const begun = clock.monotonic()
      const why = await this.#poll().catch(sentence)
      if (signal.aborted) return
      this.#say('down', why)
      if (clock.monotonic() - begun >= settledMs) attempt = 0
      await sleep(clock, backoff(attempt, reopen, random), signal)
    }
  }

  /** Opens the line and polls until it is lost; resolves with the reason. Rejects with SerialError when it cannot be opened. */
  async #poll(): Promise<string> {
    const { clock } = this.#tools
    const lost = new AbortController()
    let why = 'stopped'
    const line = await this.#serial.open(this.#options.line, {
      data: (bytes) => this.#hear?.(bytes),
      closed: (reason) => {
        why = reason
        lost.abort()
      },
    })
    this.#line = line
    this.#say('up')
    const over = AbortSignal.any([this.#stopping.signal, lost.signal])
    try {
      while (!over.aborted) {
        const next = clock.monotonic() + this.#options.everyMs
        await this.#round(line, over)
        await sleep(clock, Math.max(gapMs(this.#options.line.baudRate), next - clock.monotonic()), over)
      }
    } finally {
      this.#line = undefined
      await line.close().catch(() => {})
    }
    return why
  }

  /** Every server once; one that is silent is asked once only, and does not hold up the others. */
  async #round(line: SerialLine, over: AbortSignal): Promise<void> {
    const missing = new Map<number, string>()
    const answered = new Set<number>()
    for (const turn of this.#turns) {
      if (over.aborted) return
      const { server } = turn.ask
      if (missing.has(server)) continue
      const reply = await this.#ask(line, turn.ask, over)
      if (over.aborted) return
      if (reply.kind === 'spoiled') missing.set(server, reply.why)
      else {
        answered.add(server)
        this.#tools.heard?.(this.id)
      }
      if (reply.kind === 'data') for (const point of turn.points) await this.#tellPoint(point, reply.data, turn.ask)
      if (reply.kind === 'exception') await this.#refused(turn, exceptionWords(reply.code))
    }
    for (const [server, why] of missing) await this.#missed(server, why)
    for (const server of answered) if (!missing.has(server)) await this.#answers(server)
  }

  async #ask(line: SerialLine, ask: Ask, over: AbortSignal): Promise<Reply> {
    const { clock } = this.#tools
    let reply: Reply = { kind: 'spoiled', why: 'no answer' }
    for (let attempt = 0; attempt < (this.#silent.has(ask.server) ? 1 : attempts); attempt++) {
      await sleep(clock, gapMs(this.#options.line.baudRate), over)
      if (over.aborted) return reply
      reply = await this.#once(line, ask, over)
      if (reply.kind !== 'spoiled') return reply
      this.#spoiled++
    }
    return reply
  }

  /** Resolves with the answer, or with what came instead when the time for it is over. Rejects with SerialError. */
  async #once(line: SerialLine, ask: Ask, over: AbortSignal): Promise<Reply> {
    const done = Promise.withResolvers<Reply>()
    let heard: Uint8Array = new Uint8Array(0)
    this.#hear = (bytes) => {
      heard = Buffer.concat([heard, bytes]).subarray(0, heardLimit)
      const reply = replyIn(heard, ask)
      if (reply) done.resolve(reply)
    }
    const give = () => done.resolve({ kind: 'spoiled', why: heard.length === 0 ? 'no answer' : 'its answers are spoiled' })
    let cancel: Cancel | undefined
    over.addEventListener('abort', give, { once: true })
    try {
      await Promise.race([line.write(requestOf(ask)), done.promise])
      cancel = this.#tools.clock.after(this.#options.answerMs, give)
      return await done.promise
    } finally {
      cancel?.()
      over.removeEventListener('abort', give)
      this.#hear = undefined
    }
  }

  async #tellPoint(point: ModbusPoint, data: Uint8Array, ask: Ask): Promise<void> {
    const index = point.address - ask.address
    const before = this.#told.get(point.name)
    if (isBits(point.table)) {
      const bit = bitIn(data, index)
      if (bit === before) return
      const wrong = bit !== point.normal
      await this.#offer(point.name, bit, { ...wordsOf(point, wrong ? 'raised' : 'cleared'), on: bit })
      return
    }
    const raw = numberIn(data, index, point.number)
    if (raw === undefined) return
    const value = rounded(raw * point.scale + point.offset)
    if (typeof before === 'number' && (value === before || Math.abs(value - before) < point.deadband)) return
    const said = `${value}${point.unit === undefined ? '' : ` ${point.unit}`}`
    await this.#offer(point.name, value, {
      text: `${point.text ?? point.name} ${said}`,
      key: point.name,
      severity: point.severity ?? 'info',
      value,
      ...(point.unit === undefined ? {} : { unit: point.unit }),
    })
  }

  /** A server that answers and refuses what it is asked: a mistake in the settings, told once in the log and on the page. */
  async #refused({ ask, points }: Turn, why: string): Promise<void> {
    const [first] = points
    const name = `${first?.name}/refused`
    if (this.#told.get(name) === true) return
    this.#told.set(name, true)
    this.#tools.log('error', 'modbus: a server refuses a request', { source: this.id, ...ask, points: points.map((one) => one.name), why })
  }

  async #missed(server: number, why: string): Promise<void> {
    const misses = (this.#misses.get(server) ?? 0) + 1
    this.#misses.set(server, misses)
    if (worthTelling(misses - 1, misses))
      this.#tools.log('warning', 'modbus: a server was missed', { source: this.id, server, misses, why })
    if (misses < missesLimit) return
    this.#silent.add(server)
    await this.#offer(serverName(server), true, {
      text: `Modbus server ${server} on ${this.id}: ${why}`,
      key: serverName(server),
      state: 'raised',
      severity: 'warning',
    })
  }

  async #answers(server: number): Promise<void> {
    this.#misses.delete(server)
    this.#silent.delete(server)
    if (this.#told.get(serverName(server)) !== true) return
    const text = `Modbus server ${server} on ${this.id} answers again`
    await this.#offer(serverName(server), false, { text, key: serverName(server), state: 'cleared', severity: 'info' })
  }

  /** What was not taken counts as not told: the next poll offers it again. */
  async #offer(name: string, value: Told, says: Record<string, unknown>): Promise<void> {
    if (this.#told.get(name) === value) return
    const taken = await this.#tools.take({ source: this.id, bytes: Buffer.from(JSON.stringify(says)) }).catch((error) => {
      this.#tools.log('error', 'modbus: a reading could not be taken', { source: this.id, point: name, why: sentence(error) })
    })
    if (!taken || (taken.kind === 'refused' && taken.again)) return
    this.#heard++
    this.#told.set(name, value)
  }

  #say(state: SourceState['state'], why?: string): void {
    if (this.#state !== state || this.#why !== why)
      this.#tools.log(state === 'up' ? 'info' : 'warning', `modbus: ${state}`, { source: this.id, path: this.#options.line.path, why })
    this.#state = state
    this.#why = why
  }
}

const serverName = (server: number): string => `server-${server}`

const wordsOf = ({ name, text, severity }: ModbusPoint, state: AlertState): Record<string, unknown> => ({
  text: `${text ?? name}${state === 'cleared' ? ' is over' : ''}`,
  key: name,
  state,
  severity: state === 'cleared' ? 'info' : (severity ?? 'warning'),
})

/** Scaling by 0.1 must not make 23.400000000000002 of 234. */
const rounded = (value: number): number => Number(value.toPrecision(12))
