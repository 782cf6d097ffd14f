import type { KnownTime } from '../alert/when.ts'
import type { DecodeOptions } from '../decode/decoder.ts'
import type { Look } from '../mail/compose.ts'
import type { DkimKey } from '../mail/dkim.ts'
import type { Pop3Account } from '../mailbox/pop3-client.ts'
import { instant } from '../ports/clock.ts'
import type { ServerKey } from '../ports/serve.ts'
import { RefreshedTokens, type RefreshToken } from '../relay/login/token.ts'
import type { RelayOptions } from '../relay/relay.ts'
import type { Traits } from '../relay/traits.ts'
import { type Hours, parseHours } from '../rules/hours.ts'
import type { Rule } from '../rules/rule.ts'
import { durationMs } from '../settings/duration.ts'
import type { EffectiveSettings, Settings, SourceSettings } from '../settings/schema.ts'
import type { SeenMail } from '../settings/seen-mail.ts'
import { shareOf } from '../settings/source.ts'
import type { Person } from './people.ts'
import { ruleOf, type Templates, templatesOf } from './rule.ts'

/**
 * Plan: the settings as the stages want them: durations in ms, secrets looked up, files read. Pure; no stage knows the settings file.
 */
export type Plan = {
  dir: string
  deviceId: string
  software: string
  /** No earlier time is believable, in ms. */
  builtAt: number
  lastSync?: number
  site: { name: string; domain: string; timeZone: string; language: 'en' | 'de' }
  people: readonly Person[]
  rules: Rule[]
  /** When people are told, by their ids; those who are not here always are. */
  hours: ReadonlyMap<string, Hours>
  /** `MM-DD`, or `YYYY-MM-DD`. */
  holidays: readonly string[]
  mail: { from: { name?: string; address: string }; replyTo?: string; look: Look }
  /** The words of a rule's letters, in the language of the site. */
  templatesOf(rule: string): Templates | undefined
  dkim?: DkimKey
  relays: readonly RelayOptions[]
  /** What the relays showed of themselves in earlier lives, and where it is kept. */
  relayTraits: Readonly<Record<string, Traits>>
  keepRelay(id: string, traits: Traits): void
  sources: readonly SourceSettings[]
  broker: Settings['broker']
  retryMs: readonly number[]
  keepMs: number
  /** Through our relays, or straight to the hosts that the DNS names, and how those are found. */
  route: 'relays' | 'mx'
  direct: { dns: readonly string[]; port: number; mtaSts: boolean; dane: boolean }
  digest: { from: number }
  /** What may leave in a day of the site. */
  perDay?: { letters: number; octets: number }
  /** Interfaces on which octets are dear, and the largest letter that leaves by one at once. */
  metered: readonly string[]
  meteredBytes: number
  queueMiB: number
  spoolMiB: number
  segmentBytes?: number
  noticesFor: string
  /** The box's own remote mailbox, and the key of the codes in subjects. */
  answers?: { account: Pop3Account; everyMs: number; key: Uint8Array; seen: SeenMail }
  /** Key and certificate of the box, for those who come to it. */
  serverKey?: ServerKey
  /** Age and room of the mailboxes, and whose they are. */
  mailbox: { keepMs: number; maxBytes: number; users: readonly string[] }
  /** Sources whose silence is worth an alert, and after how many ms. */
  silences: ReadonlyMap<string, number>
  reports?: { weekly: string; to: readonly string[] }
  decoderOf(source: string): string
  decodingOf(source: string): DecodeOptions
  attachesRaw(source: string): boolean
  /** Its wire asks again for what it was refused, as the format has it. */
  asksAgain(source: string): boolean
  viaOf(source: string): string
  /** The group of boxes that share what this source hears. */
  groupOf(source: string): string | undefined
  /** Its mails are letters. */
  passesOn(source: string): boolean
  /** Whose name stands on the mails that this source passes on. */
  senderOf(source: string): 'keep' | 'own'
  secret(name: string): string | undefined
  /** PEM by the path that the settings name. */
  pem: ReadonlyMap<string, string>
}

