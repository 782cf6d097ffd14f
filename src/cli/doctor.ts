import { sentence } from '../ports/log.ts'
import { withCure } from '../relay/cure.ts'
import { type Command, exit, type Scene } from './command.ts'
import { ask } from './control.ts'
import { probeRelays, relayFlags, relaysAsked, relayUsage, type Say } from './doctor-relay.ts'

export const doctor: Command = {
  usage: `outpost doctor ${relayUsage} [--json] [--data DIR]`,
  help: 'Looks at the settings, clock, disk, the running gateway and each relay up to RCPT, without sending anything; what fails is told with its cure. With --host it tries a relay that is not saved; its password comes from OUTPOST_SECRET_DOCTOR or standard input.',
  flags: { ...relayFlags, json: 'yes' },
  async run(scene, options) {
    const say: Say = (ok, step, ms, words) =>
      scene.out(
        options.flags.json
          ? `${JSON.stringify({ step, ok, ...(ms === undefined ? {} : { ms }), sentence: words })}\n`
          : `${ok ? 'ok  ' : 'FAIL'}  ${step.padEnd(10)} ${(ms === undefined ? '' : `${Math.round(ms)} ms`).padStart(8)}  ${words}\n`,
      )
    const asked = await relaysAsked(scene, options)
    const around = asked.alone || (await lookAround(scene, say))
    return (await probeRelays(scene, asked, options, say)) && around ? exit.done : exit.no
  },
}

async function lookAround(scene: Scene, say: Say): Promise<boolean> {
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
          relays: { id: string; why?: string; hint?: string }[]
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
    for (const relay of state.relays) if (relay.why) say(false, relay.id, undefined, withCure(relay.why, relay.hint))
    return plausible && enough && state.queue.readOnly === undefined && state.sources.every((source) => source.state === 'up')
  } catch (error) {
    say(false, 'gateway', undefined, sentence(error))
    return false
  }
}
