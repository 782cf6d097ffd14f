import type { Plan } from '../gateway/plan.ts'
import { probesOf } from '../gateway/probes.ts'
import { sentence } from '../ports/log.ts'
import { probe } from '../relay/probe.ts'
import { type Command, exit, Refusal, type Scene, text } from './command.ts'
import { ask } from './control.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

export const doctor: Command = {
  usage: 'outpost doctor [--relay ID] [--data DIR]',
  help: 'Looks at clock, disk, the running gateway or else its lines and brokers, and each relay up to RCPT. Nothing is sent or taken.',
  flags: { relay: 'text' },
  async run(scene, options) {
    const wanted = text(options, 'relay')
    const { settings, secrets } = await loadSettings(scene)
    const plan = await planFor(scene, settings, secrets)
    if (wanted !== undefined && !plan.relays.some((relay) => relay.id === wanted))
      throw new Refusal(`There is no relay ${wanted}. The settings name: ${plan.relays.map((relay) => relay.id).join(', ') || 'none'}.`)
    const report = new Report(scene)
    if (wanted === undefined) {
      lookAtClock(scene, report)
      await lookAtDisk(scene, report)
      if (!(await lookAtGateway(scene, report))) await lookAtSources(scene, plan, report)
    }
    await lookAtRelays(scene, plan, report, wanted)
    return report.good ? exit.done : exit.no
  },
}

class Report {
  good = true
  readonly #scene: Scene

  constructor(scene: Scene) {
    this.#scene = scene
  }

  say(ok: boolean, step: string, words: string, ms?: number): void {
    this.good &&= ok
    const time = ms === undefined ? '' : `${Math.round(ms)} ms`
    this.#scene.out(`${ok ? 'ok  ' : 'FAIL'}  ${step.padEnd(10)} ${time.padStart(8)}  ${words}\n`)
  }

  title(words: string): void {
    this.#scene.out(`\n${words}\n`)
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
  relays: { id: string; why?: string }[]
}

/** What the running gateway says of itself. False: none runs, so that its lines are free to be looked at. */
async function lookAtGateway({ ports, dir }: Scene, report: Report): Promise<boolean> {
  try {
    const state = (await ask(ports, dir, { verb: 'state' }))?.value as State | undefined
    if (!state) return await standsStill(ports.disk, dir, report)
    const { waiting, readOnly } = state.queue
    report.say(readOnly === undefined, 'gateway', `running, ${waiting} letters wait${readOnly ? `; read-only: ${readOnly}` : ''}`)
    for (const { id, kind, state: how, why } of state.sources) report.say(how === 'up', id, `${kind} ${how}${why ? `: ${why}` : ''}`)
    for (const relay of state.relays) if (relay.why) report.say(false, relay.id, relay.why)
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

async function lookAtRelays({ ports: { net, clock } }: Scene, plan: Plan, report: Report, wanted?: string): Promise<void> {
  if (plan.relays.length === 0) report.title('relays')
  if (plan.relays.length === 0) report.say(true, 'none', 'The settings name no relay: only people of this site get mail.')
  const rcptTo = plan.people.find((person) => !person.address.endsWith(`@${plan.site.domain}`))?.address
  const envelope = { mailFrom: plan.mail.from.address, ...(rcptTo === undefined ? {} : { rcptTo }) }
  for (const relay of plan.relays) {
    if (wanted !== undefined && relay.id !== wanted) continue
    report.title(`relay ${relay.id}: ${relay.host}:${relay.port}`)
    for await (const step of probe(net, clock, relay, envelope)) report.say(step.ok, step.step, step.sentence, step.ms)
  }
}