export type PlanOptions = {
  settings: EffectiveSettings
  secret(name: string): string | undefined
  /** A secret that may change while the gateway runs. */
  refreshToken(name: string): RefreshToken
  pem: ReadonlyMap<string, string>
  device: { id: string; lastSync?: { wall: number } | undefined; relays?: Readonly<Record<string, Traits>> | undefined }
  keepRelay?(id: string, traits: Traits): void
  dir: string
  software: string
  builtAt: number
  segmentBytes?: number
  dkim?: DkimKey
  serverKey?: ServerKey
  /** Where the settings have answers: the key of the codes, and what was looked at before. */
  answering?: { key: Uint8Array; seen: SeenMail }
}

/** What a relay alone needs of it. */
export type RelayPlanOptions = Pick<PlanOptions, 'secret' | 'refreshToken' | 'pem'> & { settings: { site: { domain: string } } }

/** The source that programs of this machine are, which call sendmail. */
export const sendmailSource = 'sendmail'

/** The source that the embedded broker is. */
export const brokerSource = 'broker'

/** `settings` are effective ones: nothing that a default stands for is missing. */
export function planOf(options: PlanOptions): Plan {
  const { settings, secret, pem, device, keepRelay = () => {}, dir, software, builtAt, segmentBytes, dkim, serverKey, answering } = options
  const { site, mail, delivery, sources } = settings
  const kinds = new Map(sources.map((source) => [source.id, source]))
  return {
    dir,
    deviceId: device.id,
    software,
    builtAt,
    ...(device.lastSync ? { lastSync: device.lastSync.wall } : {}),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(dkim ? { dkim } : {}),
    ...(serverKey ? { serverKey } : {}),
    ...(settings.answers && answering ? { answers: { ...answersOf(settings.answers, options), ...answering } } : {}),
    site,
    people: settings.people,
    hours: new Map(settings.people.flatMap(({ id, hours }) => hoursOf(id, hours))),
    holidays: site.holidays,
    rules: settings.rules.map(ruleOf),
    mail: { from: mailboxOf(mail.from), ...(mail.replyTo === undefined ? {} : { replyTo: mail.replyTo }), look: lookOf(mail) },
    templatesOf: templatesOf(settings),
    relays: settings.relays.map((relay) => relayOf(relay, options)),
    relayTraits: device.relays ?? {},
    keepRelay,
    sources,
    broker: settings.broker,
    retryMs: delivery.retry.map(durationMs),
    keepMs: durationMs(delivery.keep),
    route: delivery.route,
    direct: { dns: delivery.dns, port: delivery.port, mtaSts: delivery.mtaSts, dane: delivery.dane },
    digest: { from: delivery.digest.from },
    ...(delivery.perDay ? { perDay: { letters: delivery.perDay.letters, octets: Math.round(delivery.perDay.MiB * 1_048_576) } } : {}),
    metered: delivery.links.filter((one) => one.metered).map((one) => one.interface),
    meteredBytes: delivery.meteredMaxBytes,
    queueMiB: settings.queue.maxMiB,
    spoolMiB: settings.queue.spoolMiB,
    silences: new Map(sources.flatMap(silenceOf)),
    ...(settings.reports ? { reports: settings.reports } : {}),
    mailbox: {
      keepMs: durationMs(settings.mailbox.keep),
      maxBytes: settings.mailbox.maxMiB * 1_048_576,
      users: settings.mailbox.users.map((user) => user.name),
    },
    noticesFor: settings.mailbox.users[0]?.name ?? 'operator',
    decoderOf: (id) => {
      const source = kinds.get(id)
      return source && 'decode' in source ? source.decode : id === sendmailSource ? 'mail' : 'auto'
    },
    decodingOf: (id) => {
      const source = kinds.get(id)
      return source && 'decoding' in source ? decodingOf(source.decoding) : {}
    },
    attachesRaw: (id) => {
      const source = kinds.get(id)
      return source !== undefined && 'attachRaw' in source && source.attachRaw
    },
    asksAgain: (id) => {
      const source = kinds.get(id)
      return source?.kind === 'serial' && source.acknowledge === 'protocol'
    },
    viaOf: (id) =>
      id === brokerSource || kinds.get(id)?.kind === 'mqtt' ? 'MQTT' : id === 'cli' ? 'CLI' : (kinds.get(id)?.kind ?? 'local'),
    groupOf: (id) => {
      const source = kinds.get(id)
      return source?.kind === 'mqtt' ? source.topics.flatMap((topic) => shareOf(topic)?.group ?? [])[0] : undefined
    },
    passesOn: (id) => {
      const source = kinds.get(id)
      return source?.kind === 'smtp' && source.as === 'letter'
    },
    senderOf: (id) => {
      const source = kinds.get(id)
      return source?.kind === 'smtp' ? source.sender : 'keep'
    },
    secret,
    pem,
  }
}

