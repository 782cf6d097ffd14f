import { z } from 'zod'
import { durationMs } from '../../settings/duration.ts'
import { Fault } from '../fault.ts'
import { deskOf } from '../house.ts'
import { json, nothing, route } from '../route.ts'

/** Alerts in, and what is done about those that are raised. */
const numbered = (id: string | undefined): number => {
  if (!/^\d{1,15}$/.test(id ?? '')) throw new Fault(400, 'An id is a number.', 'Take it from the list.')
  return Number(id)
}

const submit = route({
  method: 'POST',
  path: '/api/alerts',
  title: 'One alert, as text or JSON; 201 means that it is on the disk',
  access: { kind: 'machine', scope: 'alerts' },
  raw: true,
  run: async ({ house, body, hook, session }) => {
    const octets = body as Uint8Array
    if (octets.length === 0) throw new Fault(400, 'The body is empty.', 'Send the text of the alert, or JSON such as {"text":"Door open"}.')
    const source = hook ?? (session ? 'page' : 'api')
    const taken = await deskOf(house).hear(source, octets)
    if (taken.kind === 'accepted') return json({ id: taken.id, number: taken.number, ...(taken.repeated ? { repeated: true } : {}) }, 201)
    if (taken.kind === 'ignored') return json({ ignored: taken.why }, 200)
    throw new Fault(taken.again ? 507 : 400, `Not taken: ${taken.why}.`, taken.hint, taken.again ? { 'Retry-After': '30' } : {})
  },
})

const active = route({
  method: 'GET',
  path: '/api/alerts',
  title: 'What is raised, and what is silenced',
  access: { kind: 'machine', scope: 'read' },
  run: ({ house }) => json(deskOf(house).alerts()),
})

const acknowledge = route({
  method: 'POST',
  path: '/api/alerts/:id/acknowledge',
  title: 'Somebody has taken it on: no more reminders, no escalation',
  access: { kind: 'machine', scope: 'all' },
  body: z.strictObject({ by: z.string().regex(/^[^\p{Cc}]{1,60}$/u, 'Write a name of 1 to 60 characters.') }),
  run: async ({ house, params, body }) => {
    if (!(await deskOf(house).acknowledge(numbered(params.id), body.by)))
      throw new Fault(404, 'Nothing with this id is raised.', 'It may be over; look at the list again.')
    return nothing()
  },
})

const pattern = z.string().min(1).max(200)
const silence = route({
  method: 'POST',
  path: '/api/silences',
  title: 'What matches is kept for a while, and then told together',
  access: { kind: 'machine', scope: 'all' },
  body: z.strictObject({
    rule: pattern.optional(),
    source: pattern.optional(),
    key: pattern.optional(),
    for: z.string().regex(/^\d{1,5}[smhd]$/, 'Write a duration such as 2h.'),
    by: z.string().regex(/^[^\p{Cc}]{1,60}$/u, 'Write a name of 1 to 60 characters.'),
    why: z.string().max(200).optional(),
  }),
  run: async ({ house, body }) => {
    const { for: span, by, why, ...match } = body
    const named = Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined))
    if (Object.keys(named).length === 0) throw new Fault(400, 'This would silence everything.', 'Name a rule, a source or a key.')
    return json(await deskOf(house).silence({ match: named, ms: durationMs(span), by, ...(why === undefined ? {} : { why }) }), 201)
  },
})

const unsilence = route({
  method: 'DELETE',
  path: '/api/silences/:id',
  title: 'Ends a silence',
  access: { kind: 'machine', scope: 'all' },
  run: async ({ house, params }) => {
    if (!(await deskOf(house).unsilence(params.id ?? ''))) throw new Fault(404, 'There is no such silence.', 'It may be over.')
    return nothing()
  },
})

export const alertRoutes = [submit, active, acknowledge, silence, unsilence]
