/**
 * Frame: from octets as they come to whole frames, with a bound on memory whatever the line does. Pure; the caller owns the idle clock.
 *
 * A frame longer than `maxBytes` is given once, cut, as soon as it is too long, and counted; the rest is skipped up to its end: an alert must
 * not vanish, nor may a line without an end eat the memory. Empty frames are not given.
 */
export type FrameOptions = {
  /**
   * `line`: LF, CR and CRLF each end one. `delimiter`: some octets end one. `idle`: silence does. `length`: the length stands in front.
   * `fixed`: all are of one length. `stx-etx`: from 0x02 to 0x03, what is between frames is passed over. `between`: from one octet to another, such as `:` and `;`.
   * `telegram`: from `/` to the end of the line that begins with `!` (DSMR P1). `slip`: RFC 1055. `cobs`: consistent overhead, 0 ends a frame; one that is broken is
   * given as it came.
   */
  kind: 'line' | 'delimiter' | 'idle' | 'length' | 'fixed' | 'stx-etx' | 'between' | 'telegram' | 'slip' | 'cobs'
  /** Octets of content; delimiters and lengths do not count. At least 1. */
  maxBytes: number
  /** For `delimiter`: the octets that end a frame; in text, `\x14` and the like are allowed (see `delimiterBytes`). Default LF. */
  delimiter?: string | Uint8Array | undefined
  /** For `between`: the octets at which a frame begins and ends, written like a delimiter. Default `:` and `;`. */
  start?: string | undefined
  end?: string | undefined
  /** For `idle` the silence that ends a frame (default 250), for the others the silence after which an unfinished one is given up. */
  idleMs?: number | undefined
  /** For `fixed`: octets of every frame. */
  bytes?: number | undefined
  /** For `length`: octets of the length in front. Default 1. */
  lengthBytes?: 1 | 2 | 4 | undefined
  /** For `length`: which octet of the length comes first. Default `big`, the most significant. */
  lengthOrder?: 'big' | 'little' | undefined
}

export type Framer = {
  /** The frames that these octets end. */
  push(bytes: Uint8Array): Uint8Array[]
  /** The line was silent for `idleMs`: what was unfinished, at most one frame. The next octet begins a frame. */
  idle(): Uint8Array[]
  /** Octets of a frame that has not ended, the skipped ones and those of its length among them; 0 between frames. */
  readonly pending: number
  /** Frames that were cut. */
  readonly overruns: number
  /** How long the line must be silent, in ms, before `idle` is to be called. */
  readonly idleMs: number
}

/**
 * Silence in ms. A line that was begun is given ten seconds: some devices forget the line end, and no alert may wait for ever. Counted frames
 * must come to an end sooner, or one lost octet would shift all that follow.
 */
const silence = {
  idle: 250,
  line: 10_000,
  delimiter: 10_000,
  length: 1000,
  fixed: 1000,
  'stx-etx': 10_000,
  between: 10_000,
  telegram: 10_000,
  slip: 10_000,
  cobs: 10_000,
}

/** Whether silence is a proper end of a frame, not the mark of a torn one. */
export const endsInSilence = ({ kind, idleMs }: FrameOptions): boolean =>
  kind === 'idle' || (idleMs !== undefined && (kind === 'line' || kind === 'delimiter'))

export const createFramer = (options: FrameOptions): Framer => new Framing(options)

class Framing implements Framer {
  overruns = 0
  pending = 0
  readonly idleMs: number
  readonly #options: FrameOptions
  readonly #end: Uint8Array
  readonly #held: Uint8Array
  #length = 0
  #skipping = false
  #ready: Uint8Array[] = []
  /** `line`: the last octet was CR. */
  #afterCr = false
  /** `delimiter`: how many of its octets were the last ones heard; they are not held before it is known that they are content. */
  #matched = 0
  /** `length`: octets of content to come; undefined while the length itself comes. */
  #left: number | undefined
  #size = 0
  /** `slip`: the last octet was ESC. */
  #escaped = false
  /** `telegram`: this line begins with `!`; undefined at the beginning of a line. */
  #lastLine: boolean | undefined
  readonly #from: number
  readonly #to: number

  constructor(options: FrameOptions) {
    this.#options = options
    this.idleMs = options.idleMs ?? silence[options.kind]
    const { delimiter = '\n' } = options
    const end = typeof delimiter === 'string' ? delimiterBytes(delimiter) : Uint8Array.from(delimiter)
    this.#end = end.length > 0 ? end : Uint8Array.of(0x0a)
    this.#held = new Uint8Array(Math.max(1, options.maxBytes))
    this.#from = delimiterBytes(options.start ?? ':')[0] ?? 0x3a
    this.#to = delimiterBytes(options.end ?? ';')[0] ?? 0x3b
  }

  push(bytes: Uint8Array): Uint8Array[] {
    for (const octet of bytes) this.#hear(octet)
    return this.#give()
  }

