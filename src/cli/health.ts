import type { Desk } from '../gateway/desk.ts'
import { sentence } from '../ports/log.ts'
import { hostAndPort } from '../settings/address.ts'
import { isAbsent } from './address.ts'
import { type Command, exit, Later, Refusal } from './command.ts'
import { ask } from './control.ts'
import { loadSettings } from './load.ts'

/** Long enough for a small board under load. */
const connectMs = 5000

export const health: Command = {
  usage: 'outpost health [--data DIR]',
  help: 'Whether the gateway runs, takes alerts and serves its page: exit 0, or 1 and a sentence. For whoever watches over it.',
  flags: {},
  async run(scene) {
    const { net } = scene.ports
    const asked = await ask(scene.ports, scene.dir, { verb: 'state' }).catch((error: unknown) => {
      throw error instanceof Later ? new Refusal(error.message) : error
    })
    if (!asked) throw new Refusal('No gateway runs here; or its disk takes nothing, and it answers on its page alone.')
    const { queue } = asked.value as ReturnType<Desk['state']>
    if (queue.readOnly !== undefined) throw new Refusal(`No alert can be accepted: ${queue.readOnly}`)
    const { host, port } = hostAndPort((await loadSettings(scene)).settings.web.listen)
    const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
    if (isAbsent(near, scene.ports.link.state())) {
      scene.out(`ok, but no interface has ${near} just now, so nobody sees the page\n`)
      return exit.done
    }
    try {
      const wire = await net.connect({ host: near, port, timeoutMs: connectMs })
      wire.close()
    } catch (error) {
      throw new Refusal(`The page is not served: ${sentence(error)}`)
    }
    scene.out('ok\n')
    return exit.done
  },
}
