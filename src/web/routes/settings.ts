import { z } from 'zod'
import { decoders } from '../../decode/registry.ts'
import { commonRates, listenAt, type RateGuess, sourceFor, surest } from '../../gateway/ear.ts'
import type { Plan } from '../../gateway/plan.ts'
import { rehearse, rehearsedMail } from '../../gateway/rehearsal.ts'
import { sentence } from '../../ports/log.ts'
import { checkSettings } from '../../settings/check.ts'
import { schemaFor } from '../../settings/docs.ts'
import { presets, relayOfPreset } from '../../settings/presets.ts'
import type { Settings } from '../../settings/schema.ts'
import { Fault } from '../fault.ts'
import type { House } from '../house.ts'
import { json, nothing, route } from '../route.ts'

/** The settings, whole, and what a source would make of some octets by settings that are not saved yet. */
const settingsBytes = 1024 * 1024
const sampleChars = 64 * 1024

const read = route({
  method: 'GET',
  path: '/api/settings',
  title: 'The settings without secrets, their revision in ETag, and what is to be said of them',
  access: { kind: 'machine', scope: 'read' },
  run: async ({ house }) => {
    const { settings, revision, findings } = await house.settings()
    return json({ settings, findings, secrets: house.secrets(settings) }, 200, { ETag: `"${revision}"` })
  },
})

const write = route({
  method: 'PUT',
  path: '/api/settings',
  title: 'Saves the settings and begins to work by them; If-Match names the revision that was changed',
  access: { kind: 'machine', scope: 'all' },
  maxBytes: settingsBytes,
  body: z.unknown(),
  run: ({ house, body, request }) => saved(house, request, body, {}),
})

const secretName = z.string().regex(/^[\w:.-]{1,80}$/, 'Write a name such as relay:isp.')
const secretValue = z.string().min(1).max(4096)

const writeBoth = route({
  method: 'POST',
  path: '/api/settings',
  title: 'The same with values of secrets, by the names that the settings refer to: all of it is saved, or nothing',
  access: { kind: 'machine', scope: 'all' },
  maxBytes: settingsBytes,
  body: z.strictObject({ settings: z.unknown(), secrets: z.record(secretName, secretValue) }),
  run: ({ house, body, request }) => saved(house, request, body.settings, body.secrets),
})

async function saved(house: House, request: Request, settings: unknown, secrets: Readonly<Record<string, string>>): Promise<Response> {
  const match = /^(?:W\/)?"([0-9a-f]{16})"$/.exec(request.headers.get('if-match') ?? '')?.[1]
  if (match === undefined)
    throw new Fault(428, 'If-Match is missing.', 'Send the ETag of GET /api/settings, so that nobody else’s change is lost.')
  const done = await house.save(settings, match, secrets)
  if (done.kind === 'wrong')
    return json({ error: 'The settings were not saved.', hint: 'Mend what is said.', findings: done.findings }, 422)
  if (done.kind === 'stale')
    throw new Fault(412, 'Somebody else has changed the settings meanwhile.', 'Look at them again, and make your change anew.', {
      ETag: `"${done.revision}"`,
    })
  return json({ findings: done.findings }, 200, { ETag: `"${done.revision}"` })
}

const check = route({
  method: 'POST',
  path: '/api/settings/check',
  title: 'What is to be said of settings that are not saved',
  access: { kind: 'machine', scope: 'read' },
  maxBytes: settingsBytes,
  body: z.unknown(),
  run: ({ body }) => json({ findings: checkSettings(JSON.stringify(body)).findings }),
})

const schema = route({
  method: 'GET',
  path: '/api/settings/schema',
  title: 'The JSON Schema of the settings',
  access: { kind: 'machine', scope: 'read' },
  query: z.strictObject({ language: z.enum(['en', 'de']).default('en') }),
  run: ({ query }) => json(schemaFor(query.language)),
})

const keepSecret = route({
  method: 'PUT',
  path: '/api/secrets/:name',
  title: 'Keeps a secret that the settings refer to by this name; it is never told again',
  access: { kind: 'machine', scope: 'all' },
  body: z.strictObject({ value: secretValue }),
  run: async ({ house, params, body }) => {
    const name = params.name ?? ''
    if (!secretName.safeParse(name).success) throw new Fault(400, 'This is no name of a secret.', 'Write a name such as relay:isp.')
    const why = await house.keepSecret(name, body.value)
    if (why !== undefined) throw new Fault(409, why, 'Change it where it is set.')
    return nothing()
  },
})

