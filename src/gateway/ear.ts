import { type Clock, sleep } from '../ports/clock.ts'
import { type LineSettings, type Serial, SerialError } from '../ports/serial.ts'
import { answerFor, type Chunk, type Guess, sniff } from './sniff.ts'

/** Ear: listens to a line at one speed after the other, until it is sure what it speaks. */
export const commonRates = [9600, 115_200, 19_200, 38_400, 57_600, 4800, 2400, 1200] as const
const sureEnough = 0.8
const framesEnough = 2
const lookMs = 250
const octetsLimit = 64 * 1024

export type RateGuess = { rate: number; guess: Guess | undefined }

export const isSure = ({ sure }: Guess): boolean => sure >= sureEnough
export const isLikely = ({ sure }: Guess): boolean => sure >= sureEnough / 2

/** What was heard at each rate, `ms` long each; ends early when it is sure. Throws SerialError when the line is gone, or is not to be had. */
export async function* listenAt(
  ports: { serial: Serial; clock: Clock },
  path: string,
  rates: readonly number[],
  ms: number,
): AsyncGenerator<RateGuess> {
  for (const rate of rates) {
    const guess = await hear(ports, { path, baudRate: rate, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' }, ms)
    yield { rate, guess }
    if (guess && enough(guess)) return
  }
}

/** The surest of them; undefined when nothing was heard. */
export const surest = (heard: readonly RateGuess[]): { rate: number; guess: Guess } | undefined =>
  heard.reduce<{ rate: number; guess: Guess } | undefined>(
    (best, { rate, guess }) => (guess && guess.sure > (best?.guess.sure ?? -1) ? { rate, guess } : best),
    undefined,
  )

/** The guess as a source of the settings. */
export function sourceFor(path: string, baudRate: number, { dataBits, parity, frame, decoder }: Guess): object {
  const answer = answerFor(decoder)
  return {
    ...{ id: 'line-1', kind: 'serial', path, baudRate, dataBits, parity, frame },
    decode: decoder === 'text' ? 'auto' : decoder,
    ...(answer === 'none' ? {} : { acknowledge: answer }),
  }
}

/** Until it is sure, or the time is over; undefined when nothing was heard. */
async function hear({ serial, clock }: { serial: Serial; clock: Clock }, line: LineSettings, ms: number): Promise<Guess | undefined> {
  const chunks: Chunk[] = []
  let octets = 0
  let lost: string | undefined
  const open = await serial.open(line, {
    data: (bytes) => {
      octets += bytes.length
      if (octets <= octetsLimit) chunks.push({ atMs: clock.monotonic(), bytes: Uint8Array.from(bytes) })
    },
    closed: (why) => {
      lost = why
    },
  })
  const end = clock.monotonic() + ms
  let guess: Guess | undefined
  for (let before = 0; clock.monotonic() < end && lost === undefined; before = octets) {
    await sleep(clock, lookMs)
    if (octets === before) continue
    guess = sniff(chunks)
    if (guess && enough(guess)) break
  }
  await open.close()
  if (lost !== undefined) throw new SerialError(lost, 'EIO')
  return guess
}

const enough = (guess: Guess): boolean => isSure(guess) && guess.frames >= framesEnough
