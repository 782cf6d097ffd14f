import { worthTelling } from '../ports/log.ts'
import { Slowdown, WrongBefore } from '../ports/slowdown.ts'
import { tooEarly } from './fault.ts'
import type { House } from './house.ts'

/**
 * Hooks: tokens of sources that come over HTTP. People choose them, so whoever guesses has to wait, as at the page's login; but apart from it, so that a machine with an old token keeps nobody from the page.
 */
export class Hooks {
  readonly #house: House
  readonly #guesses: Slowdown
  readonly #before = new WrongBefore()
  #wrong = 0

  constructor(house: House) {
    this.#house = house
    this.#guesses = new Slowdown(house.ports.clock, 0)
  }

  /** The source whose token this is. Throws Fault when it is too early to ask again. */
  sourceOf(token: string, address: string): string | undefined {
    const ms = this.#guesses.waitMs(address)
    if (ms > 0) throw tooEarly(ms)
    const source = this.#house.hookOf(token)
    if (source !== undefined) this.#guesses.passed(address)
    else if (!this.#before.repeats(address, token)) this.#failed(address)
    return source
  }

  #failed(address: string): void {
    this.#guesses.failed(address)
    const before = this.#wrong++
    if (worthTelling(before, this.#wrong)) this.#house.ports.log('warning', 'web: a wrong token', { address, times: this.#wrong })
  }
}
