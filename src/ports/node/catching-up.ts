/**
 * Catching up: when a broker has sent what it had stored for a session, which MQTT does not say. It answers a PINGREQ (MQTT 5 section 3.12) behind all that it could send until then, and could
 * send everything unless its window of unacknowledged messages was full. So it is asked until few messages stood before the answer, twice in a row: a window of QoS 2 opens one exchange later.
 */
export type CatchingUpOptions = {
  /** Sends PINGREQ. */
  ping(): void
  /** Messages that were heard and are not answered yet. */
  inAir(): number
  /** Told once. */
  caughtUp(): void
}

/** No broker's window is as small. */
const few = 8
const answers = 2
const pauseMs = 250

export class CatchingUp {
  readonly #options: CatchingUpOptions
  #before = 0
  #clean = 0
  #asking = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: CatchingUpOptions) {
    this.#options = options
  }

  begin(): void {
    this.#asking = true
    this.#before = this.#options.inAir()
    this.#options.ping()
  }

  /** A message came. */
  heard(): void {
    this.#before++
  }

  /** PINGRESP came. */
  answered(): void {
    if (!this.#asking) return
    this.#asking = false
    this.#clean = this.#before < few ? this.#clean + 1 : 0
    if (this.#clean < answers) this.#timer = setTimeout(() => this.begin(), pauseMs)
    else this.#options.caughtUp()
  }

  end(): void {
    this.#asking = false
    clearTimeout(this.#timer)
  }
}
