import type { FieldValue, Reading } from '../alert/alert.ts'
import type { Payload } from './payload.ts'

/** What a decoder may know beside the bytes. */
export type Context = {
  topic?: string
  retained?: boolean
  /** When it was heard, in ms on a scale that only goes forward. Missing: no time passes. */
  now?: number
  /** How the settings shape the decoder of this source. */
  options?: DecodeOptions
  /** What was heard of this source before, for formats that send only what changed. Missing: nothing is known, nothing is kept. */
  memory?: Memory
}

/** `sources[].decoding` of the settings; each is for the decoders that it names. */
export type DecodeOptions = {
  /** csv: the names of the columns, in their order. An empty name passes its column over. */
  columns?: readonly string[]
  /** csv: what stands between columns. Default: comma, semicolon or tab, whichever the line has most of. */
  separator?: string
  /** groups: an RE2 pattern whose named groups become members, `(?P<key>\w+) (?P<value>[\d.]+)`. */
  pattern?: string
  /** json and everything over it: where text, value, key and the others stand, such as `{ "value": "SENSOR.Temperature" }`. */
  paths?: Readonly<Partial<Record<Canonical, string>>>
  /** nmea: which of fields 3 and 4 of ALR is the condition (makers differ). Default `condition-first`. */
  alr?: 'condition-first' | 'acknowledgement-first'
}

/** The names that Outpost knows (docs/settings.md); all others become fields. */
export const canonical = ['id', 'key', 'state', 'severity', 'text', 'value', 'unit', 'at'] as const
export type Canonical = (typeof canonical)[number]

/** Bounded and forgetful: of one source, by a name the decoder chooses (a device, a topic). Gone with a restart. */
export interface Memory {
  get(name: string): Readonly<Record<string, FieldValue>> | undefined
  set(name: string, fields: Readonly<Record<string, FieldValue>>): void
}

export type Decoded =
  | { kind: 'reading'; reading: Reading; besides?: Besides; answer?: Answer }
  /** Understood, and nothing to tell (heartbeat, empty line). */
  | { kind: 'ignored'; why: string; besides?: Besides; answer?: Answer }
  /** Claims to be this format but is broken, or bytes that are no text. `why` is a sentence for the technician. */
  | { kind: 'undecodable'; why: string; answer?: Answer }

/**
 * What a frame says beside its reading, in the order in which it is to be told. An event is told; what is raised or over is told only while that is news,
 * so a decoder may say with every frame how everything stands, and needs no memory of what it raised.
 */
export type Besides = readonly Reading[]

/** What this format itself says back, for a source that is set to `acknowledge: "protocol"`: once it is durable, or when it is refused. */
export type Answer = { taken: Uint8Array; refused: Uint8Array }

/** One format. Pure. `recognises` must be cheap: `auto` asks every decoder in turn; undefined from it means "not mine". */
export type Decoder = {
  name: string
  title: string
  decode(payload: Payload, context: Context): Decoded
  /** For `auto`: whether these bytes are of this format. */
  recognises(payload: Payload, context: Context): boolean
  /** For formats in which a topic says something with an empty payload, too. */
  speaksEmpty?(context: Context): boolean
  /** What it is for, as a device sends it. */
  sample?: { text: string; topic?: string }
}
