import { answerFor, type Chunk, type Guess, sniff as guessOf } from '../gateway/sniff.ts'
import { sleep } from '../ports/clock.ts'
import { sentence } from '../ports/log.ts'
import type { LineSettings } from '../ports/serial.ts'
import { type Command, exit, Refusal, type Scene, text, UsageError } from './command.ts'

/** The commonest first. */
const rates = [9600, 115_200, 19_200, 38_400, 57_600, 4800, 2400, 1200]
const sureEnough = 0.8
const framesEnough = 2
const lookMs = 250
const octetsLimit = 64 * 1024

export const sniff: Command = {
  usage: 'outpost sniff --path DEVICE [--seconds N] [--rate N]',
  help: 'Listens to a serial line and guesses its speed, how frames end and their format, and says how sure it is. N seconds at each speed (20).',
  flags: { path: 'text', seconds: 'text', rate: 'text', json: 'yes' },
  async run(scene, options) {
    const path = text(options, 'path')
    if (path === undefined) throw new UsageError(`Say which line: --path DEVICE.${await known(scene)}`)
    const seconds = number('seconds', text(options, 'seconds') ?? '20', 1, 3600)
    const rate = text(options, 'rate')
    const look = await scene.ports.serial.look(path)
    if (look.kind === 'missing') throw new Refusal(`There is no ${path}.${await known(scene)}`)
    if (look.kind === 'no-line') throw new Refusal(`${path} is not a serial line.`)
    const [holder] = look.heldBy
    if (holder) scene.err(`${path} is in use by ${holder.name} (${holder.pid}), which may take octets that are then not heard here.\n`)
    let best: { rate: number; guess: Guess } | undefined
    for (const baudRate of rate === undefined ? rates : [number('rate', rate, 50, 4_000_000)]) {
      const guess = await hear(scene, { path, baudRate, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' }, seconds * 1000)
      if (!options.flags.json) scene.err(`${baudRate}: ${guess ? words(guess) : `nothing heard in ${seconds} s`}\n`)
      if (guess && guess.sure > (best?.guess.sure ?? -1)) best = { rate: baudRate, guess }
      if (best && enough(best.guess)) break
    }
    if (!best)
      throw new Refusal(
        `Nothing was heard on ${path}. Is the device on, does its TX lead to our RX, is the ground joined, does it speak unasked? Listen longer with --seconds.`,
      )
    const source = settingsOf(path, best.rate, best.guess)
    if (options.flags.json)
      scene.out(`${JSON.stringify({ sure: best.guess.sure, frames: best.guess.frames, says: best.guess.says, source })}\n`)
    else {
      scene.out(`${howSure(best.guess)}: ${words(best.guess)} at ${best.rate} baud.\n`)
      for (const said of best.guess.says) scene.out(`  ${said}\n`)
      scene.out(`${JSON.stringify(source)}\n`)
    }
    return best.guess.sure >= sureEnough / 2 ? exit.done : exit.no
  },
}

/** Until it is sure, or the time is over; undefined when nothing was heard. */
async function hear({ ports: { serial, clock } }: Scene, line: LineSettings, ms: number): Promise<Guess | undefined> {
  const chunks: Chunk[] = []
  let octets = 0
  let lost: string | undefined
  const open = await serial
    .open(line, {
      data: (bytes) => {
        octets += bytes.length
        if (octets <= octetsLimit) chunks.push({ atMs: clock.monotonic(), bytes: Uint8Array.from(bytes) })
      },
      closed: (why) => {
        lost = why
      },
    })
    .catch((error) => {
      throw new Refusal(`${sentence(error)}.`)
    })
  const end = clock.monotonic() + ms
  let guess: Guess | undefined
  for (let before = 0; clock.monotonic() < end && lost === undefined; before = octets) {
    await sleep(clock, lookMs)
    if (octets === before) continue
    guess = guessOf(chunks)
    if (guess && enough(guess)) break
  }
  await open.close()
  if (lost !== undefined) throw new Refusal(`${lost}.`)
  return guess
}

const enough = ({ sure, frames }: Guess): boolean => sure >= sureEnough && frames >= framesEnough

const howSure = ({ sure }: Guess): string => (sure >= sureEnough ? 'Sure' : sure >= sureEnough / 2 ? 'Likely' : 'Hardly')

const words = ({ sure, dataBits, parity, frame, decoder, frames }: Guess): string =>
  `${Math.round(sure * 100)} % ${dataBits}${{ none: 'N', even: 'E', odd: 'O' }[parity]}1, frames by ${frame.kind}, ${decoder}, ${frames} frame${frames === 1 ? '' : 's'}`

function settingsOf(path: string, baudRate: number, { dataBits, parity, frame, decoder }: Guess): object {
  const answer = answerFor(decoder)
  return {
    ...{ id: 'line-1', kind: 'serial', path, baudRate, dataBits, parity, frame },
    decode: decoder === 'text' ? 'auto' : decoder,
    ...(answer === 'none' ? {} : { acknowledge: answer }),
  }
}

async function known({ ports: { serial } }: Scene): Promise<string> {
  const names = (await serial.list()).map((port) => port.byId ?? port.path)
  return names.length > 0 ? ` Known are: ${names.join(', ')}.` : ''
}

function number(name: string, said: string, least: number, most: number): number {
  const value = Number(said)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`Write --${name} as a whole number from ${least} to ${most}.`)
  return value
}
