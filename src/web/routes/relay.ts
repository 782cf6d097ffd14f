import { z } from 'zod'
import { isAddress } from '../../settings/address.ts'
import { deskOf } from '../house.ts'
import { json, route } from '../route.ts'

/** Relays are tried before they are saved, and a letter is sent when somebody asks for one: two buttons, never a silent test. */
const address = z.string().max(254).refine(isAddress, 'Write a mail address such as ops@example.org.')

const doctor = route({
  method: 'POST',
  path: '/api/doctor',
  title: 'Walks the way to a relay up to RCPT, saved (by id) or not, and sends nothing; one JSON line a step',
  access: { kind: 'machine', scope: 'all' },
  body: z.strictObject({
    relay: z.union([z.string().max(64), z.record(z.string(), z.unknown())]),
    /** Values of the secrets that the relay names, for this walk alone; kept nowhere. */
    secrets: z.record(z.string().max(80), z.string().max(4096)).optional(),
    /** The same of the one that is its password. */
    password: z.string().max(4096).optional(),
    to: address.optional(),
  }),
  run: async ({ house, body }) => {
    const typed = { ...passwordOf(body.relay, body.password), ...body.secrets }
    const steps = (await house.probe(body.relay, typed, body.to))[Symbol.asyncIterator]()
    const lines = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const { value, done } = await steps.next()
        if (done) controller.close()
        else controller.enqueue(Buffer.from(`${JSON.stringify(value)}\n`))
      },
      cancel: async () => void (await steps.return?.()),
    })
    return new Response(lines, { headers: { 'Content-Type': 'application/x-ndjson' } })
  },
})

const login = z.object({ auth: z.object({ password: z.object({ secret: z.string() }) }) })
const passwordOf = (relay: unknown, password: string | undefined): Record<string, string> => {
  const named = login.safeParse(relay).data?.auth.password.secret
  return named === undefined || password === undefined ? {} : { [named]: password }
}

const words = {
  en: { subject: (site: string) => `Test mail from ${site}`, text: 'This is a test. Whoever reads it gets the alerts of this box, too.' },
  de: {
    subject: (site: string) => `Testmail von ${site}`,
    text: 'Das ist ein Test. Wer das liest, bekommt auch die Alarme dieses Geräts.',
  },
} as const

const testMail = route({
  method: 'POST',
  path: '/api/testmail',
  title: 'A test mail through the queue and the saved relays; /api/queue/:id/fate says what becomes of it',
  access: { kind: 'machine', scope: 'all' },
  body: z.strictObject({ to: address }),
  run: async ({ house, body }) => {
    const { site } = (await house.settings()).settings
    const { subject, text } = words[site.language]
    const taken = await deskOf(house).send({ to: body.to, subject: subject(site.name), text, severity: 'critical' })
    return json(taken, taken.kind === 'accepted' ? 201 : 507)
  },
})

export const relayRoutes = [doctor, testMail]
