import type { Line } from '../gateway/tap.ts'
import type { Cancel } from '../ports/clock.ts'
import { Fault } from './fault.ts'
import type { House } from './house.ts'
import { stateOf } from './state.ts'

/**
 * Stream: server-sent events (HTML Standard, section 9.2) for open pages. Lines of a busy source come in bundles, and a page that reads too slowly misses lines rather than
 * holding memory. The state of the box is looked at once for all pages.
 */
export const streamsLimit = 8
const bundleMs = 250
const linesABundle = 25
/** How often the state is looked at, in bundles. */
const stateEvery = 8
const pingEvery = 40
/** Messages that wait for a slow reader. */
const waitingMessages = 32

/** `by`: the hash of the session or the token that opens it. `page`: one tab of one browser, as it calls itself. */
export type Viewer = { by: string; page: string | undefined }

type Page = { controller: ReadableStreamDefaultController<Uint8Array>; close(): void; viewer: Viewer }

export class Stream {
  readonly #house: House
  readonly #life: string
  readonly #pages = new Set<Page>()
  #lines: Line[] = []
  #missed = 0
  #log: string[] = []
  #cancel: Cancel | undefined
  #unfollow: (() => void)[] = []
  #ticks = 0

  constructor(house: House) {
    this.#house = house
    // A number of an earlier life means nothing now.
    this.#life = Buffer.from(house.ports.random.bytes(4)).toString('hex')
    house.door.onLeave((hash) => {
      for (const page of this.#pages) if (page.viewer.by === hash) page.close()
    })
  }

  get size(): number {
    return this.#pages.size
  }

  /** `lastEventId`: what the page saw last. Throws Fault when too many pages are open. */
  open(lastEventId: string | null, viewer: Viewer, signal: AbortSignal): Response {
    // A line that went away without a word would hold its place for a quarter of an hour; its page is back already.
    for (const old of this.#pages)
      if (viewer.page !== undefined && old.viewer.page === viewer.page && old.viewer.by === viewer.by) old.close()
    if (this.#pages.size >= streamsLimit)
      throw new Fault(503, `${streamsLimit} pages are open already.`, 'Close one of them; this one tries again by itself.', {
        'Retry-After': '10',
      })
    let page: Page | undefined
    const leave = () => {
      if (page) this.#pages.delete(page)
      if (this.#pages.size === 0) this.#rest()
    }
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const close = () => {
            leave()
            try {
              controller.close()
            } catch {
              // Its reader has gone before.
            }
          }
          page = { controller, close, viewer }
          this.#pages.add(page)
          signal.addEventListener('abort', leave, { once: true })
          controller.enqueue(message(undefined, 'hello', { life: this.#life }, 'retry: 2000\n'))
          this.#tellLines(
            page,
            this.#house.tap.lines.filter((line) => line.number > this.#numberOf(lastEventId)),
            0,
          )
          controller.enqueue(message(undefined, 'log', this.#house.book.lines.slice(-100)))
          controller.enqueue(message(undefined, 'state', stateOf(this.#house)))
          this.#work()
        },
        cancel: leave,
      },
      { highWaterMark: waitingMessages },
    )
    return new Response(body, {
      headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
    })
  }

  close(): void {
    for (const page of this.#pages) page.close()
  }

  #numberOf(lastEventId: string | null): number {
    const [life, number] = (lastEventId ?? '').split('-')
    return life === this.#life ? Number(number) || 0 : 0
  }

  #work(): void {
    if (this.#cancel) return
    const { tap, book, ports } = this.#house
    this.#unfollow = [
      tap.follow((line) => {
        if (this.#lines.length < linesABundle) this.#lines.push(line)
        else this.#missed++
      }),
      book.follow((line) => void (this.#log.length < linesABundle && this.#log.push(line))),
    ]
    const tick = () => {
      this.#cancel = ports.clock.after(bundleMs, tick)
      this.#tick()
    }
    this.#cancel = ports.clock.after(bundleMs, tick)
  }

  /** Nobody looks: nothing is done. */
  #rest(): void {
    this.#cancel?.()
    this.#cancel = undefined
    for (const one of this.#unfollow) one()
    this.#unfollow = []
    this.#lines = []
    this.#log = []
    this.#missed = 0
  }

  #tick(): void {
    const [lines, missed, log] = [this.#lines, this.#missed, this.#log]
    this.#lines = []
    this.#missed = 0
    this.#log = []
    this.#ticks++
    const state = this.#ticks % stateEvery === 0 ? message(undefined, 'state', stateOf(this.#house)) : undefined
    for (const page of this.#pages) {
      if (!this.#mayStay(page)) continue
      this.#tellLines(page, lines, missed)
      if (log.length > 0) this.#tell(page, message(undefined, 'log', log))
      if (state) this.#tell(page, state)
      if (this.#ticks % pingEvery === 0) this.#tell(page, Buffer.from(': ping\n\n'))
    }
  }

  /** A session that nobody used for half an hour has ended, even if its page is open. */
  #mayStay(page: Page): boolean {
    if (this.#house.door.lasts(page.viewer.by)) return true
    page.close()
    return false
  }

  #tellLines(page: Page, lines: readonly Line[], missed: number): void {
    const last = lines.at(-1)
    if (!last) return
    this.#tell(page, message(`${this.#life}-${last.number}`, 'lines', { lines: lines.map(shown), missed }))
  }

  /** A page that reads too slowly misses it. */
  #tell({ controller }: Page, octets: Uint8Array): void {
    if ((controller.desiredSize ?? 0) > 0) controller.enqueue(octets)
  }
}

/** A line as JSON: octets as base64, so that control octets stay what they are. */
export const shown = ({ bytes, ...line }: Line) => ({ ...line, bytes: Buffer.from(bytes).toString('base64') })

/** JSON has no line end in it, so it is one line of data. */
const message = (id: string | undefined, event: string, data: unknown, before = ''): Uint8Array =>
  Buffer.from(`${before}${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
