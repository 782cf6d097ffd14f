import { Hatch, type System, systemOf, whyNotTaken } from '../device/update.ts'
import { sleep } from '../ports/clock.ts'
import { hex } from '../ports/random.ts'
import { type Command, type ExitCode, exit, Refusal, type Scene } from './command.ts'
import { loadSettings } from './load.ts'

const pieceBytes = 1024 * 1024
const lookMs = 500
/** A signature is verified in seconds; a card takes minutes for a system. */
const waits = { check: 120_000, install: 30 * 60_000 }

export const update: Command = {
  usage: 'outpost update [FILE] [--yes] [--data DIR]',
  help: 'The system that this box runs. FILE: a signed bundle; it is checked, and with --yes installed beside the running system, which stays as it is should the new one not work.',
  flags: { yes: 'yes' },
  async run(scene, options) {
    const system = await systemOf(scene.ports.sys)
    if (!system)
      throw new Refusal(
        'This system was not flashed from an image of Outpost. Update Outpost as you installed it: by its package, or by npm.',
      )
    const [file] = options.words
    if (file === undefined) {
      scene.out(told(system))
      return exit.done
    }
    const hatch = new Hatch(scene.ports.disk, scene.dir)
    await bring(scene, hatch, file)
    const asked = newRequest(scene)
    await hatch.check(asked)
    const checked = await settled(scene, asked, waits.check, ({ state }) => state === 'checked' || state === 'refused')
    if (checked.state === 'refused') throw new Refusal(checked.why ?? 'The bundle was refused.')
    scene.out(`${file} is signed, for this board, and brings version ${checked.bundle}; ${checked.version} runs.\n`)
    if (!options.flags.yes) {
      scene.out('Nothing was changed yet. Say --yes to install it; the box restarts.\n')
      return exit.done
    }
    return install(scene, hatch)
  },
}

const told = ({ version, slot, state, bundle, why }: System): string =>
  `version ${version} in slot ${slot}, ${state}${bundle === undefined || bundle === version ? '' : ` (${bundle})`}\n${why ? `${why}\n` : ''}`

async function install(scene: Scene, hatch: Hatch): Promise<ExitCode> {
  const asked = newRequest(scene)
  await hatch.install(asked)
  const done = await settled(scene, asked, waits.install, ({ state, percent }) => {
    if (scene.terminal && state === 'installing') scene.err(`\r${percent ?? 0} % `)
    return state === 'installed' || state === 'refused'
  })
  if (done.state === 'refused') throw new Refusal(done.why ?? 'It was not installed.')
  scene.out(`Version ${done.bundle} is installed, and the box restarts. It goes back by itself should that not work.\n`)
  return exit.done
}

async function bring(scene: Scene, hatch: Hatch, path: string): Promise<void> {
  const { disk } = scene.ports
  const journalBytes = (await loadSettings(scene)).settings.queue.maxMiB * 1_048_576
  const bytes = await disk.size(path)
  if (bytes === undefined || bytes === 0) throw new Refusal(`${path} is not there, or empty.`)
  const file = await disk.open(path, { readOnly: true })
  try {
    for (let at = 0; at < bytes; at += pieceBytes) {
      const put = await hatch.put(at, await file.read(at, pieceBytes), journalBytes)
      if (put.kind !== 'taken') {
        const { error, hint } = whyNotTaken(put)
        throw new Refusal(`${path}: ${error} ${hint}`)
      }
      if (scene.terminal) scene.err(`\r${Math.round((100 * at) / bytes)} % `)
    }
  } finally {
    await file.close()
  }
}

const newRequest = ({ ports }: Scene): string => hex(ports.random.bytes(8))

/** The state in which it comes to rest. */
async function settled(scene: Scene, asked: string, withinMs: number, isDone: (system: System) => boolean): Promise<System> {
  const { clock, sys } = scene.ports
  for (const end = clock.monotonic() + withinMs; clock.monotonic() < end; ) {
    await sleep(clock, lookMs)
    const system = await systemOf(sys)
    if (system?.request === asked && isDone(system)) return system
  }
  throw new Refusal('The system did not answer. Look at the log of outpost-update.service.')
}
