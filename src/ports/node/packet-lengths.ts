/**
 * Packet lengths: follows the packets of an MQTT stream by their headers alone (MQTT 3.1.1 section 2.2), and says no to one that is too long
 * before its octets are collected. A packet may claim 256 MiB, and claims it before anybody has logged in.
 */
export class PacketLengths {
  readonly #limit: number
  /** Octets of the packet that are still to come; 0: the next octet begins one. */
  #left = 0
  /** The length as far as it has come; undefined: not in a header. */
  #length: { value: number; factor: number } | undefined

  /** `limit`: octets after the header. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether these octets may go on; once false, the stream is of no use any more. */
  allow(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at)
        this.#left -= passed
        at += passed
        continue
      }
      if (!this.#header(bytes[at] ?? 0)) return false
      at++
    }
    return true
  }

  #header(octet: number): boolean {
    if (!this.#length) {
      this.#length = { value: 0, factor: 1 }
      return true
    }
    const value = this.#length.value + (octet & 127) * this.#length.factor
    if (value > this.#limit) return false
    if (octet < 128) {
      this.#left = value
      this.#length = undefined
      return true
    }
    this.#length = { value, factor: this.#length.factor * 128 }
    // Four octets of length are the most.
    return this.#length.factor < 128 ** 4
  }
}
