import { decode } from '../decode/registry.ts'
import { createFramer, type FrameOptions } from '../source/frame.ts'

/**
 * Sniff: what a line speaks, guessed from what was heard of it: octets with a parity bit, how frames end, their format, and how sure that is. Pure.
 */
export type Chunk = { atMs: number; bytes: Uint8Array }

export type Guess = {
  /** From 0 (noise) to 1 (every octet belongs to a frame of a known format). */
  sure: number
  dataBits: 7 | 8
  parity: 'none' | 'even' | 'odd'
  frame: Pick<FrameOptions, 'kind' | 'delimiter' | 'idleMs'>
  decoder: string
  frames: number
  /** What the first frames say, as alerts. */
  says: string[]
}

/** Asked in this order; of those that are about equal the first wins. */
const framings: readonly Guess['frame'][] = [
  { kind: 'line' },
  { kind: 'delimiter', delimiter: '\\x14' },
  { kind: 'stx-etx' },
  { kind: 'between' },
  { kind: 'telegram' },
  { kind: 'idle', idleMs: 250 },
  { kind: 'slip' },
]

/** How much a frame of this decoder says for the framing. A known format says most, but plain words are much for a line. */
const weights: Readonly<Record<string, number>> = { text: 0.85, pairs: 0.95, none: 0 }
const saysLimit = 3
const equal = 0.01
const parityOctets = 16
/** The settings of a line that was heard only once are less sure than those of a line that was heard again and again. */
const repeats = [0, 0.75, 0.9, 0.97, 1]

/** undefined: nothing was heard. */
export function sniff(chunks: readonly Chunk[]): Guess | undefined {
  const octets = Buffer.concat(chunks.map((chunk) => chunk.bytes))
  if (octets.length === 0) return undefined
  const parity = parityOf(octets)
  const heard = parity === 'none' ? chunks : chunks.map(({ atMs, bytes }) => ({ atMs, bytes: bytes.map((octet) => octet & 0x7f) }))
  const guesses = framings.map((frame) => guessBy(frame, heard, octets.length))
  const best = guesses.reduce((a, b) => (b.sure > a.sure + equal ? b : a))
  return { ...best, parity, dataBits: parity === 'none' ? 8 : 7 }
}

/** A line of 7 bits that is read with 8 shows its parity bit at the top. */
function parityOf(octets: Uint8Array): Guess['parity'] {
  if (octets.length < parityOctets || !octets.some((octet) => octet & 0x80) || octets.every((octet) => octet & 0x80)) return 'none'
  const ones = octets.reduce((sum, octet) => sum + (bitsIn(octet) & 1), 0)
  return ones === 0 ? 'even' : ones === octets.length ? 'odd' : 'none'
}

const bitsIn = (octet: number): number => octet.toString(2).replaceAll('0', '').length

function guessBy(frame: Guess['frame'], chunks: readonly Chunk[], total: number): Omit<Guess, 'parity' | 'dataBits'> {
  const decoders = new Map<string, number>()
  const says: string[] = []
  let worth = 0
  const frames = framesOf(frame, chunks)
  for (const bytes of frames) {
    const found = decode('auto', bytes, {})
    decoders.set(found.decoder, (decoders.get(found.decoder) ?? 0) + bytes.length)
    if (found.kind === 'reading' && says.length < saysLimit) says.push(found.reading.text)
    if (found.kind === 'undecodable') continue
    worth += bytes.length * (weights[found.decoder] ?? 1) * printable(bytes)
  }
  const [decoder = 'text'] = [...decoders].sort((a, b) => b[1] - a[1])[0] ?? []
  const framed = frames.reduce((sum, bytes) => sum + bytes.length, 0)
  // Ends of frames are octets, too; what stands between frames is not.
  const share = worth / Math.max(total - 2 * frames.length, framed, 1)
  return { sure: share * (repeats[Math.min(frames.length, repeats.length - 1)] ?? 1), frame, decoder, frames: frames.length, says }
}

function framesOf(frame: Guess['frame'], chunks: readonly Chunk[]): Uint8Array[] {
  const framer = createFramer({ ...frame, maxBytes: 4096 })
  const frames: Uint8Array[] = []
  let last: number | undefined
  for (const { atMs, bytes } of chunks) {
    if (last !== undefined && atMs - last >= framer.idleMs && frame.kind === 'idle') frames.push(...framer.idle())
    frames.push(...framer.push(bytes))
    last = atMs
  }
  if (frame.kind === 'idle') frames.push(...framer.idle())
  return frames
}

/** The share of octets that are text, squared: at a wrong speed some look like text by chance. */
function printable(bytes: Uint8Array): number {
  let plain = 0
  for (const octet of bytes) if ((octet >= 0x20 && octet < 0x7f) || octet === 0x09 || octet === 0x0a || octet === 0x0d) plain++
  return (plain / bytes.length) ** 2
}

/** What the format asks to be answered with (`acknowledge` of the settings). */
export const answerFor = (decoder: string): 'none' | 'contact-id' | 'protocol' =>
  decoder === 'contact-id' ? 'contact-id' : decoder === 'dc-09' ? 'protocol' : 'none'
