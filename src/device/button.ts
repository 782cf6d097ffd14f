import type { Cancel, Clock } from '../ports/clock.ts'
import type { Sys } from '../ports/sys.ts'

/** Button: a key of the board, held for five seconds, resets the box. Shorter than that it does nothing, so that nobody resets it in passing. */
export const holdMs = 5000

/** struct input_event of a 64-bit kernel (linux/input.h): 16 octets of time, type, code, value. */
const eventBytes = 24
const keyType = 1
const syncType = 0
/** The kernel threw events away: nobody knows whether it is still held. */
const droppedCode = 3

export type Press = 'down' | 'up'

/** Cuts what a device tells into presses of one key. Octets may come in pieces of any size. */
export class Presses {
  readonly #code: number
  #rest: Uint8Array = new Uint8Array()

  constructor(code: number) {
    this.#code = code
  }

  take(bytes: Uint8Array): Press[] {
    const all = Buffer.concat([this.#rest, bytes])
    const whole = all.length - (all.length % eventBytes)
    this.#rest = all.subarray(whole)
    const presses: Press[] = []
    for (let at = 0; at < whole; at += eventBytes) {
      const type = all.readUInt16LE(at + 16)
      const code = all.readUInt16LE(at + 18)
      const value = all.readInt32LE(at + 20)
      if (type === syncType && code === droppedCode) presses.push('up')
      // 2 is a repetition while it is held.
      else if (type === keyType && code === this.#code && value !== 2) presses.push(value === 1 ? 'down' : 'up')
    }
    return presses
  }
}

/** Tells when the key was held long enough, once a press. */
export class Hold {
  readonly #clock: Clock
  readonly #held: () => void
  #cancel: Cancel | undefined

  constructor(clock: Clock, held: () => void) {
    this.#clock = clock
    this.#held = held
  }

  get pressed(): boolean {
    return this.#cancel !== undefined
  }

  take(press: Press): void {
    if (press === 'up') this.release()
    else this.#cancel ??= this.#clock.after(holdMs, this.#held)
  }

  release(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/** Whether a bitmap of /sys names a key: hexadecimal words of 64 bits, the highest first. */
export function hasKey(capabilities: string, code: number): boolean {
  const words = capabilities.trim().split(/\s+/).reverse()
  const word = words[Math.floor(code / 64)] ?? '0'
  return /^[0-9a-f]{1,16}$/.test(word) && ((BigInt(`0x${word}`) >> BigInt(code % 64)) & 1n) === 1n
}

/** The input device that has this key. */
export async function findKey(sys: Sys, code: number): Promise<string | undefined> {
  const dir = '/sys/class/input'
  for (const name of (await sys.list(dir)).filter((one) => /^event\d+$/.test(one)))
    if (hasKey((await sys.read(`${dir}/${name}/device/capabilities/key`)) ?? '', code)) return `/dev/input/${name}`
  return undefined
}
