import { perform } from '../../src/cli/outpost.ts'
import { LogBook } from '../../src/ports/log-book.ts'
import { nodePorts } from '../../src/ports/node.ts'
import { HastyClock } from './hasty-clock.ts'

/** `box.ts run --data DIR`: the gateway over the real world, but for the clock. What src/main.ts does, without what a soak has no use for. */
const { OUTPOST_SOAK_FACTOR = '1', OUTPOST_SOAK_BEGAN = '0', OUTPOST_SOAK_STEP = '' } = process.env
let secrets: () => string[] = () => []
const book = new LogBook()
const real = nodePorts({ secrets: () => secrets(), book })
const clock = new HastyClock(real.clock, Number(OUTPOST_SOAK_FACTOR), Number(OUTPOST_SOAK_BEGAN), OUTPOST_SOAK_STEP)
const root = new URL('../..', import.meta.url).pathname

const code = await perform(process.argv.slice(2), {
  ports: { ...real, clock },
  book,
  pageDir: `${root}dist/page`,
  boardsDir: `${root}boards`,
  pid: process.pid,
  env: process.env,
  software: 'Outpost in a soak',
  builtAt: Date.UTC(2026, 0, 1),
  terminal: false,
  interactive: false,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  hide: (values) => {
    secrets = values
  },
  stdin: async () => new Uint8Array(),
  signals: {
    onStop: (call) => void process.once('SIGTERM', call),
    onReload: (call) => void process.on('SIGHUP', call),
  },
})
process.exit(code)
