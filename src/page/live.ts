import { useEffect, useState } from 'preact/hooks'
import type { State } from '../web/state.ts'

/** What the box tells by itself: state, lines and log, for all parts of the page. A stream that breaks is tried again by the browser and, when it gives up, by us. */
export type Line = {
  number: number
  at: number
  source: string
  topic?: string
  bytes: string
  length: number
  decoder: string
  outcome: 'accepted' | 'ignored' | 'refused'
  why?: string
}
export type LogLine = { time: string; level: string; event: string; [fact: string]: unknown }

const linesLimit = 200
const logLimit = 300
/** The stream speaks at least every two seconds. */
const silentMs = 8000
/** What a clock that is kept right by the network may be moved by. */
const jumpMs = 5000

/** Names this tab, so that the box lets the stream before go when another one comes. */
const page = sessionStorage.getItem('page') ?? Math.random().toString(36).slice(2)
sessionStorage.setItem('page', page)

class Live {
  state: State | undefined
  lines: Line[] = []
  log: LogLine[] = []
  missed = 0
  connected = false
  /** The clock of the box was set: by how many ms, and when the page saw it. */
  jump: { ms: number; seen: number } | undefined
  #source: EventSource | undefined
  #heard = 0
  #watch: ReturnType<typeof setInterval> | undefined
  readonly #readers = new Set<() => void>()

  begin(): void {
    this.end()
    this.#open()
    this.#watch = setInterval(() => {
      if (this.connected && Date.now() - this.#heard > silentMs) this.#lost()
      if (!this.connected && (!this.#source || this.#source.readyState === EventSource.CLOSED)) void this.#again()
    }, 2000)
  }

  end(): void {
    clearInterval(this.#watch)
    this.#source?.close()
    this.#source = undefined
    this.connected = false
  }

  follow(reader: () => void): () => void {
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }

  #open(): void {
    const source = new EventSource(`/api/events?page=${page}`)
    this.#source = source
    const on = (name: string, take: (value: never) => void) =>
      source.addEventListener(name, (event) => {
        this.#heard = Date.now()
        this.connected = true
        take(JSON.parse(event.data) as never)
        this.#tell()
      })
    on('hello', () => {})
    on('state', (state: State) => {
      const before = this.state
      const ms = before ? state.clock.wall - before.clock.wall - (state.upMs - before.upMs) : 0
      if (Math.abs(ms) > jumpMs && before?.boot === state.boot) this.jump = { ms, seen: Date.now() }
      this.state = state
    })
    on('lines', ({ lines, missed }: { lines: Line[]; missed: number }) => {
      this.lines = [...this.lines, ...lines].slice(-linesLimit)
      this.missed += missed
    })
    on('log', (lines: string[]) => {
      this.log = [...this.log, ...lines.flatMap(parsed)].slice(-logLimit)
    })
    source.onerror = () => this.#lost()
  }

  /** A session that ended is told from a box that is away. Nobody uses the page by that, so what is asked is a route that does not prolong the session. */
  async #again(): Promise<void> {
    const response = await fetch('/api/chronicle', { signal: AbortSignal.timeout(4000) }).catch(() => undefined)
    if (response?.status === 401 || response?.status === 403) dispatchEvent(new Event('outpost-out'))
    else if (response?.ok) this.#open()
  }

  #lost(): void {
    this.connected = false
    if (this.#source?.readyState !== EventSource.CONNECTING) {
      this.#source?.close()
      this.#source = undefined
    }
    this.#tell()
  }

  #tell(): void {
    for (const reader of this.#readers) reader()
  }
}

function parsed(line: string): LogLine[] {
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}

export const live = new Live()

/** Draws anew whenever the box tells something. */
export function useLive(): Live {
  const [, set] = useState(0)
  useEffect(() => live.follow(() => set((count) => count + 1)), [])
  return live
}
