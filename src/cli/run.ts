import { renderUnicodeCompact } from 'uqr'
import { DeviceStore } from '../settings/device.ts'
import { claimAddress, pageAddresses } from './address.ts'
import { thisBoard } from './board.ts'
import { type Command, exit, Refusal, type Scene } from './command.ts'
import { serveControl } from './control.ts'
import { readGauges } from './gauges.ts'
import { type End, Household } from './household.ts'
import { keepKnownTime } from './known-time.ts'
import { servePanel } from './panel.ts'
import { servePop3Mailbox } from './pop3.ts'
import { finishReset, reset } from './reset.ts'
import { tellService } from './service.ts'
import { serveWeb } from './web.ts'

export const run: Command = {
  usage: 'outpost run [--data DIR]',
  help: 'Runs the gateway until SIGTERM. SIGHUP reads the settings again.',
  flags: {},
  async run(scene) {
    const { disk, log } = scene.ports
    await disk.makeDir(scene.dir)
    const unlock = await disk.lock(scene.dir)
    if (!unlock) throw new Refusal(`Another gateway runs in ${scene.dir}. Stop it first, or choose another directory with --data.`)
    let household: Household | undefined
    let stopping = false
    scene.signals.onStop(() => {
      stopping = true
      household?.finish('stop')
    })
    scene.signals.onReload(() => void household?.reload())
    try {
      await finishReset(scene)
      for (;;) {
        const end = await live(scene, (one) => {
          household = one
          if (stopping) one.finish('stop')
        })
        if (end === 'stop') return exit.done
        if (end === 'reset') await reset(scene)
        log('info', end === 'reset' ? 'device: reset, everything is gone' : 'gateway: starts anew')
      }
    } finally {
      await unlock()
    }
  },
}

/** One life of the household: the page first, then the gateway. */
async function live(scene: Scene, born: (household: Household) => void): Promise<End> {
  const { disk, random } = scene.ports
  const device = await DeviceStore.open(disk, random, scene.dir)
  const household = await Household.open(scene, device)
  born(household)
  const board = await thisBoard(scene)
  household.board = board
  const stopPanel = board ? servePanel(scene, household, board) : async () => {}
  const closeWeb = await serveWeb(scene, household)
  const closePop3 = await servePop3Mailbox(scene, household)
  try {
    sayHowToClaim(scene, household)
    await household.begin()
    const closeControl = await serveControl(scene.ports, scene.dir, household)
    const keepTime = keepKnownTime(scene, device)
    const stopGauges = await readGauges(scene, device, household)
    const sayGoodbye = tellService(scene, household)
    const end = await household.ended
    await sayGoodbye(end)
    await closeControl()
    await household.stop()
    await keepTime()
    await stopGauges()
    return end
  } finally {
    await stopPanel()
    await closePop3()
    await closeWeb()
  }
}

/** On the console and nowhere else: a log is sent to others. */
function sayHowToClaim(scene: Scene, { door, current }: Household): void {
  const addresses = pageAddresses(scene.ports.link, current.web)
  const [first = ''] = addresses
  if (door.claimed) {
    scene.out(`The page: ${addresses.join(' or ')}\n`)
    return
  }
  scene.out(`This box has not been set up yet. Open ${addresses.join(' or ')} and claim it with the code ${door.claimCode}\n`)
  if (scene.terminal) scene.out(`${renderUnicodeCompact(claimAddress(first, door.claimCode))}\n`)
}
