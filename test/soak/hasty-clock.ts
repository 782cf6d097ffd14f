import { readFileSync } from 'node:fs'
import { type Cancel, type Clock, type Instant, instant, type Monotonic, monotonic } from '../../src/ports/clock.ts'

/**
 * A clock on which everything happens `factor` times sooner, so that weeks pass in hours. Every process of one `began` (real monotonic ms) agrees on it.
 * The file `step`, where it exists, holds by how many ms somebody has moved the wall clock.
 */
export class HastyClock implements Clock {
  readonly boot: string
  readonly #real: Clock
  readonly #factor: number
  readonly #began: number
  readonly #step: string

  constructor(real: Clock, factor: number, began: number, step: string) {
    this.#real = real
    this.#factor = factor
    this.#began = began
    this.#step = step
    this.boot = real.boot
  }

  wall(): Instant {
    const { wall, passed } = this.#now()
    return instant(wall + passed * (this.#factor - 1) + this.#moved())
  }

  monotonic(): Monotonic {
    return monotonic(this.#began + this.#now().passed * this.#factor)
  }

  synchronised(): 'yes' | 'no' | 'unknown' {
    return this.#real.synchronised()
  }

  after(delayMs: number, call: () => void): Cancel {
    return this.#real.after(delayMs / this.#factor, call)
  }

  #now(): { wall: number; passed: number } {
    return { wall: this.#real.wall(), passed: this.#real.monotonic() - this.#began }
  }

  #moved(): number {
    try {
      return Number(readFileSync(this.#step, 'utf8'))
    } catch {
      return 0
    }
  }
}
