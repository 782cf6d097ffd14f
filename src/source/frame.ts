/**
 * Frame: from octets as they come to whole frames, with a bound on memory whatever the line does. Pure; the caller owns the idle clock.
 *
 * A frame longer than `maxBytes` is given once, cut, and counted; what follows is skipped to its end: an alert must not vanish, nor may a
 * line without an end eat the memory.
 */
export type FrameOptions = {
  kind: 'line' | 'delimiter' | 'idle' | 'length' | 'fixed' | 'stx-etx'
  maxBytes: number
  /** For `delimiter`: the octets that end a frame, as text; `\x14` and the like are allowed. */
  delimiter?: string | undefined
  /** For `idle`, and for the others after how long an unfinished frame is given up as whole. */
  idleMs?: number | undefined
  /** For `fixed`: octets of every frame. */
  bytes?: number | undefined
  /** For `length`: octets of the length in front, big-endian. */
  lengthBytes?: 1 | 2 | 4 | undefined
}

export type Framer = {
  push(bytes: Uint8Array): Uint8Array[]
  /** The line was silent for `idleMs`. */
  idle(): Uint8Array[]
  /** Octets of a frame that has not ended. */
  readonly pending: number
  readonly overruns: number
  readonly idleMs: number | undefined
}

const defaultIdleMs = 250

export function createFramer(options: FrameOptions): Framer {
  return new Framing(options)
}

class Framing implements Framer {
  overruns = 0
  readonly idleMs: number | undefined
  readonly #options: FrameOptions
  readonly #end: Uint8Array
  #held: number[] = []
  #skipping = false
  /** `stx-etx`: inside a frame. `length`: octets still to come, -1 while the length itself comes. */
  #inside = false
  #left = -1
  #afterCr = false

  constructor(options: FrameOptions) {
    this.#options = options
    this.idleMs = options.kind === 'idle' ? (options.idleMs ?? defaultIdleMs) : options.idleMs
    this.#end = delimiterBytes(options.delimiter ?? '\n')
  }

  get pending(): number {
    return this.#held.length
  }

  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (const octet of bytes) {
      const frame = this.#take(octet)
      if (frame && frame.length > 0) frames.push(frame)
    }
    return frames
  }

  idle(): Uint8Array[] {
    this.#inside = false
    this.#left = -1
    const frame = this.#finish()
    return this.#options.kind === 'length' || this.#options.kind === 'fixed' || !frame || frame.length === 0 ? [] : [frame]
  }

  #take(octet: number): Uint8Array | undefined {
    switch (this.#options.kind) {
      case 'line':
        return this.#line(octet)
      case 'delimiter':
        return this.#delimited(octet)
      case 'stx-etx':
        return this.#stxEtx(octet)
      case 'fixed':
        return this.#hold(octet) ?? (this.#held.length >= (this.#options.bytes ?? 1) ? this.#finish() : undefined)
      case 'length':
        return this.#counted(octet)
      case 'idle':
        return this.#hold(octet)
    }
  }

  /** LF, CR and CRLF each end a line; CRLF ends one. */
  #line(octet: number): Uint8Array | undefined {
    const second = this.#afterCr && octet === 0x0a
    this.#afterCr = octet === 0x0d
    if (second) return undefined
    return octet === 0x0a || octet === 0x0d ? this.#finish() : this.#hold(octet)
  }

  #delimited(octet: number): Uint8Array | undefined {
    const cut = this.#hold(octet)
    if (cut) return cut
    const tail = this.#held.slice(-this.#end.length)
    if (tail.length < this.#end.length || tail.some((value, index) => value !== this.#end[index])) return undefined
    this.#held.length -= this.#end.length
    return this.#finish()
  }

  #stxEtx(octet: number): Uint8Array | undefined {
    if (octet === 0x02) {
      this.#held = []
      this.#skipping = false
      this.#inside = true
      return undefined
    }
    if (!this.#inside) return undefined
    if (octet !== 0x03) return this.#hold(octet)
    this.#inside = false
    return this.#finish()
  }

  #counted(octet: number): Uint8Array | undefined {
    if (this.#left < 0) {
      this.#held.push(octet)
      if (this.#held.length < (this.#options.lengthBytes ?? 1)) return undefined
      this.#left = this.#held.reduce((sum, value) => sum * 256 + value, 0)
      this.#held = []
      if (this.#left === 0) this.#left = -1
      return undefined
    }
    this.#left--
    const cut = this.#hold(octet)
    if (this.#left > 0) return cut
    this.#left = -1
    const frame = this.#finish()
    return cut ?? frame
  }

  /** Keeps an octet; gives the frame, cut, at the moment it becomes too long. */
  #hold(octet: number): Uint8Array | undefined {
    if (this.#skipping) {
      // Only as much is remembered as the delimiter needs.
      this.#held.push(octet)
      if (this.#held.length > this.#end.length) this.#held.shift()
      return undefined
    }
    this.#held.push(octet)
    if (this.#held.length <= this.#options.maxBytes) return undefined
    this.overruns++
    const cut = Uint8Array.from(this.#held.slice(0, this.#options.maxBytes))
    this.#held = []
    this.#skipping = true
    return cut
  }

  /** The frame that ends here; undefined for the rest of one that was cut. */
  #finish(): Uint8Array | undefined {
    const frame = this.#skipping ? undefined : Uint8Array.from(this.#held)
    this.#held = []
    this.#skipping = false
    return frame
  }
}

/** `\xHH`, `\r`, `\n`, `\t` and plain characters, as octets. */
export const delimiterBytes = (text: string): Uint8Array =>
  Buffer.from(
    text.replace(/\\(?:x([0-9a-fA-F]{2})|([rnt]))/g, (_, code, letter) =>
      code ? String.fromCharCode(Number.parseInt(code, 16)) : { r: '\r', n: '\n', t: '\t' }[letter as 'r' | 'n' | 't'],
    ),
    'latin1',
  )
