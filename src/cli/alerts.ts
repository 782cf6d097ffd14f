import type { Active, Desk } from '../gateway/desk.ts'
import { durationMs, isDuration } from '../settings/duration.ts'
import { age } from './age.ts'
import { type Command, exit, type Options, Refusal, type Scene, text, UsageError } from './command.ts'
import { ask, type Request } from './control.ts'
import { atStandstill } from './standstill.ts'

const verbs = ['list', 'ack', 'silence', 'unsilence'] as const
type Verb = (typeof verbs)[number]

/** Longer than letters are kept, nothing could be told of it any more. */
const longestSilenceMs = 30 * 86_400_000

export const alerts: Command = {
  usage:
    'outpost alerts [list|ack ID|silence --for 2h|unsilence ID] [--by NAME] [--source ID] [--key GLOB] [--rule ID] [--why TEXT] [--json] [--data DIR]',
  help: 'What is raised; acknowledges it (no more reminders, no escalation), or keeps what matches for a while.',
  flags: { json: 'yes', by: 'text', for: 'text', source: 'text', key: 'text', rule: 'text', why: 'text' },
  async run(scene, options) {
    const verb = (options.words[0] ?? 'list') as Verb
    if (!verbs.includes(verb)) throw new UsageError(`alerts ${verb} is not known. Write one of: ${verbs.join(', ')}.`)
    if (verb === 'list') return list(scene, options)
    if (verb === 'ack') return acknowledge(scene, options)
    return verb === 'silence' ? silence(scene, options) : unsilence(scene, options)
  },
}

async function list(scene: Scene, options: Options): Promise<0> {
  const found = (await answer(scene, { verb: 'alerts' })) as ReturnType<Desk['alerts']>
  if (options.flags.json) {
    scene.out(`${JSON.stringify(found)}\n`)
    return exit.done
  }
  if (found.active.length === 0) scene.out('Nothing is raised.\n')
  for (const one of found.active) scene.out(line(one))
  if (found.kept > 0) scene.out(`${found.kept} kept by the rules; outpost queue says why.\n`)
  for (const one of found.silences) scene.out(`silence ${one.id}: ${JSON.stringify(one.match)} by ${one.by}, ${age(one.leftMs)} left\n`)
  return exit.done
}

const line = ({ id, severity, ageMs, source, key, text: words, told, reminders, acknowledgedBy }: Active): string =>
  `${String(id).padStart(7)}  ${severity.padEnd(8)}  ${age(ageMs).padStart(5)}  ${source} ${key}  ${words}\n         ${
    acknowledgedBy === undefined
      ? told
        ? `told${reminders > 0 ? `, ${reminders} reminders` : ''}`
        : 'not told yet'
      : `acknowledged by ${acknowledgedBy}`
  }\n`

async function acknowledge(scene: Scene, options: Options): Promise<0> {
  const [, word = ''] = options.words
  if (!/^[1-9]\d{0,15}$/.test(word)) throw new UsageError('alerts ack wants the number that outpost alerts shows.')
  if (!(await answer(scene, { verb: 'acknowledge', id: Number(word), by: who(scene, options) })))
    throw new Refusal(`Nothing with the number ${word} is raised. outpost alerts shows what is.`)
  scene.out(`acknowledged ${word}\n`)
  return exit.done
}

async function silence(scene: Scene, options: Options): Promise<0> {
  const duration = text(options, 'for') ?? ''
  const ms = durationMs(duration)
  if (!isDuration(duration) || ms > longestSilenceMs) throw new UsageError('Say for how long: --for 30m, 2h or 1d; at most 30d.')
  const match = Object.fromEntries(
    (['source', 'key', 'rule'] as const).flatMap((name) => {
      const value = text(options, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const why = text(options, 'why')
  const silencing = { match, ms, by: who(scene, options), ...(why === undefined ? {} : { why }) }
  const { id } = (await answer(scene, { verb: 'silence', silencing })) as { id: string }
  scene.out(`silence ${id} for ${duration}: what it covers is told together when it is over\n`)
  return exit.done
}

async function unsilence(scene: Scene, options: Options): Promise<0> {
  const [, id] = options.words
  if (id === undefined) throw new UsageError('alerts unsilence wants the id of a silence, as outpost alerts shows it.')
  if (!(await answer(scene, { verb: 'unsilence', id }))) throw new Refusal(`There is no silence ${id}.`)
  scene.out(`silence ${id} is over\n`)
  return exit.done
}

const who = (scene: Scene, options: Options): string => text(options, 'by') ?? scene.env.USER ?? 'somebody at the command line'

const answer = async (scene: Scene, request: Request): Promise<unknown> =>
  ((await ask(scene.ports, scene.dir, request)) ?? { value: await atStandstill(scene, request) }).value
