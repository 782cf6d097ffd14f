import { sentence } from '../ports/log.ts'
import { hostAndPort } from '../settings/address.ts'
import { Assets } from '../web/assets.ts'
import { routesOf } from '../web/routes.ts'
import { webServer } from '../web/server.ts'
import { Stream } from '../web/stream.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'
import { keepListening } from './keep-listening.ts'
import { hasWebKey, webKeyOrStandIn } from './web-key.ts'

/**
 * Serves the page of a household, until the returned function is called. It needs nothing of the gateway, moves when the settings name another port, and a port that cannot be had
 * stops nothing.
 */
export async function serveWeb(scene: Scene, household: Household): Promise<() => Promise<void>> {
  const { ports, pageDir } = scene
  const { http, log, clock, disk } = ports
  const stream = new Stream(household)
  const answer = webServer(household, routesOf(stream), await Assets.load(disk, pageDir))
  const stop = await keepListening({
    clock,
    wanted: () => `${household.current.web.listen} ${household.current.web.tls} ${household.certificateCount}`,
    listen: async () => {
      const { listen, tls } = household.current.web
      const key = await keyFor(scene, household)
      const listener = await http.listen({ ...hostAndPort(listen), ...(key ? { tls: { key: key.key, cert: key.cert } } : {}) }, answer)
      log('info', 'web: the page is served', { listen, tls, ...(key ? { fingerprint: key.facts.fingerprint } : {}) })
      return listener
    },
    failed: (error) => log('warning', 'web: the page cannot be served yet', { listen: household.current.web.listen, why: sentence(error) }),
  })
  return async () => {
    stream.close()
    await stop()
  }
}

/** Undefined: it is served in clear. A certificate of somebody's own that is not there is made up for by ours: the page is reached, and says so. */
async function keyFor(scene: Scene, { current, names }: Household) {
  const { tls } = current.web
  if (tls === 'off') return undefined
  if (tls === 'file' && !(await hasWebKey(scene)))
    scene.ports.log('warning', 'web: there is no certificate in web/cert.pem with its key in web/key.pem; one is made', {})
  return webKeyOrStandIn(scene, [...names])
}
