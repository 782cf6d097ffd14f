import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '../random.ts'

/** The Random port over the system's generator. */
export class NodeRandom implements Random {
  bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count))
  }

  unit(): number {
    return Math.random()
  }

  async rsaKey(bits: number): Promise<string> {
    const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }

  async ecKey(): Promise<string> {
    const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}
