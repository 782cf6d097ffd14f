import { openApiOf } from './openapi.ts'
import { json, type Route, route } from './route.ts'
import { alertRoutes } from './routes/alerts.ts'
import { deviceRoutes } from './routes/device.ts'
import { doorRoutes } from './routes/door.ts'
import { mailboxRoutes } from './routes/mailbox.ts'
import { queueRoutes } from './routes/queue.ts'
import { relayRoutes } from './routes/relay.ts'
import { settingsRoutes } from './routes/settings.ts'
import { updateRoutes } from './routes/update.ts'
import { watchRoutes } from './routes/watch.ts'
import type { Stream } from './stream.ts'

/** The whole table. */
export function routesOf(stream: Stream): readonly Route[] {
  const routes: Route[] = [
    ...doorRoutes,
    ...watchRoutes(stream),
    ...alertRoutes,
    ...queueRoutes,
    ...mailboxRoutes,
    ...settingsRoutes,
    ...relayRoutes,
    ...deviceRoutes,
    ...updateRoutes,
  ]
  const openApi: Route = route({
    method: 'GET',
    path: '/api/openapi.json',
    title: 'This description',
    access: { kind: 'machine', scope: 'read' },
    run: ({ house }) => json(openApiOf([...routes, openApi], house.software)),
  })
  return [...routes, openApi]
}
