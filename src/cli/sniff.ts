import { commonRates, isLikely, isSure, listenAt, type RateGuess, sourceFor, surest } from '../gateway/ear.ts'
import type { Guess } from '../gateway/sniff.ts'
import { sentence } from '../ports/log.ts'
import { SerialError } from '../ports/serial.ts'
import { type Command, exit, Refusal, type Scene, text, UsageError } from './command.ts'

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
    const rates = rate === undefined ? commonRates : [number('rate', rate, 50, 4_000_000)]
    const all: RateGuess[] = []
    try {
      for await (const heard of listenAt(scene.ports, path, rates, seconds * 1000)) {
        all.push(heard)
        if (!options.flags.json) scene.err(`${heard.rate}: ${heard.guess ? words(heard.guess) : `nothing heard in ${seconds} s`}\n`)
      }
    } catch (error) {
      if (error instanceof SerialError) throw new Refusal(`${sentence(error)}.`)
      throw error
    }
    const best = surest(all)
    if (!best)
      throw new Refusal(
        `Nothing was heard on ${path}. Is the device on, does its TX lead to our RX, is the ground joined, does it speak unasked? Listen longer with --seconds.`,
      )
    const source = sourceFor(path, best.rate, best.guess)
    if (options.flags.json)
      scene.out(`${JSON.stringify({ sure: best.guess.sure, frames: best.guess.frames, says: best.guess.says, source })}\n`)
    else {
      scene.out(`${howSure(best.guess)}: ${words(best.guess)} at ${best.rate} baud.\n`)
      for (const said of best.guess.says) scene.out(`  ${said}\n`)
      scene.out(`${JSON.stringify(source)}\n`)
    }
    return isLikely(best.guess) ? exit.done : exit.no
  },
}

const howSure = (guess: Guess): string => (isSure(guess) ? 'Sure' : isLikely(guess) ? 'Likely' : 'Hardly')

const words = ({ sure, dataBits, parity, frame, decoder, frames }: Guess): string =>
  `${Math.round(sure * 100)} % ${dataBits}${{ none: 'N', even: 'E', odd: 'O' }[parity]}1, frames by ${frame.kind}, ${decoder}, ${frames} frame${frames === 1 ? '' : 's'}`

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
