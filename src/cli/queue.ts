import type { Desk, WaitingLetter } from '../gateway/desk.ts'
import type { LinkFacts } from '../gateway/lookout.ts'
import type { BudgetFacts } from '../gateway/purser.ts'
import type { Past } from '../queue/history.ts'
import { age } from './age.ts'
import { type Command, exit, type Options, Refusal, type Scene, UsageError } from './command.ts'
import { ask, type Request } from './control.ts'
import { atStandstill } from './standstill.ts'

const verbs = ['list', 'history', 'show', 'retry', 'hold', 'release', 'drop'] as const
type Verb = (typeof verbs)[number]

export const queue: Command = {
  usage: 'outpost queue [list|history|show ID|retry [ID]|hold ID|release ID|drop ID] [--json] [--data DIR]',
  help: 'Letters that wait, and what to do with one; history: letters that have left.',
  flags: { json: 'yes' },
  async run(scene, options) {
    const verb = (options.words[0] ?? 'list') as Verb
    if (!verbs.includes(verb)) throw new UsageError(`queue ${verb} is not known. Write one of: ${verbs.join(', ')}.`)
    const id = idOf(verb, options.words[1])
    if (verb === 'list') return list(scene, options)
    if (verb === 'history') return history(scene, options)
    const value = await answer(scene, verb === 'retry' ? { verb, ...(id === undefined ? {} : { id }) } : { verb, id: id ?? 0 })
    if (value === null || value === false)
      throw new Refusal(`No letter ${id} waits: it was never accepted, or it is settled (delivered, refused, expired or dropped).`)
    if (verb === 'show') scene.out(options.flags.json ? `${JSON.stringify(value)}\n` : shown(value as WaitingLetter & { mail: string }))
    else scene.out(`${done[verb]}${id === undefined ? '' : ` ${id}`}\n`)
    return exit.done
  },
}

const done = { retry: 'trying again', hold: 'held', release: 'released', drop: 'dropped' }

function idOf(verb: Verb, word: string | undefined): number | undefined {
  if (verb === 'list' || verb === 'history' || (verb === 'retry' && word === undefined)) return undefined
  if (word === undefined || !/^[1-9]\d{0,15}$/.test(word))
    throw new UsageError(`queue ${verb} wants the number of a letter, as outpost queue list shows it.`)
  return Number(word)
}

async function list(scene: Scene, options: Options): Promise<0> {
  type Page = Awaited<ReturnType<Desk['list']>>
  let shownSoFar = 0
  for (let after = 0; ; ) {
    const { total, letters, link, budget } = (await answer(scene, { verb: 'list', after })) as Page
    for (const letter of letters) scene.out(options.flags.json ? `${JSON.stringify(letter)}\n` : line(letter))
    shownSoFar += letters.length
    const last = letters.at(-1)
    if (!last) {
      if (shownSoFar === 0 && !options.flags.json) scene.out('No letter waits.\n')
      else if (!options.flags.json) scene.out(`${total} waiting\n`)
      if (!options.flags.json) scene.out(`${link ? linkLine(link) : ''}${budget ? `budget: ${budgetSentence(budget)}\n` : ''}`)
      return exit.done
    }
    after = last.id
  }
}

/** The newest letters that have left; how far back is a matter of the journal. */
async function history(scene: Scene, options: Options): Promise<0> {
  const { letters } = (await answer(scene, { verb: 'history' })) as Awaited<ReturnType<Desk['past']>>
  for (const letter of letters) scene.out(options.flags.json ? `${JSON.stringify(letter)}\n` : pastLines(letter))
  if (letters.length === 0 && !options.flags.json) scene.out('The journal remembers no letter that has left.\n')
  return exit.done
}

const pastLines = ({ id, severity, accepted, text, subject, outcomes }: Past): string => {
  const head = `${String(id).padStart(7)}  ${severity.padEnd(8)}  ${isoTime(accepted)}  ${(subject ?? text).split('\n')[0]?.slice(0, 60)}\n`
  return [head, ...outcomes.map(fateLine)].join('')
}

const fateLine = ({ kind, to, why, at }: Past['outcomes'][number]): string =>
  `         ${kind}${to.length > 0 ? ` ${to.join(', ')}` : ''}${at === undefined ? '' : `  ${isoTime(at)}`}${why ? `  ${why}` : ''}\n`

const isoTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

const answer = async (scene: Scene, request: Request): Promise<unknown> =>
  ((await ask(scene.ports, scene.dir, request)) ?? { value: await atStandstill(scene, request) }).value

const linkLine = (link: LinkFacts): string =>
  `link: ${link.up ? 'up' : 'away'}${link.metered ? ', metered' : ''}, since ${link.since}. ${link.why}\n`

export function budgetSentence({ letters, octets, of, until }: BudgetFacts): string {
  const usedUp = letters >= of.letters || octets >= of.octets ? ' It is used up: only critical letters leave.' : ''
  return `${letters} of ${of.letters} letters and ${MiB(octets)} of ${MiB(of.octets)} MiB have left, until ${until}.${usedUp}`
}

const MiB = (octets: number): string => (octets / 1_048_576).toFixed(2)

const line = (letter: WaitingLetter): string =>
  `${String(letter.id).padStart(7)}  ${letter.severity.padEnd(8)}  ${age(letter.ageMs).padStart(5)}  ${letter.state}${letter.attempts > 0 ? ` (${letter.attempts} tries)` : ''}  ${letter.to.join(', ')}  ${letter.text.split('\n')[0]?.slice(0, 60)}\n${letter.why ? `         ${letter.why}\n` : ''}`

const shown = (letter: WaitingLetter & { mail: string }): string => `${line(letter)}\n${letter.mail.replaceAll('\r\n', '\n')}`
