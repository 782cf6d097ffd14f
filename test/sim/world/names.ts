import type { Looked, MailExchange, Names, Tlsa } from '../../../src/ports/names.ts'
import { failing, type Named, type RecordType, type Zone } from '../../peers/zone.ts'
import type { Timeline } from './timeline.ts'

const aliasesLimit = 8

/** The names of a zone, on the timeline. Without a link nobody answers. */
export class SimNames implements Names {
  zone: Zone
  up = true
  readonly asked: string[] = []
  /** How long an answer takes, and how long one waits for none, in ms. */
  delayMs = 20
  patienceMs = 10_000
  readonly #timeline: Timeline | undefined

  /** Without a timeline the answer is there at once. */
  constructor(zone: Zone, timeline?: Timeline) {
    this.zone = zone
    this.#timeline = timeline
  }

  mx(domain: string): Promise<Looked<MailExchange>> {
    return this.#look(domain, 'mx', ({ mx = [] }) => mx.map(([preference, exchange]) => ({ preference, exchange: exchange.toLowerCase() })))
  }

  async addresses(host: string): Promise<Looked<string>> {
    const [v4, v6] = await Promise.all([
      this.#look(host, 'a', ({ a = [] }) => [...a]),
      this.#look(host, 'aaaa', ({ aaaa = [] }) => [...aaaa]),
    ])
    if (v4.kind === 'found' && v6.kind === 'found')
      return { ...v4, records: [...v4.records, ...v6.records], authenticated: v4.authenticated && v6.authenticated }
    const order = ['found', 'fault', 'nxdomain', 'none']
    return order.indexOf(v6.kind) < order.indexOf(v4.kind) ? v6 : v4
  }

  txt(name: string): Promise<Looked<string>> {
    return this.#look(name, 'txt', ({ txt = [] }) => txt.map((strings) => strings.join('')))
  }

  tlsa(name: string): Promise<Looked<Tlsa>> {
    return this.#look(name, 'tlsa', ({ tlsa = [] }) => [...tlsa])
  }

  alias(name: string): Promise<Looked<string>> {
    return this.#look(name, 'cname', ({ cname }) => (cname === undefined ? [] : [cname.toLowerCase()]))
  }

  async #look<T>(asked: string, type: RecordType, valuesOf: (named: Named) => T[]): Promise<Looked<T>> {
    this.asked.push(`${type.toUpperCase()} ${asked.toLowerCase()}`)
    const answer = this.up ? this.#find(asked.toLowerCase(), type, valuesOf) : ({ kind: 'fault', why: 'No name server answered.' } as const)
    const delayMs = answer.kind === 'fault' ? this.patienceMs : this.delayMs
    if (this.#timeline) await new Promise<void>((resolve) => void this.#timeline?.at(delayMs, resolve))
    return answer
  }

  #find<T>(asked: string, type: RecordType, valuesOf: (named: Named) => T[]): Looked<T> {
    let name = asked
    let authenticated = true
    for (let steps = 0; steps <= aliasesLimit; steps++) {
      const named = this.zone[name]
      const fails = failing(named, type)
      if (fails) return { kind: 'fault', why: `The name server answered ${fails} when asked for ${type} of ${name}.` }
      authenticated &&= named?.secure === true
      if (!named) return { kind: 'nxdomain', authenticated }
      if (type === 'cname' || named.cname === undefined) {
        const records = valuesOf(named)
        return records.length === 0 ? { kind: 'none', authenticated } : { kind: 'found', records, name, authenticated }
      }
      name = named.cname.toLowerCase()
    }
    return { kind: 'fault', why: `The aliases of ${asked} run in a circle.` }
  }
}
