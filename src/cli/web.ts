import type { HttpListener } from '../ports/http.ts'
import { sentence } from '../ports/log.ts'
import { Assets } from '../web/assets.ts'
import { routesOf } from '../web/routes.ts'
import { webServer } from '../web/server.ts'
import { Stream } from '../web/stream.ts'
import type { Scene } from './command.ts'
import type { Household } from './household.ts'

/** A port that is taken may be free later. */
const againMs = 5000
const lookMs = 1000

/**
 * Serves the page of a household, until the returned function is called. It needs nothing of the gateway, moves when the settings name another port, and a port that cannot be had
 * stops nothing.
 */
export async function serveWeb(scene: Scene, household: Household): Promise<() => Promise<void>> {
  const { ports, pageDir } = scene
  const { http, log, clock, disk } = ports
  const stream = new Stream(household)
  const answer = webServer(household, routesOf(stream), await Assets.load(disk, pageDir))
  let listener: HttpListener | undefined
  let where = ''
  let stopped = false
  let cancel = () => {}
  const look = async (): Promise<void> => {
    const { listen } = household.current.web
    let waitMs = lookMs
    if (listen !== where || !listener) {
      await listener?.close()
      listener = undefined
      where = listen
      try {
        const { host, port } = hostAndPort(listen)
        listener = await http.listen({ host, port }, answer)
        log('info', 'web: the page is served', { listen })
      } catch (error) {
        log('warning', 'web: the page cannot be served yet', { listen, why: sentence(error) })
        waitMs = againMs
      }
    }
    if (!stopped) cancel = clock.after(waitMs, () => void look())
  }
  await look()
  return async () => {
    stopped = true
    cancel()
    stream.close()
    await listener?.close()
  }
}

function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':')
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(colon + 1)) }
}
