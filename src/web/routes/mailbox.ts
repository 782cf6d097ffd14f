import { z } from 'zod'
import { exportMbox, listMail, showMail } from '../../mailbox/maildir.ts'
import { Fault } from '../fault.ts'
import type { House } from '../house.ts'
import { json, route } from '../route.ts'

/** Mail that was kept on the box. Nothing in a mail is rendered or fetched; it is text. */
const rootOf = (house: House): string => `${house.dir}/mailbox`
const shownBytes = 1024 * 1024

const list = route({
  method: 'GET',
  path: '/api/mailbox',
  title: 'Mail on the box, newest first, headers only; `find` looks into them',
  access: { kind: 'machine', scope: 'read' },
  query: z.strictObject({ find: z.string().max(200).default(''), limit: z.coerce.number().int().min(1).max(1000).default(100) }),
  run: async ({ house, query }) => {
    const wanted = query.find.toLowerCase()
    const mails = (await listMail(house.ports.disk, rootOf(house))).filter(({ from, to, subject }) =>
      `${from}\n${to}\n${subject}`.toLowerCase().includes(wanted),
    )
    return json({ total: mails.length, mails: mails.slice(0, query.limit) })
  },
})

const exported = route({
  method: 'GET',
  path: '/api/mailbox.mbox',
  title: 'Every mail as one mbox file',
  access: { kind: 'machine', scope: 'read' },
  run: ({ house }) => {
    const mails = exportMbox(house.ports.disk, rootOf(house))
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const { value, done } = await mails.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    })
    return new Response(body, {
      headers: { 'Content-Type': 'application/mbox', 'Content-Disposition': 'attachment; filename="outpost.mbox"' },
    })
  },
})

const show = route({
  method: 'GET',
  path: '/api/mailbox/:user/:name',
  title: 'One mail as it was kept; `as=eml` for a file',
  access: { kind: 'machine', scope: 'read' },
  query: z.strictObject({ as: z.enum(['json', 'eml']).default('json') }),
  run: async ({ house, params, query }) => {
    const id = `${params.user}/${params.name}`
    const mail = await showMail(house.ports.disk, rootOf(house), id)
    if (!mail) throw new Fault(404, 'There is no such mail.', 'Its reader may have deleted it; look at the list again.')
    if (query.as === 'eml')
      return new Response(new Uint8Array(mail), {
        headers: { 'Content-Type': 'message/rfc822', 'Content-Disposition': 'attachment; filename="mail.eml"' },
      })
    return json({ id, raw: Buffer.from(mail.subarray(0, shownBytes)).toString(), whole: mail.length <= shownBytes })
  },
})

export const mailboxRoutes = [list, exported, show]
