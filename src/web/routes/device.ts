import { z } from 'zod'
import { sentenceOf } from '../../device/health.ts'
import { instant } from '../../ports/clock.ts'
import { checkSettings } from '../../settings/check.ts'
import { settingsDiff } from '../../settings/diff.ts'
import { backupSchema, seal, unseal } from '../backup.ts'
import { Fault } from '../fault.ts'
import { json, nothing, route } from '../route.ts'
import { stateOf } from '../state.ts'

/** The device itself: backup, restart, reset, logs. */
const passphrase = z.string().min(12, 'Write at least 12 characters.').max(200)

const about = route({
  method: 'GET',
  path: '/api/device',
  title: 'What this box is, and how it has been',
  access: { kind: 'machine', scope: 'read' },
  run: async ({ house }) => {
    const { software, device, clock, upMs, health, hardware, gateway } = stateOf(house)
    const said = { mood: health.mood, sentence: sentenceOf(health) }
    return json({
      software,
      device,
      clock,
      upMs,
      health: said,
      hardware,
      powerCuts: gateway?.power.cuts,
      builtAt: house.builtAt,
      certificate: await house.certificate(),
    })
  },
})

const backup = route({
  method: 'POST',
  path: '/api/backup',
  title: 'The settings as a file; with a passphrase also the secrets, encrypted',
  access: { kind: 'person' },
  body: z.strictObject({ passphrase: passphrase.optional() }),
  run: async ({ house, body }) => {
    const { settings } = await house.settings()
    const made = new Date(house.ports.clock.wall()).toISOString()
    const secrets =
      body.passphrase === undefined ? {} : { secrets: await seal(await house.secretValues(), body.passphrase, house.ports.random) }
    return json({ format: 'outpost-backup', version: 1, made, software: house.software, settings, ...secrets }, 200, {
      'Content-Disposition': `attachment; filename="outpost-${made.slice(0, 10)}.json"`,
    })
  },
})

const restore = route({
  method: 'POST',
  path: '/api/restore',
  title: 'What a backup would change; with `apply` it is changed',
  access: { kind: 'person' },
  maxBytes: 2 * 1024 * 1024,
  body: z.strictObject({ backup: backupSchema, passphrase: z.string().max(200).optional(), apply: z.boolean().default(false) }),
  run: async ({ house, body }) => {
    const { settings, findings } = checkSettings(JSON.stringify(body.backup.settings))
    if (!settings) return json({ error: 'The settings of this backup are not valid.', hint: 'See the findings.', findings }, 422)
    const values = body.backup.secrets && body.passphrase !== undefined ? await unseal(body.backup.secrets, body.passphrase) : {}
    const current = await house.settings()
    const changes = settingsDiff(current.settings, settings)
    const secrets = Object.keys(values)
    if (!body.apply) return json({ changes, findings, secrets, locked: body.backup.secrets !== undefined && body.passphrase === undefined })
    // What is given from outside stands there on purpose, and cannot be written.
    const notKept = secrets.flatMap((name) => house.whyNotKept(name) ?? [])
    const kept = Object.entries(values).filter(([name]) => house.whyNotKept(name) === undefined)
    const saved = await house.save(settings, current.revision, Object.fromEntries(kept))
    if (saved.kind === 'stale') throw new Fault(409, 'The settings were changed meanwhile.', 'Restore once more.')
    if (saved.kind === 'wrong') return json({ error: 'Nothing was restored.', hint: 'See the findings.', findings: saved.findings }, 422)
    return json({ changes, findings, secrets, notKept })
  },
})

const noClock =
  'Let a time server keep it: a flashed box takes those that its network names, or network.ntp of outpost.json. Letters leave all the same, and say how far their time can be trusted.'

const time = route({
  method: 'POST',
  path: '/api/time',
  title: 'Sets the clock by that of whoever is at the page, as long as nothing else keeps it',
  access: { kind: 'person' },
  body: z.strictObject({ wall: z.number().int().min(0).max(4_102_444_800_000) }),
  run: async ({ house, body }) => {
    const { clock, setClock, log } = house.ports
    if (clock.synchronised() === 'yes') throw new Fault(409, 'The clock is kept right by the network.', 'Nothing needs to be done.')
    if (body.wall < house.builtAt) throw new Fault(400, 'That is before this software was built.', 'Set the clock of this telephone first.')
    const before = clock.wall()
    const why = await setClock(instant(body.wall))
    if (why !== undefined) throw new Fault(501, `The clock cannot be set: ${why}.`, noClock)
    log('warning', 'clock: set from the page', { before: new Date(before).toISOString(), after: new Date(body.wall).toISOString() })
    return nothing()
  },
})

const restart = route({
  method: 'POST',
  path: '/api/restart',
  title: 'Stops the gateway, and starts it anew',
  access: { kind: 'person' },
  run: ({ house }) => {
    house.restart()
    return json({}, 202)
  },
})

const reset = route({
  method: 'POST',
  path: '/api/reset',
  title: 'Takes away settings, secrets, letters that wait and mail, and begins as a new box',
  access: { kind: 'person' },
  body: z.strictObject({ name: z.string().max(200) }),
  run: async ({ house, body }) => {
    const { site } = (await house.settings()).settings
    if (body.name !== site.name)
      throw new Fault(400, 'That is not the name of this site.', `To be sure that this box is meant, write its name: ${site.name}`)
    house.reset()
    return json({}, 202)
  },
})

const certificate = route({
  method: 'PUT',
  path: '/api/certificate',
  title: 'A certificate of your own for the page, with its key; used as soon as web.tls is "file"',
  access: { kind: 'person' },
  body: z.strictObject({ key: z.string().max(20_000), cert: z.string().max(100_000) }),
  run: async ({ house, body }) => {
    await house.keepCertificate(body.key, body.cert)
    return nothing()
  },
})

const confirm = route({
  method: 'POST',
  path: '/api/confirm',
  title: 'The page can be reached where it was moved to; without this it goes back after two minutes',
  access: { kind: 'person' },
  run: async ({ house }) => {
    if (!(await house.confirm())) throw new Fault(409, 'There is nothing to confirm.', 'It went back already, or was confirmed before.')
    return nothing()
  },
})

const logs = route({
  method: 'GET',
  path: '/api/logs',
  title: 'The newest lines of the log, oldest first, secrets masked',
  access: { kind: 'machine', scope: 'read' },
  run: ({ house }) => json(house.book.lines),
})

const support = route({
  method: 'GET',
  path: '/api/support',
  title: 'What somebody who helps needs to see: settings, state and log; no secret and no alert',
  access: { kind: 'person' },
  run: async ({ house }) => {
    const { settings, findings } = await house.settings()
    const { gateway, ...state } = stateOf(house)
    const { alerts: _, ...work } = gateway ?? {}
    const made = new Date(house.ports.clock.wall()).toISOString()
    return json({ made, settings, findings, state: { ...state, gateway: work }, log: house.book.lines }, 200, {
      'Content-Disposition': 'attachment; filename="outpost-support.json"',
    })
  },
})

const chronicle = route({
  method: 'GET',
  path: '/api/chronicle',
  title: 'A look at the box every five minutes of the last day: delivered, refused, waiting, link',
  access: { kind: 'machine', scope: 'read' },
  byItself: true,
  run: ({ house }) => json(house.chronicle.entries),
})

export const deviceRoutes = [about, backup, restore, time, restart, reset, certificate, confirm, logs, support, chronicle]
