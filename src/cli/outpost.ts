import { parseArgs } from 'node:util'
import { alerts } from './alerts.ts'
import { board } from './board.ts'
import { check } from './check.ts'
import { type Command, type ExitCode, exit, type Options, type Scene, UsageError } from './command.ts'
import { doctor } from './doctor.ts'
import { health } from './health.ts'
import { mailbox } from './mailbox.ts'
import { preview } from './preview.ts'
import { queue } from './queue.ts'
import { finishResetFirst } from './reset.ts'
import { run } from './run.ts'
import { send } from './send.ts'
import { sendmail } from './sendmail.ts'
import { settings } from './settings.ts'
import { sniff } from './sniff.ts'
import { update } from './update.ts'

const commands: Readonly<Record<string, Command>> = {
  run,
  check,
  send,
  preview,
  alerts,
  queue,
  mailbox,
  doctor,
  sniff,
  settings,
  board,
  sendmail,
  update,
  health,
}

/** One command line, without the program's name. Throws UsageError or Refusal with the sentence to print. */
export async function perform(argv: readonly string[], scene: Omit<Scene, 'dir'>): Promise<ExitCode> {
  const first = argv[0]
  if (first === '--help' || first === '-h' || first === 'help') return say(scene, help(argv[1]))
  if (first === '--version') return say(scene, `${scene.software}\n`)
  const named = first !== undefined && !first.startsWith('-')
  const name = named ? first : 'run'
  const command = commands[name]
  if (!command) throw new UsageError(`There is no command "${name}". ${help()}`)
  if (argv.includes('--help')) return say(scene, help(name))
  const usual = scene.env.OUTPOST_DATA ?? './data'
  if (command.takesAll) return begin(command, { ...scene, dir: usual }, { words: argv.slice(1), flags: {} })
  const { values, positionals } = parsed(command, named ? argv.slice(1) : argv, name)
  const dir = typeof values.data === 'string' ? values.data : usual
  return begin(command, { ...scene, dir }, { words: positionals, flags: values })
}

/** Nothing is read of a data directory whose reset was cut off. `run` sees to that itself, under the lock that it keeps. */
async function begin(command: Command, scene: Scene, options: Options): Promise<ExitCode> {
  if (command !== run) await finishResetFirst(scene)
  return command.run(scene, options)
}

function parsed(
  command: Command,
  args: readonly string[],
  name: string,
): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  const flags = Object.entries({ data: 'text', ...command.flags } as Record<string, 'text' | 'yes'>)
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: Object.fromEntries(
        flags.map(([flag, kind]) => [flag, { type: kind === 'text' ? ('string' as const) : ('boolean' as const) }]),
      ),
    })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\nUsage: ${commands[name]?.usage}`)
  }
}

function help(name?: string): string {
  const command = name === undefined ? undefined : commands[name]
  if (command) return `${command.usage}\n\n${command.help}\n`
  const width = Math.max(...Object.values(commands).map((one) => one.usage.length))
  const lines = Object.values(commands).map((one) =>
    one.usage.length > 60 ? `  ${one.usage}\n      ${one.help}` : `  ${one.usage.padEnd(Math.min(width, 60))}  ${one.help}`,
  )
  return `Outpost, a mail gateway for edge hardware.\n\n${lines.join('\n')}\n\nDIR is ./data, or OUTPOST_DATA, unless said. Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 70 a bug, 74 the disk, 75 not now.\n`
}

const say = (scene: Omit<Scene, 'dir'>, words: string): ExitCode => {
  scene.out(words)
  return exit.done
}
