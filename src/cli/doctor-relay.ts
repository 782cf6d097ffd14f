import { mailboxOf, type Plan, relayOf } from '../gateway/plan.ts'
import { isDiskError } from '../ports/disk.ts'
import { type Envelope, probe, type Step } from '../relay/probe/probe.ts'
import type { RelayOptions } from '../relay/relay.ts'
import { isAddress } from '../settings/address.ts'
import { checkSettings } from '../settings/check.ts'
import { type EffectiveSettings, effective, settingsSchema } from '../settings/schema.ts'
import { type Options, Refusal, type Scene, text, UsageError } from './command.ts'
import { loadSettings } from './load.ts'
import { planFor } from './plan.ts'

/** The doctor's relays: those of the settings, or one that was never saved, as the command line has it. */
export const relayUsage =
  '[--relay ID | --host H [--port P] [--security S] [--user U] [--ca FILE] [--pin SHA256]] [--from A] [--to A] [--transcript]'

export const relayFlags = {
  relay: 'text',
  host: 'text',
  port: 'text',
  security: 'text',
  user: 'text',
  ca: 'text',
  pin: 'text',
  from: 'text',
  to: 'text',
  transcript: 'yes',
} as const

const passwordBytes = 4096
const unsavedOnly = ['port', 'security', 'user', 'ca', 'pin'] as const

export type Say = (ok: boolean, step: string, ms: number | undefined, words: string) => void

/** `alone`: only a relay is asked for, and not the whole device. `none`: why there are no relays, as a sentence. */
export type Asked = { relays: readonly RelayOptions[]; envelope: Envelope; alone: boolean; none?: string }

/** What the command line asks for. Throws UsageError or Refusal with the sentence to print. */
export async function relaysAsked(scene: Scene, options: Options): Promise<Asked> {
  const { relay, host } = options.flags
  if (host !== undefined && relay !== undefined)
    throw new UsageError('Write --relay for one of the settings, or --host for one that is not saved.')
  if (host !== undefined) return unsaved(scene, options)
  const stray = unsavedOnly.find((flag) => text(options, flag) !== undefined)
  if (stray) throw new UsageError(`--${stray} goes with --host: what is saved is tried as it is.`)
  return saved(scene, options)
}

/** Probes each relay that is asked for; true when all of them would take a letter. */
export async function probeRelays(
  scene: Scene,
  { relays, envelope, none = 'The settings name no relay: only people of this site get mail.' }: Asked,
  options: Options,
  say: Say,
): Promise<boolean> {
  if (relays.length === 0 && !options.flags.json) scene.out('\nrelays\n')
  if (relays.length === 0) say(true, 'none', undefined, none)
  let good = true
  for (const relay of relays) {
    if (!options.flags.json) scene.out(`\nrelay ${relay.id}: ${relay.host}:${relay.port}, security ${relay.security}\n`)
    for await (const step of probe(scene.ports, relay, envelope)) {
      good &&= step.ok
      if (options.flags.json) scene.out(`${JSON.stringify({ relay: relay.id, ...step })}\n`)
      else {
        say(step.ok, step.step, step.ms, step.sentence)
        scene.out(particulars(step, options.flags.transcript === true))
      }
    }
  }
  return good
}

function particulars(step: Step, transcript: boolean): string {
  const facts = step.stage === 'dns' ? [] : step.facts
  return [...facts, ...(transcript ? step.transcript : [])].map((line) => `${' '.repeat(28)}${line}\n`).join('')
}

async function saved(scene: Scene, options: Options): Promise<Asked> {
  const wanted = text(options, 'relay')
  const { settings, secrets } = await loadSettings(scene)
  const plan = await planFor(scene, settings, secrets)
  if (plan.route === 'mx' && wanted === undefined)
    return {
      relays: [],
      envelope: envelopeOf(options, plan),
      alone: false,
      none: 'None is used: letters go to the hosts of their recipients.',
    }
  const relays = plan.relays.filter((relay) => wanted === undefined || relay.id === wanted)
  if (wanted !== undefined && relays.length === 0)
    throw new Refusal(`There is no relay ${wanted}. The settings name: ${settings.relays.map((relay) => relay.id).join(', ') || 'none'}.`)
  return { relays, envelope: envelopeOf(options, plan), alone: wanted !== undefined }
}

