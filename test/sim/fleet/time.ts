import { type Cancel, type Clock, type Instant, instant, type Monotonic, monotonic } from '../../../src/ports/clock.ts'

/**
 * Virtual time for very many boxes: like `Timeline`, but over a heap, and what falls into the same millisecond happens together, in the order in
 * which it was asked for. Everybody's clock is the same one, and right.
 */
type Event = { at: number; order: number; call: (() => void) | undefined }

const epoch = Date.UTC(2026, 11, 1)

export class FleetTime implements Clock {
  readonly boot = 'fleet'
  now = 0
  #heap: Event[] = []
  #order = 0

  wall(): Instant {
    return instant(epoch + this.now)
  }

  monotonic(): Monotonic {
    return monotonic(this.now)
  }

  synchronised(): 'yes' {
    return 'yes'
  }

  after(delayMs: number, call: () => void): Cancel {
    const event: Event = { at: Math.ceil(this.now + Math.max(0, delayMs)), order: this.#order++, call }
    this.#push(event)
    return () => {
      event.call = undefined
    }
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Lives until `untilMs`, or until `done` says so. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await settle()
    while (!done()) {
      const at = this.#heap[0]?.at
      if (at === undefined || at > untilMs) break
      this.now = at
      for (let event = this.#heap[0]; event?.at === at; event = this.#heap[0]) {
        this.#pop()
        event.call?.()
      }
      await settle()
    }
    if (!done()) this.now = Math.max(this.now, untilMs)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above]
      if (!other || !isBefore(event, other)) break
      heap[at] = other
      at = above
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [heap[below], heap[below + 1]]
      if (left && right && isBefore(right, left)) below++
      const other = heap[below]
      if (!other || !isBefore(other, last)) break
      heap[at] = other
      at = below
    }
    heap[at] = last
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Everything here is promises and events of this time, so one turn of the real loop settles what can settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