  idle(): Uint8Array[] {
    for (const octet of this.#end.subarray(0, this.#matched)) this.#keep(octet)
    this.#finish()
    return this.#give()
  }

  #give(): Uint8Array[] {
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #hear(octet: number): void {
    this.pending++
    switch (this.#options.kind) {
      case 'line':
        this.#line(octet)
        break
      case 'delimiter':
        this.#delimited(octet)
        break
      case 'stx-etx':
        this.#stxEtx(octet)
        break
      case 'between':
        this.#between(octet)
        break
      case 'telegram':
        this.#telegram(octet)
        break
      case 'slip':
        this.#slip(octet)
        break
      case 'cobs':
        if (octet === 0) this.#finish()
        else this.#keep(octet)
        break
      case 'length':
        this.#counted(octet)
        break
      case 'fixed':
        this.#keep(octet)
        if (this.pending >= (this.#options.bytes ?? 1)) this.#finish()
        break
      case 'idle':
        this.#keep(octet)
    }
  }

  #line(octet: number): void {
    // The LF of a CRLF ends an empty frame, which is none; counted, it would be pending for ever.
    const second = this.#afterCr && octet === 0x0a
    this.#afterCr = octet === 0x0d
    if (second) this.pending = 0
    else if (octet === 0x0a || octet === 0x0d) this.#finish()
    else this.#keep(octet)
  }

  #delimited(octet: number): void {
    if (this.#matched === 0 && octet !== this.#end[0]) {
      this.#keep(octet)
      return
    }
    const heard = [...this.#end.subarray(0, this.#matched), octet]
    let from = 0
    while (!heard.slice(from).every((value, index) => value === this.#end[index])) from++
    this.#matched = heard.length - from
    for (const content of heard.slice(0, from)) this.#keep(content)
    if (this.#matched === this.#end.length) this.#finish()
  }

  #stxEtx(octet: number): void {
    const inside = this.pending > 1
    if (octet === 0x02) {
      // A device that begins anew was interrupted: what it had said is given as it is.
      this.#finish()
      this.pending = 1
    } else if (!inside) this.pending = 0
    else if (octet === 0x03) this.#finish()
    else this.#keep(octet)
  }

  /** Inside a frame, the octet that begins one is content: a time has colons, too. */
  #between(octet: number): void {
    if (this.pending === 1) {
      if (octet !== this.#from) this.pending = 0
    } else if (octet === this.#to) this.#finish()
    else this.#keep(octet)
  }

  #telegram(octet: number): void {
    if (this.pending === 1 && octet !== 0x2f) {
      this.pending = 0
      return
    }
    const ends = octet === 0x0a || octet === 0x0d
    if (ends && this.#lastLine === true) {
      this.#finish()
      return
    }
    this.#lastLine = ends ? undefined : (this.#lastLine ?? octet === 0x21)
    this.#keep(octet)
  }

  /** RFC 1055. An octet that must not follow ESC is kept with it: somebody may still read it. */
  #slip(octet: number): void {
    if (octet === slip.end) {
      this.#finish()
      return
    }
    if (this.#escaped) {
      this.#escaped = false
      const meant = octet === slip.escapedEnd ? slip.end : octet === slip.escapedEsc ? slip.esc : undefined
      if (meant === undefined) this.#keep(slip.esc)
      this.#keep(meant ?? octet)
    } else if (octet === slip.esc) this.#escaped = true
    else this.#keep(octet)
  }

  #counted(octet: number): void {
    const { lengthBytes = 1, lengthOrder = 'big' } = this.#options
    if (this.#left !== undefined) {
      this.#keep(octet)
      this.#left--
    } else {
      this.#size = lengthOrder === 'big' ? this.#size * 256 + octet : this.#size + octet * 256 ** (this.pending - 1)
      if (this.pending === lengthBytes) this.#left = this.#size
    }
    if (this.#left === 0) this.#finish()
  }

  /** Holds an octet of content; gives the frame, cut, at the moment it becomes too long. */
  #keep(octet: number): void {
    if (this.#skipping) return
    if (this.#length < this.#held.length) {
      this.#held[this.#length++] = octet
      return
    }
    this.overruns++
    this.#ready.push(this.#held.slice())
    this.#skipping = true
  }

  /** The frame ends here; one that was cut has been given. */
  #finish(): void {
    if (!this.#skipping && this.#length > 0) {
      const whole = this.#held.slice(0, this.#length)
      const frame = this.#options.kind === 'cobs' ? uncobbed(whole) : whole
      if (frame.length > 0) this.#ready.push(frame)
    }
    this.#escaped = false
    this.#lastLine = undefined
    this.#length = 0
    this.#skipping = false
    this.#matched = 0
    this.#left = undefined
    this.#size = 0
    this.pending = 0
  }
}

const slip = { end: 0xc0, esc: 0xdb, escapedEnd: 0xdc, escapedEsc: 0xdd }

/** Each code says how many octets there are to the next 0, itself among them; 255: there is none at its end. Broken ones are given as they came. */
function uncobbed(frame: Uint8Array): Uint8Array {
  const out: number[] = []
  for (let at = 0; at < frame.length; ) {
    const code = frame[at] ?? 0
    if (code === 0 || at + code > frame.length) return frame
    out.push(...frame.subarray(at + 1, at + code))
    at += code
    if (code < 0xff && at < frame.length) out.push(0)
  }
  return Uint8Array.from(out)
}

/** The octets of a delimiter: `\xHH`, `\r`, `\n`, `\t`, `\0` and `\\` are escapes, all else stands for itself in UTF-8. */
export const delimiterBytes = (text: string): Uint8Array =>
  Buffer.concat(
    text.split(/(\\x[0-9a-fA-F]{2}|\\[rnt0\\])/).map((part, index) => {
      if (index % 2 === 0) return Buffer.from(part)
      return Buffer.of(part[1] === 'x' ? Number.parseInt(part.slice(2), 16) : (escapes[part[1] ?? ''] ?? 0))
    }),
  )

const escapes: Record<string, number> = { r: 0x0d, n: 0x0a, t: 0x09, '0': 0, '\\': 0x5c }
