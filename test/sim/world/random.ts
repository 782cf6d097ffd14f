import type { Random } from '../../../src/ports/random.ts'
import { ecKey } from './ec-key.ts'
import { rsaKey } from './rsa-key.ts'

/** Chance from a seed (mulberry32): the same seed, the same life. */
export class SimRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256))
  }

  /** Always the same one: making primes from a seed would take the time of a whole life. */
  async rsaKey(): Promise<string> {
    return rsaKey
  }

  async ecKey(): Promise<string> {
    return ecKey
  }

  below(limit: number): number {
    return Math.floor(this.unit() * limit)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.unit() * times < 1
  }

  fork(): SimRandom {
    return new SimRandom(this.below(0xffffffff))
  }
}
