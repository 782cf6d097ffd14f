import type { LinkFacts } from '../gateway/lookout.ts'
import type { Plan } from '../gateway/plan.ts'
import { probesOf } from '../gateway/probes.ts'
import type { BudgetFacts } from '../gateway/purser.ts'
import { sentence } from '../ports/log.ts'
import { withCure } from '../relay/cure/cure.ts'
import { type Command, exit, type Options, type Scene } from './command.ts'
import { ask } from './control.ts'
import { lookAtDkim } from './dkim.ts'
import { lookAtDestinations } from './doctor-mx.ts'
import { probeRelays, relayFlags, relaysAsked, relayUsage } from './doctor-relay.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'
import { budgetSentence } from './queue.ts'

export const doctor: Command = {
  usage: `outpost doctor ${relayUsage} [--json] [--data DIR]`,
  help: 'Looks at the settings, clock, disk, the DKIM record where letters are signed, the hosts of the recipients where no relay is used, the running gateway or else its lines and brokers, and each relay up to RCPT. Nothing is sent or taken; what fails is told with its cure. With --host it tries a relay that is not saved; its password comes from OUTPOST_SECRET_DOCTOR or standard input.',
  flags: { ...relayFlags, json: 'yes' },
  async run(scene, options) {
    const asked = await relaysAsked(scene, options)
    const report = new Report(scene, options)
    if (!asked.alone) await lookAround(scene, report)
    const good = await probeRelays(scene, asked, options, (ok, step, ms, words) => report.say(ok, step, words, ms))
    return good && report.good ? exit.done : exit.no
  },
}

async function lookAround(scene: Scene, report: Report): Promise<void> {
  lookAtClock(scene, report)
  await lookAtDisk(scene, report)
  const { settings, secrets } = await loadSettings(scene)
  await lookAtDkim(scene, settings, (ok, words, ms) => report.say(ok, 'DKIM', words, ms))
  const plan = await planFor(scene, settings, secrets)
  if (plan.route === 'mx') await lookAtDestinations(scene, plan, (ok, words, ms) => report.say(ok, 'MX', words, ms))
  if (await lookAtGateway(scene, report)) return
  await lookAtSources(scene, plan, report)
}

class Report {
  good = true
  readonly #scene: Scene
  readonly #json: boolean

  constructor(scene: Scene, options: Options) {
    this.#scene = scene
    this.#json = options.flags.json === true
  }

  say(ok: boolean, step: string, words: string, ms?: number): void {
    this.good &&= ok
    if (this.#json) {
      this.#scene.out(`${JSON.stringify({ step, ok, ...(ms === undefined ? {} : { ms }), sentence: words })}\n`)
      return
    }
    const time = ms === undefined ? '' : `${Math.round(ms)} ms`
    this.#scene.out(`${ok ? 'ok  ' : 'FAIL'}  ${step.padEnd(10)} ${time.padStart(8)}  ${words}\n`)
  }

  title(words: string): void {
    if (!this.#json) this.#scene.out(`\n${words}\n`)
  }
}

function lookAtClock({ ports: { clock }, builtAt }: Scene, report: Report): void {
  const plausible = clock.wall() >= builtAt
  const synchronised = clock.synchronised()
  const wrong = plausible ? '' : '; earlier than this software was built, so it is wrong'
  report.say(plausible && synchronised !== 'no', 'clock', `${new Date(clock.wall()).toISOString()}, synchronised: ${synchronised}${wrong}`)
}

async function lookAtDisk({ ports: { disk }, dir }: Scene, report: Report): Promise<void> {
  const room = await disk.room(dir)
  const enough = room.bytes > 8 * 1024 * 1024 && room.inodes > 100
  const hint = enough ? '' : '. Free some: the journal cannot grow'
  report.say(enough, 'disk', `${Math.floor(room.bytes / 1048576)} MiB and ${room.inodes} inodes free${hint}`)
}

type State = {
  queue: { waiting: number; readOnly?: string }
  sources: { id: string; kind: string; state: string; why?: string }[]
  relays: { id: string; why?: string; hint?: string }[]
  link?: LinkFacts
  budget?: BudgetFacts
}

/** What the running gateway says of itself. False: none runs, so that its lines are free to be looked at. */
async function lookAtGateway({ ports, dir }: Scene, report: Report): Promise<boolean> {
  try {
    const state = (await ask(ports, dir, { verb: 'state' }))?.value as State | undefined
    if (!state) return await standsStill(ports.disk, dir, report)
    const { waiting, readOnly } = state.queue
    const { link, budget } = state
    report.say(readOnly === undefined, 'gateway', `running, ${waiting} letters wait${readOnly ? `; read-only: ${readOnly}` : ''}`)
    if (link) report.say(link.up, 'link', `${link.why}${link.metered ? ' It is metered.' : ''}`)
    if (budget) report.say(true, 'budget', budgetSentence(budget))
    for (const { id, kind, state: how, why } of state.sources) report.say(how === 'up', id, `${kind} ${how}${why ? `: ${why}` : ''}`)
    for (const relay of state.relays) if (relay.why) report.say(false, relay.id, withCure(relay.why, relay.hint))
  } catch (error) {
    report.say(false, 'gateway', sentence(error))
  }
  return true
}

async function standsStill(disk: Scene['ports']['disk'], dir: string, report: Report): Promise<boolean> {
  const unlock = await disk.lock(dir)
  await unlock?.()
  if (unlock) report.say(true, 'gateway', 'not running')
  else report.say(false, 'gateway', 'starting, stopping, or not answering: its lines and brokers are left alone. Try again in a moment.')
  return !unlock
}

async function lookAtSources({ ports }: Scene, plan: Plan, report: Report): Promise<void> {
  for (const { id, what, steps } of probesOf(plan, ports)) {
    report.title(`source ${id}: ${what}`)
    for await (const step of steps()) report.say(step.ok, step.step, step.sentence, step.ms)
  }
}
