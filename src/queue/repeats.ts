import type { Alert } from '../alert/alert.ts'
import type { Offer } from './offer.ts'
import { fingerprint, Seen } from './seen.ts'

/**
 * Repeats: by what an alert that comes again is known. An id, and a transmission of a wire that numbers them all, is known for a day. Devices count anew
 * whenever they wake, and have the same to say as before: what one of them said under the same number longer ago than `fleetingMs` was another alert. It says
 * again what got no answer as soon as it is connected again.
 */
export const fleetingMs = 5 * 60_000

/** `byWire`: it tells a repeat only where the wire says that it is one. */
export type Print = { print: number; byWire: boolean; fleeting: boolean }

export class Repeats {
  readonly #lasting: Seen
  readonly #fleeting: Seen
  /** Of the record that was folded last. */
  #boot: string | undefined

  /** `now` on the monotonic scale of this boot, as everywhere here. */
  constructor(now: number, segmentBytes: number) {
    this.#lasting = new Seen(now, segmentBytes)
    this.#fleeting = new Seen(now, segmentBytes, fleetingMs)
  }

  /** The letter that was accepted under this print. */
  get({ print, fleeting }: Print, now: number): number | undefined {
    return (fleeting ? this.#fleeting : this.#lasting).get(print, now)
  }

  add({ print, fleeting }: Print, id: number, segment: number, now: number): void {
    const seen = fleeting ? this.#fleeting : this.#lasting
    seen.add(print, id, segment, now)
  }

  /** Takes in a record of the journal. What passes for a moment is reckoned by its stamp, and a time in which nobody listened does not count. */
  fold(alert: Alert, id: number, segment: number, now: number): void {
    const { mono, boot } = alert.stamp
    if (boot !== this.#boot) this.#fleeting.resume(mono)
    this.#boot = boot
    for (const print of printsOf(alert)) this.add(print, id, segment, print.fleeting ? mono : now)
  }

  /** All records are folded: the gateway listens from now on. */
  begin(now: number): void {
    this.#fleeting.resume(now)
  }

  /** What only this segment of the journal knows, as octets for records elsewhere: at most `most` entries a piece. What is fleeting is not worth it. */
  writtenIn(segment: number, most: number): Uint8Array[] {
    return this.#lasting.writtenIn(segment, most)
  }

  /** Takes in what `writtenIn` gave. */
  addPiece(piece: Uint8Array, segment: number, now: number): void {
    this.#lasting.addPiece(piece, segment, now)
  }
}

/** Under which prints an alert is remembered. What the rules tell again is no repeat. */
export function printsOf({ source, id, transmission, fleeting = false, telling }: Offer): Print[] {
  if (telling?.made) return []
  return [
    ...(id === undefined ? [] : [{ print: fingerprint(`${source}\0${id}`), byWire: false, fleeting: false }]),
    ...(transmission === undefined ? [] : [{ print: fingerprint(`${source}\0\0${transmission}`), byWire: true, fleeting }]),
  ]
}