/** Lines of the board that are there, by what stands beside their sockets; not the one where the console is. */
async function ownLines({ board, ports: { serial, sys } }: House): Promise<{ path: string; label: string }[]> {
  const lines: { path: string; label: string }[] = []
  const console = board && board.boot.recipe !== 'none' ? `/dev/${board.boot.console}` : undefined
  for (const { path, label } of board?.serial ?? []) {
    if (path === console || (await serial.look(path).catch(() => undefined))?.kind !== 'line') continue
    // A kernel for PCs has names for four ports, whether or not they are there; those that are not have type 0.
    if ((await sys.read(`/sys/class/tty/${path.slice('/dev/'.length)}/type`))?.trim() !== '0') lines.push({ path, label })
  }
  return lines
}

const help = route({
  method: 'GET',
  path: '/api/help',
  title: 'Serial ports of this box, decoders, and relays of the usual providers',
  access: { kind: 'machine', scope: 'read' },
  run: async ({ house }) =>
    json({
      // No list of ports is no reason to withhold the rest: the path can be typed.
      ports: [...(await ownLines(house)), ...(await house.ports.serial.list().catch(() => []))],
      decoders: decoders.map(({ name, title }) => ({ name, title })),
      presets: presets.map((preset) => ({ name: preset.name, title: preset.title, need: preset.need, relay: relayOfPreset(preset) })),
    }),
})

const sniff = route({
  method: 'POST',
  path: '/api/sniff',
  title: 'Listens to a serial line and guesses its speed, frames and format; one JSON line a speed, the last with the settings it comes to',
  access: { kind: 'person' },
  body: z.strictObject({
    path: z.string().regex(/^\/dev\/[\w./:-]{1,200}$/, 'Write a device such as /dev/ttyUSB0.'),
    seconds: z.int().min(1).max(60).default(6),
  }),
  run: async ({ house, body }) => {
    const { serial, clock } = house.ports
    const look = await serial.look(body.path)
    if (look.kind !== 'line')
      throw new Fault(404, `${body.path} is no serial line that is here.`, 'Plug it in, and look at the list again.')
    const heard: RateGuess[] = []
    const ear = listenAt({ serial, clock }, body.path, commonRates, body.seconds * 1000)
    const line = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`)
    const lines = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { value, done } = await ear.next()
          if (value) heard.push(value)
          const best = surest(heard)
          if (!done) return controller.enqueue(line({ rate: value.rate, sure: value.guess?.sure ?? 0 }))
          if (best)
            controller.enqueue(line({ sure: best.guess.sure, says: best.guess.says, source: sourceFor(body.path, best.rate, best.guess) }))
        } catch (error) {
          controller.enqueue(line({ error: sentence(error) }))
        }
        controller.close()
      },
      cancel: async () => void (await ear.return(undefined)),
    })
    return new Response(lines, { headers: { 'Content-Type': 'application/x-ndjson' } })
  },
})

const preview = route({
  method: 'POST',
  path: '/api/preview',
  title: 'What a source would make of these octets: fields, winning rule, whole mail; by the settings, or by those in the body',
  access: { kind: 'machine', scope: 'read' },
  maxBytes: settingsBytes,
  body: z.strictObject({
    source: z.string().max(64),
    topic: z.string().max(1024).optional(),
    sample: z.string().max(sampleChars),
    /** The sample is base64. */
    base64: z.boolean().default(false),
    settings: z.unknown().optional(),
  }),
  run: async ({ house, body }) => {
    const { source, topic, sample, base64 } = body
    const plan = await house.plan(unsaved(body.settings))
    const bytes = Buffer.from(sample, base64 ? 'base64' : 'utf8')
    return json(shown(plan, rehearse(plan, house.ports.clock, { source, bytes, ...(topic === undefined ? {} : { topic }) })))
  },
})

/** Throws Fault when they are not valid. */
function unsaved(value: unknown): Settings | undefined {
  if (value === undefined) return undefined
  const { settings, findings } = checkSettings(JSON.stringify(value))
  if (settings) return settings
  const [first] = findings
  throw new Fault(422, `The settings are not valid${first?.path ? ` at ${first.path}` : ''}: ${first?.what}`, first?.write ?? '')
}

const shown = (plan: Plan, { decoder, decoded, heard, others, verdict, alert }: ReturnType<typeof rehearse>) => ({
  decoder,
  ...(decoded.kind === 'reading' ? { reading: { ...decoded.reading, severity: heard?.severity } } : { why: decoded.why }),
  others,
  ...(verdict?.kind === 'ignore' ? { ignored: verdict.why } : {}),
  ...(alert ? { rule: alert.rule, to: alert.to, kept: alert.kept, mail: Buffer.from(rehearsedMail(plan, alert)).toString() } : {}),
})

export const settingsRoutes = [read, write, writeBoth, check, schema, keepSecret, help, sniff, preview]
