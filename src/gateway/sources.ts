import { isSameSecret } from '../alert/same.ts'
import type { Ports } from '../ports/ports.ts'
import type { LineSettings } from '../ports/serial.ts'
import type { Spool } from '../queue/spool.ts'
import { hostAndPort, isIn, isLoopbackHost } from '../settings/address.ts'
import { durationMs } from '../settings/duration.ts'
import type { SourceSettings } from '../settings/schema.ts'
import { type EmbeddedOptions, embeddedBroker } from '../source/embedded.ts'
import { Hook } from '../source/hook.ts'
import { type ModbusOptions, type ModbusTools, modbusSource } from '../source/modbus.ts'
import { type MqttSourceOptions, mqttSource } from '../source/mqtt.ts'
import { type SerialSourceOptions, serialSource } from '../source/serial.ts'
import { SmtpSource, type SmtpSourceOptions } from '../source/smtp.ts'
import type { Source } from '../source/source.ts'
import { brokerSource, type Plan } from './plan.ts'

/** Every source of the settings that this version can listen to, the embedded broker among them. */
export function sourcesOf(plan: Plan, ports: Ports, tools: ModbusTools, spool: Spool): Source[] {
  const sources = plan.sources.flatMap((source) => sourceOf(source, plan, ports, tools, spool))
  const embedded = embeddedOptionsOf(plan)
  return embedded ? [...sources, embeddedBroker(embedded, ports.broker, tools)] : sources
}

function sourceOf(source: SourceSettings, plan: Plan, ports: Ports, tools: ModbusTools, spool: Spool): Source[] {
  if (source.kind === 'mqtt') return [mqttSource(mqttOptionsOf(source, plan), ports.broker, tools)]
  if (source.kind === 'smtp') return [new SmtpSource(smtpOptionsOf(source, plan, spool), ports.mailIn, tools)]
  if (source.kind === 'http') return [new Hook(source.id, tools)]
  if (source.kind === 'modbus') return [modbusSource(modbusOptionsOf(source), ports.serial, tools)]
  return source.kind === 'serial' ? [serialSource(serialOptionsOf(source), ports.serial, tools)] : []
}

function smtpOptionsOf(
  { id, listen, protocol, allow, users, maxBytes, as }: Extract<SourceSettings, { kind: 'smtp' }>,
  plan: Plan,
  spool: Spool,
): SmtpSourceOptions {
  const people = new Map(plan.people.map((person) => [person.address.toLowerCase(), person.id]))
  const { domain } = plan.site
  // RFC 5321 section 4.5.1: with the domain and without.
  const postmasters = ['postmaster', `postmaster@${domain.toLowerCase()}`]
  // A mail is read where somebody has a mailbox; an alert names nobody, so any address of the site will do.
  const mailboxes = new Set(plan.mailbox.users.map((user) => `${user}@${domain}`.toLowerCase()))
  const isOfSite = (address: string) => (as === 'letter' ? mailboxes.has(address) : address.endsWith(`@${domain.toLowerCase()}`))
  const passwords = users.flatMap(({ name, password }): [string, string][] => {
    const known = plan.secret(password.secret)
    return known === undefined || known === '' ? [] : [[name, known]]
  })
  return {
    id,
    ...hostAndPort(listen),
    isLmtp: protocol === 'lmtp',
    name: domain,
    maxBytes,
    ...(plan.serverKey ? { key: plan.serverKey } : {}),
    isAllowed: (address) => isLoopbackHost(address) || isIn(address, allow),
    passwords: new Map(passwords),
    isKnown: (recipient) => {
      const small = recipient.toLowerCase()
      return people.has(small) || postmasters.includes(small) || isOfSite(small)
    },
    isSame: isSameSecret,
    ...(as === 'letter'
      ? {
          letters: {
            draft: () => spool.draft(),
            remove: (file: string) => spool.remove(file),
            whois: (recipient: string) => {
              const small = recipient.toLowerCase()
              return people.get(small) ?? (postmasters.includes(small) ? `${plan.noticesFor}@${domain}` : small)
            },
          },
        }
      : {}),
  }
}

/** undefined: it is switched off. */
export function embeddedOptionsOf({ broker, secret }: Plan): EmbeddedOptions | undefined {
  if (!broker.enabled) return undefined
  const users = broker.users.map((user) => ({ name: user.name, password: secret(user.password.secret) ?? '' }))
  return { id: brokerSource, listen: broker.listen, topics: broker.topics, users, maxClients: 64, maxBytes: 256 * 1024 }
}

function serialOptionsOf(source: Extract<SourceSettings, { kind: 'serial' }>): SerialSourceOptions {
  const { id, frame, acknowledge } = source
  return { id, line: lineOf(source), frame, acknowledge }
}

export const lineOf = ({ path, baudRate, dataBits, parity, stopBits, flow }: LineSettings): LineSettings => ({
  ...{ path, baudRate, dataBits, parity, stopBits, flow },
})

function modbusOptionsOf(source: Extract<SourceSettings, { kind: 'modbus' }>): ModbusOptions {
  const points = source.read.map(({ type, wordOrder, unit, text, severity, ...point }) => ({
    ...point,
    number: { type, wordOrder },
    ...(unit === undefined ? {} : { unit }),
    ...(text === undefined ? {} : { text }),
    ...(severity === undefined ? {} : { severity }),
  }))
  return { id: source.id, line: lineOf(source), everyMs: durationMs(source.every), answerMs: source.answerMs, points }
}

export function mqttOptionsOf(source: Extract<SourceSettings, { kind: 'mqtt' }>, plan: Plan): MqttSourceOptions {
  const { id, url, topics, qos, version, retained, username } = source
  const password = source.password && plan.secret(source.password.secret)
  const ca = source.ca === undefined ? undefined : plan.pem.get(source.ca)
  return {
    ...{ id, url, topics, qos, version, retained },
    clientId: source.clientId ?? `outpost-${plan.deviceId}-${id}`,
    keepaliveS: 60,
    maxBytes: 256 * 1024,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  }
}
