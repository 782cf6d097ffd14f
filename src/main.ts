import { dirname, join } from 'node:path'
import { type ExitCode, exit, Later, Refusal, type Scene, UsageError } from './cli/command.ts'
import { perform } from './cli/outpost.ts'
import { isDiskError } from './ports/disk.ts'
import { LogBook } from './ports/log-book.ts'
import { nodePorts } from './ports/node.ts'

/** Argv and environment go in, real ports are made, one command runs. The only file that knows the process. */
const version = process.env.OUTPOST_VERSION ?? '0.1.0'
const builtAt = Number(process.env.OUTPOST_BUILT_AT ?? Date.UTC(2026, 10, 24))
let secrets: () => string[] = () => []
const book = new LogBook()
const ports = nodePorts({ secrets: () => secrets(), pretty: process.stderr.isTTY === true, book })
/** Beside the bundle; a checkout has it where it is built. */
const pageDir = join(dirname(process.argv[1] ?? '.'), process.env.OUTPOST_BUNDLED ? 'page' : '../dist/page')
/** Beside `dist` as beside `src`. */
const boardsDir = join(dirname(process.argv[1] ?? '.'), '../boards')

const scene: Omit<Scene, 'dir'> = {
  ports,
  book,
  pageDir,
  boardsDir,
  pid: process.pid,
  env: process.env,
  software: `Outpost ${version}`,
  builtAt,
  terminal: process.stdout.isTTY === true,
  interactive: process.stdin.isTTY === true,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  hide: (values) => {
    secrets = values
  },
  stdin: async (maxBytes, beyond) => {
    const pieces: Buffer[] = []
    let room = maxBytes
    for await (const piece of process.stdin) {
      if (piece.length > room && !beyond) throw new UsageError(`Standard input holds more than ${maxBytes} octets. Send less at once.`)
      // Read to its end all the same: whoever writes would take a closed pipe for a fault.
      const taken = piece.subarray(0, room)
      if (taken.length > 0) pieces.push(taken)
      room -= taken.length
    }
    return Buffer.concat(pieces)
  },
  signals: {
    onStop: (call) => {
      process.once('SIGTERM', call)
      process.once('SIGINT', call)
    },
    onReload: (call) => void process.on('SIGHUP', call),
  },
}

async function main(): Promise<ExitCode> {
  try {
    return await perform(process.argv.slice(2), scene)
  } catch (error) {
    if (error instanceof UsageError) return say(error.message, exit.usage)
    if (error instanceof Refusal) return say(error.message, exit.no)
    if (error instanceof Later) return say(error.message, exit.later)
    if (isDiskError(error)) return say(`${error.message}\n${error.hint}`, exit.disk)
    return say(`A fault in Outpost itself: ${error instanceof Error ? error.stack : error}`, exit.bug)
  }
}

const say = (sentence: string, code: ExitCode): ExitCode => {
  process.stderr.write(`outpost: ${sentence}\n`)
  return code
}

// A reader that has gone (`outpost queue list | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exit.done : exit.bug))
process.on('uncaughtException', (error) => {
  ports.log('error', 'a fault in Outpost itself', { why: error.stack ?? String(error) })
  process.exit(exit.bug)
})

void main().then((code) => process.exit(code))