/** Nothing is written: the settings lend name, sender and recipient when they can be read. */
async function unsaved(scene: Scene, options: Options): Promise<Asked> {
  const settings = await settingsAround(scene)
  const user = text(options, 'user')
  const port = text(options, 'port')
  const security = text(options, 'security') ?? (port === '465' ? 'tls' : 'starttls')
  const pin = text(options, 'pin')
  const relay = {
    id: 'unsaved',
    host: text(options, 'host'),
    port: port === undefined ? usualPorts[security] : /^\d+$/.test(port) ? Number(port) : port,
    security,
    ...(user === undefined ? {} : { auth: { kind: 'password', user, password: { secret: 'doctor' } } }),
    ...(text(options, 'ca') === undefined ? {} : { ca: text(options, 'ca') }),
    ...(pin === undefined ? {} : { pin: pin.split(',') }),
  }
  // The rules for what is saved hold for what is not.
  const checked = checkSettings(JSON.stringify({ relays: [relay] }))
  const wrong = checked.findings.filter((finding) => finding.level === 'error')
  const [good] = checked.settings?.relays ?? []
  if (!good) throw new UsageError(wrong.map((one) => `${one.path.replace('relays[0].', '--')}: ${one.what} ${one.write}`).join('\n'))
  const password = user === undefined ? '' : await passwordOf(scene)
  const pem = good.ca === undefined ? new Map<string, string>() : new Map([[good.ca, await pemOf(scene, good.ca)]])
  return {
    relays: [relayOf(good, { settings, secret: () => password, refreshToken: noToken, pem })],
    envelope: envelopeOf(options, { ...settings, mail: { from: mailboxOf(settings.mail.from) } }),
    alone: true,
  }
}

/** Unsaved values have a password or nothing. */
const noToken = () => ({ read: async () => undefined, keep: async () => {} })

const usualPorts: Readonly<Record<string, number>> = { tls: 465, starttls: 587, none: 25 }

async function settingsAround(scene: Scene): Promise<EffectiveSettings> {
  const found = await scene.ports.disk.read(`${scene.dir}/settings.json`).catch((error: unknown) => {
    if (isDiskError(error)) return new Uint8Array()
    throw error
  })
  return effective(checkSettings(Buffer.from(found).toString()).settings ?? settingsSchema.parse({}))
}

/** Never from the command line: every user of the machine can read that. */
async function passwordOf(scene: Scene): Promise<string> {
  const given = scene.env.OUTPOST_SECRET_DOCTOR
  if (given === undefined && scene.interactive)
    throw new UsageError(
      'The password is missing. Put it into OUTPOST_SECRET_DOCTOR, or pipe it in; it is not taken from the command line.',
    )
  const password =
    given ??
    Buffer.from(await scene.stdin(passwordBytes))
      .toString()
      .replace(/\r?\n$/, '')
  if (password === '') throw new UsageError('The password is empty. Put it into OUTPOST_SECRET_DOCTOR, or pipe it in.')
  scene.hide(() => [password])
  return password
}

async function pemOf(scene: Scene, path: string): Promise<string> {
  const bytes = await scene.ports.disk.read(path).catch((error: unknown) => {
    if (isDiskError(error)) throw new UsageError(`--ca: ${path} cannot be read: ${error.message}`)
    throw error
  })
  const pem = Buffer.from(bytes).toString()
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new UsageError(`--ca: ${path} holds no certificate in PEM form.`)
  return pem
}

function envelopeOf(options: Options, around: Pick<Plan, 'people' | 'site'> & { mail: Pick<Plan['mail'], 'from'> }): Envelope {
  const mailFrom = text(options, 'from') ?? around.mail.from.address
  const rcptTo = text(options, 'to') ?? around.people.find((person) => !person.address.endsWith(`@${around.site.domain}`))?.address
  for (const [flag, address] of [
    ['from', mailFrom],
    ['to', rcptTo],
  ] as const)
    if (address !== undefined && !isAddress(address)) throw new UsageError(`--${flag}: write a mail address such as ops@example.org.`)
  return { mailFrom, ...(rcptTo === undefined ? {} : { rcptTo }) }
}
