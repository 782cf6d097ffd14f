import { Gateway } from '../gateway.ts'
import { sentence } from '../ports/log.ts'
import { DeviceStore } from '../settings/device.ts'
import { type Command, exit, Refusal, type Scene } from './command.ts'
import { serveControl } from './control.ts'
import { makeDkimKey } from './dkim.ts'
import { keepKnownTime } from './known-time.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

export const run: Command = {
  usage: 'outpost run [--data DIR]',
  help: 'Runs the gateway until SIGTERM. SIGHUP reads the settings again.',
  flags: {},
  async run(scene) {
    const { disk, log, net } = scene.ports
    await disk.makeDir(scene.dir)
    const unlock = await disk.lock(scene.dir)
    if (!unlock) throw new Refusal(`Another gateway runs in ${scene.dir}. Stop it first, or choose another directory with --data.`)
    try {
      const device = await DeviceStore.open(disk, scene.ports.random, scene.dir)
      let gateway = await begin(scene, device)
      const control = await serveControl(net, scene.dir, () => gateway.desk)
      const ended = stopped(scene)
      const keepTime = keepKnownTime(scene, device)
      let reloading = Promise.resolve()
      scene.signals.onReload(() => {
        reloading = reloading.then(async () => {
          try {
            await loadSettings(scene)
          } catch (error) {
            log('error', 'settings: not taken, the old ones stay', { why: sentence(error) })
            return
          }
          await gateway.stop()
          gateway = await begin(scene, device)
        })
      })
      await ended
      await reloading
      await control.close()
      await gateway.stop()
      await keepTime()
      return exit.done
    } finally {
      await unlock()
    }
  },
}

const stopped = (scene: Scene): Promise<void> => new Promise((resolve) => scene.signals.onStop(resolve))

async function begin(scene: Scene, device: DeviceStore): Promise<Gateway> {
  const { settings, secrets } = await loadSettings(scene)
  await makeDkimKey(scene, settings)
  return Gateway.start(scene.ports, await planFor(scene, settings, secrets, device))
}
