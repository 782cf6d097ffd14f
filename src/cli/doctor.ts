import { sentence } from '../ports/log.ts'
import { probe } from '../relay/probe.ts'
import { type Command, exit, Refusal, type Scene, text } from './command.ts'
import { ask } from './control.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

export const doctor: Command = {
  usage: 'outpost doctor [--relay ID] [--data DIR]',
  help: 'Looks at the settings, clock, disk, the running gateway and each relay up to RCPT, without sending anything.',
  flags: { relay: 'text' },
  async run(scene, options) {
    const { clock, net, random } = scene.ports
    const wanted = text(options, 'relay')
    const { settings, secrets } = await loadSettings(scene)
    const say = (ok: boolean, step: string, ms: number | undefined, words: string) =>
      scene.out(`${ok ? 'ok  ' : 'FAIL'}  ${step.padEnd(10)} ${ms === undefined ? '' : `${Math.round(ms)} ms`.padStart(8)}  ${words}\n`)
    let good = true
    if (wanted === undefined) good = await lookAround(scene, say)
    const plan = await planFor(scene, settings, secrets)
    const relays = plan.relays.filter((relay) => wanted === undefined || relay.id === wanted)
    if (wanted !== undefined && relays.length === 0)
      throw new Refusal(`There is no relay ${wanted}. The settings name: ${settings.relays.map((relay) => relay.id).join(', ') || 'none'}.`)
    if (relays.length === 0) say(true, 'relays', undefined, 'The settings name no relay: only people of this site get mail.')
    const rcptTo = plan.people.find((person) => !person.address.endsWith(`@${plan.site.domain}`))?.address
    for (const relay of relays) {
      scene.out(`\nrelay ${relay.id}: ${relay.host}:${relay.port}\n`)
      for await (const step of probe(net, clock, random, relay, {
        mailFrom: plan.mail.from.address,
        ...(rcptTo === undefined ? {} : { rcptTo }),
      })) {
        good &&= step.ok
        say(step.ok, step.step, step.ms, step.sentence)
      }
    }
    return good ? exit.done : exit.no
  },
}

async function lookAround(scene: Scene, say: (ok: boolean, step: string, ms: number | undefined, words: string) => void): Promise<boolean> {
  const { clock, disk } = scene.ports
  const plausible = clock.wall() >= scene.builtAt
  const synchronised = clock.synchronised()
  say(
    plausible && synchronised !== 'no',
    'clock',
    undefined,
    `${new Date(clock.wall()).toISOString()}, synchronised: ${synchronised}${plausible ? '' : '; earlier than this software was built, so it is wrong'}`,
  )
  const room = await disk.room(scene.dir)
  const enough = room.bytes > 8 * 1024 * 1024 && room.inodes > 100
  say(
    enough,
    'disk',
    undefined,
    `${Math.floor(room.bytes / 1048576)} MiB and ${room.inodes} inodes free${enough ? '' : '. Free some: the journal cannot grow'}`,
  )
  try {
    const state = (await ask(scene.ports, scene.dir, { verb: 'state' }))?.value as
      | {
          queue: { waiting: number; readOnly?: string }
          sources: { id: string; kind: string; state: string; why?: string }[]
          relays: { id: string; why?: string }[]
        }
      | undefined
    if (!state) {
      say(true, 'gateway', undefined, 'not running')
      return plausible && enough
    }
    say(
      state.queue.readOnly === undefined,
      'gateway',
      undefined,
      `running, ${state.queue.waiting} letters wait${state.queue.readOnly ? `; read-only: ${state.queue.readOnly}` : ''}`,
    )
    for (const source of state.sources)
      say(source.state === 'up', source.id, undefined, `${source.kind} ${source.state}${source.why ? `: ${source.why}` : ''}`)
    for (const relay of state.relays) if (relay.why) say(false, relay.id, undefined, relay.why)
    return plausible && enough && state.queue.readOnly === undefined && state.sources.every((source) => source.state === 'up')
  } catch (error) {
    say(false, 'gateway', undefined, sentence(error))
    return false
  }
}
