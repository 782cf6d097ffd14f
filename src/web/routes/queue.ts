import { z } from 'zod'
import { Fault } from '../fault.ts'
import { deskOf } from '../house.ts'
import { json, nothing, type Route, route } from '../route.ts'

/** Letters that wait. */
const idOf = (id: string | undefined): number => {
  if (!/^\d{1,15}$/.test(id ?? '')) throw new Fault(400, 'The id of a letter is a number.', 'Take it from /api/queue.')
  return Number(id)
}
const gone = () => new Fault(404, 'No letter with this id waits.', 'It may have left; look at the list again.')

const list = route({
  method: 'GET',
  path: '/api/queue',
  title: 'Letters that wait, oldest first, 200 at a time: those behind `after`',
  access: { kind: 'machine', scope: 'read' },
  query: z.strictObject({ after: z.coerce.number().int().min(0).default(0) }),
  run: async ({ house, query }) => json(await deskOf(house).list(query.after)),
})

const show = route({
  method: 'GET',
  path: '/api/queue/:id',
  title: 'One letter, with the whole mail as it would leave now',
  access: { kind: 'machine', scope: 'read' },
  run: async ({ house, params }) => {
    const letter = await deskOf(house).show(idOf(params.id))
    if (!letter) throw gone()
    return json(letter)
  },
})

const history = route({
  method: 'GET',
  path: '/api/history',
  title: 'Letters that have left, newest first, as far back as the journal remembers, 200 at a time: those with an id below `before`',
  access: { kind: 'machine', scope: 'read' },
  query: z.strictObject({ before: z.coerce.number().int().min(1).optional() }),
  run: async ({ house, query }) => json(await deskOf(house).past(query.before)),
})

/** What became of a letter that has left, as long as this gateway remembers it. */
const fate = route({
  method: 'GET',
  path: '/api/queue/:id/fate',
  title: 'What became of a letter, also when it has left just now',
  access: { kind: 'machine', scope: 'read' },
  run: async ({ house, params }) => json(await deskOf(house).fate(idOf(params.id))),
})

const all = route({
  method: 'POST',
  path: '/api/queue/retry',
  title: 'Tries every letter and every relay now',
  access: { kind: 'machine', scope: 'all' },
  run: ({ house }) => {
    deskOf(house).retry()
    return nothing()
  },
})

const deeds: Readonly<Record<'retry' | 'hold' | 'release' | 'drop', string>> = {
  retry: 'Tries a letter now',
  hold: 'Keeps a letter until it is released',
  release: 'Lets a held letter go',
  drop: 'Throws a letter away: nobody is told',
}
const one = (deed: keyof typeof deeds): Route =>
  route({
    method: 'POST',
    path: `/api/queue/:id/${deed}`,
    title: deeds[deed],
    access: { kind: 'machine', scope: 'all' },
    run: ({ house, params }) => {
      const desk = deskOf(house)
      const id = idOf(params.id)
      const done = deed === 'retry' ? desk.retry(id) : deed === 'drop' ? desk.drop(id, 'the page') : desk.hold(id, deed === 'hold')
      if (!done) throw gone()
      return nothing()
    },
  })

export const queueRoutes = [list, history, show, fate, all, one('retry'), one('hold'), one('release'), one('drop')]