const decodingOf = ({
  columns,
  separator,
  pattern,
  paths,
  alr,
}: Extract<SourceSettings, { kind: 'serial' }>['decoding']): DecodeOptions => ({
  ...(columns === undefined ? {} : { columns }),
  ...(separator === undefined ? {} : { separator }),
  ...(pattern === undefined ? {} : { pattern }),
  ...(paths === undefined ? {} : { paths: Object.fromEntries(Object.entries(paths).filter(([, path]) => path !== undefined)) }),
  ...(alr === undefined ? {} : { alr }),
})

const silenceOf = (source: SourceSettings): [string, number][] =>
  'silentAfter' in source && source.silentAfter !== undefined ? [[source.id, durationMs(source.silentAfter)]] : []

const lookOf = ({ format, plot, json, maxBytes }: EffectiveSettings['mail']): Look => ({
  html: format === 'text+html',
  plot,
  json,
  maxBytes,
})

/** The settings have been checked. */
function hoursOf(id: string, text: string | undefined): [string, Hours][] {
  const hours = text === undefined ? undefined : parseHours(text)
  return typeof hours === 'object' ? [[id, hours]] : []
}

/** `Name <address>` or an address. */
export function mailboxOf(text: string): { name?: string; address: string } {
  const found = /^([^<]*)<([^<>]+)>$/.exec(text.trim())
  if (!found) return { address: text.trim() }
  const name = found[1]?.trim().replace(/^"(.*)"$/, '$1')
  return { address: found[2] ?? '', ...(name ? { name } : {}) }
}

export function relayOf(relay: Settings['relays'][number], options: RelayPlanOptions): RelayOptions {
  const ca = relay.ca === undefined ? undefined : options.pem.get(relay.ca)
  return {
    id: relay.id,
    host: relay.host,
    port: relay.port,
    security: relay.security,
    ehlo: options.settings.site.domain,
    timeoutMs: durationMs(relay.timeout),
    ...loginOf(relay.auth, options, ca),
    ...(ca === undefined ? {} : { ca }),
    ...(relay.pin === undefined ? {} : { pins: relay.pin }),
  }
}

function loginOf(
  auth: Settings['relays'][number]['auth'],
  { secret, refreshToken }: RelayPlanOptions,
  ca: string | undefined,
): Pick<RelayOptions, 'auth' | 'tokens'> {
  if (auth.kind === 'password') {
    const { user, password, mechanism: only } = auth
    return { auth: { kind: 'password', user, password: secret(password.secret) ?? '', ...(only === undefined ? {} : { only }) } }
  }
  if (auth.kind === 'none') return { auth }
  const { user, tokenUrl, clientId } = auth
  const clientSecret = auth.clientSecret && secret(auth.clientSecret.secret)
  const client = { user, tokenUrl, clientId, ...(clientSecret === undefined ? {} : { clientSecret }), ...(ca === undefined ? {} : { ca }) }
  return { auth: { kind: 'none' }, tokens: new RefreshedTokens(client, refreshToken(auth.refreshToken.secret)) }
}

function answersOf(
  { host, port, security, user, password, ca, pin, every }: NonNullable<EffectiveSettings['answers']>,
  { secret, pem }: Pick<PlanOptions, 'secret' | 'pem'>,
): { account: Pop3Account; everyMs: number } {
  const authority = ca === undefined ? undefined : pem.get(ca)
  const trust = { ...(authority === undefined ? {} : { ca: authority }), ...(pin ? { pins: pin } : {}) }
  return { account: { host, port, security, user, password: secret(password.secret) ?? '', trust }, everyMs: durationMs(every) }
}

/** No time before the build of the software is believable. */
export const knownTime = (plan: Plan): KnownTime => ({
  builtAt: instant(plan.builtAt),
  ...(plan.lastSync === undefined ? {} : { lastSync: { wall: instant(plan.lastSync) } }),
})
