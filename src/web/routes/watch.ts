import { z } from 'zod'
import { Fault } from '../fault.ts'
import { metricsOf } from '../metrics.ts'
import { json, type Route, route } from '../route.ts'
import { stateOf, supportedUntil } from '../state.ts'
import type { Stream } from '../stream.ts'

/** For whoever looks on: state, stream, health and metrics. */
export const watchRoutes = (stream: Stream): Route[] => [
  route({
    method: 'GET',
    path: '/api/state',
    title: 'Everything that the overview shows',
    access: { kind: 'machine', scope: 'read' },
    run: ({ house }) => json(stateOf(house)),
  }),
  route({
    method: 'GET',
    path: '/api/events',
    title: 'Server-sent events: hello, lines, state, log',
    access: { kind: 'machine', scope: 'read' },
    byItself: true,
    query: z.strictObject({
      page: z
        .string()
        .regex(/^\w{1,40}$/)
        .optional(),
    }),
    run: ({ request, session, token, query }) =>
      stream.open(request.headers.get('last-event-id'), { by: (session ?? token)?.hash ?? '', page: query.page }, request.signal),
  }),
  route({
    method: 'GET',
    path: '/healthz',
    title: '200 while alerts are accepted, 503 and a sentence otherwise',
    access: { kind: 'anyone' },
    run: ({ house }) => {
      const desk = house.desk()
      const ok = desk !== undefined && desk.state().queue.readOnly === undefined
      return new Response(ok ? 'ok\n' : 'no alert can be accepted now\n', {
        status: ok ? 200 : 503,
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      })
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    title: 'Metrics for Prometheus',
    access: { kind: 'machine', scope: 'read' },
    run: ({ house }) =>
      new Response(metricsOf(house, stream.size), { headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' } }),
  }),
  route({
    method: 'GET',
    path: '/.well-known/security.txt',
    title: 'Whom to tell of a weakness (RFC 9116)',
    access: { kind: 'anyone' },
    run: async ({ house }) => {
      const { securityContact } = (await house.settings()).settings.web
      if (securityContact === undefined)
        throw new Fault(
          404,
          'Nobody is named here.',
          'See SECURITY.md of Outpost; who ships this box names an address in web.securityContact.',
        )
      const expires = new Date(supportedUntil(house)).toISOString()
      return new Response(`Contact: ${securityContact}\nExpires: ${expires}\nPreferred-Languages: en, de\n`, {
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      })
    },
  }),
]
