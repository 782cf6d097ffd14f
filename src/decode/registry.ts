import type { Context, Decoded, Decoder } from './decoder.ts'
import { anyJson, canonicalJson } from './json.ts'
import { pairs } from './pairs.ts'
import { text } from './text.ts'

/** Every decoder, in the order in which `auto` asks them. */
export const decoders: readonly Decoder[] = [canonicalJson, anyJson, pairs, text]

/** Decodes by a decoder's name or `auto`; an unknown name decodes as `auto`, for the settings have been checked. Never throws. */
export function decode(name: string, bytes: Uint8Array, context: Context): Decoded & { decoder: string } {
  if (context.retained && bytes.length === 0) return { kind: 'ignored', why: 'an empty retained payload clears its topic', decoder: 'none' }
  const decoder = decoders.find((one) => one.name === name) ?? decoders.find((one) => one.recognises(bytes, context)) ?? text
  try {
    return { ...decoder.decode(bytes, context), decoder: decoder.name }
  } catch (error) {
    // JSON.parse runs out of stack on absurd nesting: the octets themselves are still worth a mail.
    return error instanceof RangeError
      ? { ...text.decode(bytes, context), decoder: text.name }
      : { kind: 'undecodable', why: String(error), decoder: decoder.name }
  }
}
