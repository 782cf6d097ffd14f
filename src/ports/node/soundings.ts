/**
 * Soundings: what the answers to PINGREQ (MQTT 5 section 3.12) tell of what a broker has for us. It answers behind all that it could send until then, and could send everything unless its window
 * of unacknowledged messages was full. How large that is nobody says; but as many as were once in the air here fit into it, and while it is full as many as fit stand before the answer. Fewer: it
 * had nothing left when it was asked.
 */
export type SoundingsOptions = {
  /** Sends PINGREQ. */
  ping(): void
  /** Messages of the window that were heard and are not acknowledged yet. */
  inAir(): number
  /** PINGREQ left. */
  asked(): void
  /** PINGRESP came, to the oldest PINGREQ. `all`: whatever the broker had when it was asked has been heard. */
  answered(all: boolean): void
  /** Told once: whatever it had stored for the session has been heard. */
  caughtUp(): void
}

/** In a row: a message of QoS 2 leaves the window one exchange after it was heard. */
const answers = 2
const pauseMs = { first: 250, most: 60_000 }

export class Soundings {
  readonly #options: SoundingsOptions
  /** Of each PINGREQ that is not answered: messages that stood before its answer. */
  readonly #before: number[] = []
  #window = 1
  #inRow = 0
  #catchingUp = false
  #pauseMs = pauseMs.first
  #timer: NodeJS.Timeout | undefined

  constructor(options: SoundingsOptions) {
    this.#options = options
  }

  /** Asks until the session has caught up. */
  catchUp(): void {
    this.#catchingUp = true
    this.#options.ping()
  }

  asked(): void {
    this.#before.push(this.#options.inAir())
    this.#options.asked()
  }

  /** A message of the window comes. */
  heard(): void {
    this.#window = Math.max(this.#window, this.#options.inAir() + 1)
    for (const at of this.#before.keys()) this.#before[at] = (this.#before[at] ?? 0) + 1
  }

  answered(): void {
    const all = (this.#before.shift() ?? this.#window) < this.#window
    this.#inRow = all ? this.#inRow + 1 : 0
    this.#options.answered(all)
    if (!this.#catchingUp || this.#before.length > 0) return
    this.#catchingUp = this.#inRow < answers
    if (this.#catchingUp) this.#askAgain()
    else this.#options.caughtUp()
  }

  end(): void {
    this.#catchingUp = false
    clearTimeout(this.#timer)
  }

  #askAgain(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#options.ping(), this.#pauseMs)
    this.#pauseMs = Math.min(pauseMs.most, this.#inRow > 0 ? pauseMs.first : 2 * this.#pauseMs)
  }
}
