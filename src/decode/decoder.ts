import type { Reading } from '../alert/alert.ts'

/** What a decoder may know beside the bytes. */
export type Context = { topic?: string; retained?: boolean }

export type Decoded =
  | { kind: 'reading'; reading: Reading }
  /** Understood, and nothing to tell (heartbeat, empty line). */
  | { kind: 'ignored'; why: string }
  /** Claims to be this format but is broken, or bytes that are no text. `why` is a sentence for the technician. */
  | { kind: 'undecodable'; why: string }

/** One format. Pure. `recognises` must be cheap: `auto` asks every decoder in turn; undefined from it means "not mine". */
export type Decoder = {
  name: string
  title: string
  decode(bytes: Uint8Array, context: Context): Decoded
  /** For `auto`: whether these bytes are of this format. */
  recognises(bytes: Uint8Array, context: Context): boolean
}
