import { randomBytes } from 'node:crypto'
import type { Random } from '../random.ts'

/** The Random port over the system's generator. */
export class NodeRandom implements Random {
  bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count))
  }

  unit(): number {
    return Math.random()
  }
}
