/**
 * Timeline: virtual time. Events happen in the order of their time and then of their making; between two of them every promise that can settle
 * has settled. Nothing here waits for the real clock.
 */
type Event = { at: number; order: number; call: () => void }

export class Timeline {
  now = 0
  #events: Event[] = []
  #order = 0

  at(delayMs: number, call: () => void): () => void {
    const event = { at: this.now + Math.max(0, delayMs), order: this.#order++, call }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#events[middle]
      if (other && (other.at < event.at || (other.at === event.at && other.order < event.order))) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
    return () => {
      const index = this.#events.indexOf(event)
      if (index >= 0) this.#events.splice(index, 1)
    }
  }

  /** Lives until `untilMs`, or until `done` says so. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await settle()
    while (!done()) {
      const event = this.#events[0]
      if (!event || event.at > untilMs) break
      this.#events.shift()
      this.now = event.at
      event.call()
      await settle()
    }
    if (!done()) this.now = Math.max(this.now, untilMs)
  }
}

/** Everything in the simulated world is promises and events of the timeline, so one turn of the real loop settles what can settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
