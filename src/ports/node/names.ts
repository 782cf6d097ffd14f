import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Looked, MailExchange, Names, Tlsa } from '../names.ts'
import { exchange, type Server, textOf } from './dns-exchange.ts'
import { type DnsRecord, type Message, queryOf, rcodes, type Type } from './dns-message.ts'

/** The Names port over UDP and TCP sockets: a stub resolver, so it needs a name server that follows questions to their end. */

/** RFC 1034 gives no number for a chain of aliases; name servers stop at 8 to 16. */
const aliasesLimit = 8
/** As the C library has it. */
const serversLimit = 3
/** For each server, first and second time round: with three servers 30 s in all, the time that a look-up may take (relay/ask.ts). */
const patienceMs: readonly number[] = [3000, 7000]
const systemFile = '/etc/resolv.conf'

export type NamesOptions = { patienceMs?: readonly number[]; systemFile?: string }

export class NodeNames implements Names {
  readonly #servers: readonly string[]
  readonly #patienceMs: readonly number[]
  readonly #systemFile: string

  constructor(servers: readonly string[], options: NamesOptions = {}) {
    this.#servers = servers
    this.#patienceMs = options.patienceMs ?? patienceMs
    this.#systemFile = options.systemFile ?? systemFile
  }

  mx(domain: string): Promise<Looked<MailExchange>> {
    return this.#look(domain, 'MX', (record) =>
      record.type === 'MX' ? { preference: record.preference, exchange: record.exchange } : undefined,
    )
  }

  async addresses(host: string): Promise<Looked<string>> {
    const addressOf = (record: DnsRecord) => (record.type === 'A' || record.type === 'AAAA' ? record.address : undefined)
    const both = await Promise.all([this.#look(host, 'A', addressOf), this.#look(host, 'AAAA', addressOf)])
    return together(both)
  }

  txt(name: string): Promise<Looked<string>> {
    return this.#look(name, 'TXT', (record) => (record.type === 'TXT' ? record.text : undefined))
  }

  tlsa(name: string): Promise<Looked<Tlsa>> {
    return this.#look(name, 'TLSA', (record) => {
      if (record.type !== 'TLSA') return undefined
      const { usage, selector, matching, data } = record
      return { usage, selector, matching, data }
    })
  }

  async alias(name: string): Promise<Looked<string>> {
    const answer = await this.#ask(name, 'CNAME')
    if ('why' in answer) return { kind: 'fault', why: answer.why }
    const { rcode, authenticated, answers } = answer.message
    if (rcode === rcodes.NXDOMAIN) return { kind: 'nxdomain', authenticated }
    const records = answers.flatMap((record) => (record.type === 'CNAME' && record.owner === name.toLowerCase() ? [record.target] : []))
    return records.length === 0 ? { kind: 'none', authenticated } : { kind: 'found', records, name: name.toLowerCase(), authenticated }
  }

  async #look<T>(name: string, type: Type, pick: (record: DnsRecord) => T | undefined): Promise<Looked<T>> {
    // A name that does not fit into a question cannot exist.
    if (!queryOf({ id: 0, name, type, edns: false })) return { kind: 'nxdomain', authenticated: false }
    let at = name.toLowerCase()
    let authenticated = true
    // Name servers follow aliases; one that gives only a part of the chain is asked for the rest.
    for (let parts = 0; parts <= aliasesLimit; parts++) {
      const answer = await this.#ask(at, type)
      if ('why' in answer) return { kind: 'fault', why: answer.why }
      const { message } = answer
      authenticated &&= message.authenticated
      const end = endOfAliases(message, at)
      if (end === undefined) return { kind: 'fault', why: `The aliases of ${name} run in a circle, or are more than ${aliasesLimit}.` }
      if (message.rcode === rcodes.NXDOMAIN) return { kind: 'nxdomain', authenticated }
      const records = message.answers.flatMap((record) => (record.owner === end ? [pick(record)] : [])).filter((one) => one !== undefined)
      if (records.length > 0) return { kind: 'found', records, name: end, authenticated }
      if (end === at || message.denied) return { kind: 'none', authenticated }
      at = end
    }
    return { kind: 'fault', why: `The aliases of ${name} run in a circle, or are more than ${aliasesLimit}.` }
  }

  /** NOERROR or NXDOMAIN from the first server that says so; otherwise why none did. */
  async #ask(name: string, type: Type): Promise<{ message: Message } | { why: string }> {
    let why = 'There is no name server: neither delivery.dns nor the system names one.'
    for (const timeoutMs of this.#patienceMs)
      for (const server of this.#current()) {
        const answer = await exchange(server, name, type, timeoutMs)
        if ('why' in answer) why = answer.why
        else if (answer.message.rcode === rcodes.NOERROR || answer.message.rcode === rcodes.NXDOMAIN) return answer
        else why = `The name server ${textOf(server)} answered ${rcodeName(answer.message.rcode)} when asked for ${type} of ${name}.`
      }
    return { why }
  }

  /** Those of the settings; else the system's, read each time: on a device that moves they change with the link. */
  #current(): Server[] {
    const named = this.#servers.map(serverOf)
    return (named.length > 0 ? named : systemServers(this.#systemFile)).filter((server) => server !== undefined).slice(0, serversLimit)
  }
}

/** Where the aliases in an answer lead from `name`; undefined when they run in a circle. */
function endOfAliases(message: Message, name: string): string | undefined {
  let at = name
  for (let steps = 0; steps <= aliasesLimit; steps++) {
    const alias = message.answers.find((record) => record.type === 'CNAME' && record.owner === at)
    if (alias?.type !== 'CNAME') return at
    at = alias.target
  }
  return undefined
}

function together(both: readonly Looked<string>[]): Looked<string> {
  const found = both.filter((one) => one.kind === 'found')
  const first = found[0]
  if (first) {
    const authenticated = found.every((one) => one.authenticated)
    return { kind: 'found', records: found.flatMap((one) => one.records), name: first.name, authenticated }
  }
  return (
    both.find((one) => one.kind === 'fault') ??
    both.find((one) => one.kind === 'nxdomain') ??
    both[0] ?? { kind: 'none', authenticated: false }
  )
}

/** `address`, `address:port` or `[address]:port`; undefined when it is none of these. */
export function serverOf(text: string): Server | undefined {
  if (isIP(text)) return { address: text, port: 53 }
  const found = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const address = found?.[1] ?? found?.[2] ?? ''
  const port = Number(found?.[3] ?? 53)
  return isIP(address) && port > 0 && port <= 65_535 ? { address, port } : undefined
}

function systemServers(file: string): (Server | undefined)[] {
  try {
    return [...readFileSync(file, 'utf8').matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map((found) => serverOf(found[1] ?? ''))
  } catch {
    return []
  }
}

const rcodeName = (rcode: number): string => Object.entries(rcodes).find(([, code]) => code === rcode)?.[0] ?? `error ${rcode}`
