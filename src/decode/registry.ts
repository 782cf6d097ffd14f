import type { Context, Decoded, Decoder } from './decoder.ts'
import { anyJson, canonicalJson } from './json.ts'
import { mail } from './mail.ts'
import { pairs } from './pairs.ts'
import { Payload } from './payload.ts'
import { serialDecoders } from './serial.ts'
import { isEmpty, text } from './text.ts'
import { topicDecoders } from './topics.ts'

/** Every decoder, in the order in which `auto` asks them. */
export const decoders: readonly Decoder[] = [...topicDecoders, canonicalJson, ...serialDecoders, mail, anyJson, pairs, text]

/**
 * Decodes by a decoder's name or `auto`; an unknown name decodes as `auto`, for the settings have been checked. Blank bytes are ignored,
 * but where a topic says something with them. `auto` never finds anything undecodable: what is nothing else is text. Never throws.
 */
export function decode(name: string, bytes: Uint8Array, context: Context): Decoded & { decoder: string } {
  if (isEmpty(bytes) && !topicDecoders.some((one) => one.speaksEmpty?.(context))) {
    const why = context.retained && bytes.length === 0 ? 'an empty retained payload clears its topic' : 'an empty frame'
    return { kind: 'ignored', why, decoder: 'none' }
  }
  const payload = new Payload(bytes)
  const named = decoders.find((one) => one.name === name)
  try {
    const decoder = named ?? decoders.find((one) => one.recognises(payload, context)) ?? text
    return { ...decoder.decode(payload, context), decoder: decoder.name }
  } catch {
    // A decoder must not throw; should one run out of stack or memory, the octets themselves are still worth a mail.
    return { ...text.decode(payload, context), decoder: text.name }
  }
}
