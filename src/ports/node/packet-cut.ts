/**
 * Packet cut: an MQTT stream in which a message that is too long has lost its end. A PUBLISH may have 256 MiB, which would be collected before anybody looks at it, and a broker of MQTT 3.1.1 sends it again and again until it is
 * acknowledged. Topic and packet identifier stand in front (MQTT 3.1.1 section 3.3), so what is left of it can be told and acknowledged like any other.
 */
export class PacketCut {
  readonly #limit: number
  /** Of the packet that begins, as far as it has come: its first octet, and those of its length. */
  #header: number[] = []
  /** Octets of the packet that are still to go on, and those after them that are not. */
  #pass = 0
  #drop = 0

  /** `limit`: octets after the header; more than a topic has. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** What may go on of these octets; undefined: this is no MQTT, or a packet that is too long and no message. */
  through(octets: Uint8Array): Uint8Array | undefined {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < octets.length; ) {
      const left = octets.length - at
      if (this.#pass > 0) {
        const passing = Math.min(this.#pass, left)
        pieces.push(octets.subarray(at, at + passing))
        this.#pass -= passing
        at += passing
      } else if (this.#drop > 0) {
        const dropping = Math.min(this.#drop, left)
        this.#drop -= dropping
        at += dropping
      } else {
        const header = this.#begin(octets[at++] ?? 0)
        if (header === undefined) return undefined
        if (header !== 'more') pieces.push(header)
      }
    }
    return Buffer.concat(pieces)
  }

  /** One more octet of a header: the header that goes on in its place. */
  #begin(octet: number): Uint8Array | 'more' | undefined {
    const header = this.#header
    header.push(octet)
    if (header.length === 1) return 'more'
    if (octet >= 128) return header.length < 5 ? 'more' : undefined
    const length = header.slice(1).reduce((sum, digit, place) => sum + (digit & 127) * 128 ** place, 0)
    const [first = 0] = header
    this.#header = []
    this.#pass = Math.min(length, this.#limit)
    this.#drop = length - this.#pass
    if (this.#drop > 0 && first >> 4 !== publish) return undefined
    return Buffer.from(this.#drop > 0 ? [first, ...lengthOf(this.#limit)] : header)
  }
}

/** MQTT 3.1.1 section 2.2.1. */
const publish = 3

/** MQTT 3.1.1 section 2.2.3. */
const lengthOf = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...lengthOf(value >> 7)])
