import { type Clock, type Monotonic, monotonic } from '../../ports/clock.ts'
import { type Disk, isDiskError, replaceFile } from '../../ports/disk.ts'
import { type Log, sentence } from '../../ports/log.ts'
import type { Names } from '../../ports/names.ts'
import type { Net } from '../../ports/net.ts'
import { type Policy, policyId, policyOf } from './sts.ts'

/**
 * Policies: the MTA-STS policies of the domains that get mail from here, kept over restarts for as long as they say (RFC 8461 section 3.3). What is kept is
 * the point: who can suppress an answer today cannot make us forget what we knew yesterday.
 */
export type PoliciesOptions = {
  disk: Disk
  clock: Clock
  log: Log
  names: Names
  /** HTTPS with a verified certificate; follows no redirect, keeps no copy. */
  request: Net['request']
  /** The policies are kept in this directory, in `mta-sts.json`. */
  dir: string
  /** Further trusted certificates, PEM. */
  ca?: string
}

const fileName = 'mta-sts.json'
/** A site writes to few domains; the one that was fetched longest ago goes first. */
const domainsLimit = 128
/** Section 3.3 suggests these two. */
const timeoutMs = 60_000
const maxBytes = 65_536
/** How long a domain is not asked again, whatever the answer was: one TXT question, and at most one fetch, in this time. */
const againMs = 3_600_000

/** The part of its time after which a policy is fetched anew though its id is the same. */
const renewAt = 0.5

type Kept = { id: string; fetchedAt: number; policy: Policy }

export class Policies {
  readonly #options: PoliciesOptions
  readonly #kept: Map<string, Kept>
  readonly #looked = new Map<string, Monotonic>()
  readonly #looking = new Map<string, Promise<Policy | undefined>>()

  private constructor(options: PoliciesOptions, kept: Map<string, Kept>) {
    this.#options = options
    this.#kept = kept
  }

  /** Reads what an earlier life kept. A spoiled file is told and forgotten: the policies are there to be fetched again. */
  static async open(options: PoliciesOptions): Promise<Policies> {
    return new Policies(options, await keptIn(options))
  }

  /** What `domain` wants, as it is known now; undefined when it is not known to want anything. Never rejects. */
  of(domain: string): Promise<Policy | undefined> {
    const under = this.#looking.get(domain)
    if (under) return under
    const looking = this.#of(domain).finally(() => this.#looking.delete(domain))
    this.#looking.set(domain, looking)
    return looking
  }

  async #of(domain: string): Promise<Policy | undefined> {
    const { clock } = this.#options
    const now = clock.monotonic()
    if (now >= (this.#looked.get(domain) ?? 0)) {
      this.#looked.set(domain, monotonic(now + againMs))
      if (this.#looked.size > domainsLimit) this.#looked.delete(this.#looked.keys().next().value ?? '')
      await this.#look(domain)
    }
    const kept = this.#kept.get(domain)
    return kept && this.#ageOf(kept) <= 1 ? kept.policy : undefined
  }

  /** How much of its time is over, 1 being all. A clock that nobody has set cannot say that it is. */
  #ageOf({ fetchedAt, policy }: Kept): number {
    const { clock } = this.#options
    if (clock.synchronised() === 'no') return 0
    const age = (clock.wall() - fetchedAt) / (Math.max(1, policy.maxAgeS) * 1000)
    // Dated by a clock that was ahead, it would be kept for as long as that was: it is fetched anew.
    return age < 0 ? renewAt : age
  }

  /**
   * Asks for the id, and fetches the policy when it is another one or the kept one nears its end: a fault then leaves time for other tries. Without an
   * answer, what is kept stays.
   */
  async #look(domain: string): Promise<void> {
    const { names, clock, log } = this.#options
    const texts = await names.txt(`_mta-sts.${domain}`)
    const id = texts.kind === 'found' ? policyId(texts.records) : undefined
    const kept = this.#kept.get(domain)
    if (id === undefined || (kept?.id === id && this.#ageOf(kept) < renewAt)) return
    const policy = await this.#fetched(domain)
    if (typeof policy === 'string') {
      log('warning', 'mta-sts: a policy could not be had', { domain, why: policy, kept: kept !== undefined })
      return
    }
    this.#kept.delete(domain)
    this.#kept.set(domain, { id, fetchedAt: clock.wall(), policy })
    if (this.#kept.size > domainsLimit) this.#kept.delete(this.#kept.keys().next().value ?? '')
    await this.#keep()
  }

  async #fetched(domain: string): Promise<Policy | string> {
    const { request, ca } = this.#options
    const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`
    try {
      const answer = await request({ method: 'GET', url, timeoutMs, maxBytes, ...(ca === undefined ? {} : { ca }) })
      if (answer.status !== 200) return `${url} was answered with ${answer.status}.`
      const type = answer.headers['content-type'] ?? ''
      // A page made for people, as a captive portal or a parked domain has it, is no policy.
      if (!/^text\/plain[ \t]*(?:;|$)/i.test(type)) return `${url} is ${type || 'of no type'}, not text/plain.`
      return policyOf(Buffer.from(answer.body).toString('latin1'))
    } catch (error) {
      return sentence(error)
    }
  }

  async #keep(): Promise<void> {
    const { disk, dir, log } = this.#options
    try {
      await replaceFile(disk, dir, fileName, Buffer.from(`${JSON.stringify(Object.fromEntries(this.#kept), null, 2)}\n`))
    } catch (error) {
      log('warning', 'mta-sts: the policies could not be kept', { why: sentence(error) })
    }
  }
}

async function keptIn({ disk, dir, log }: PoliciesOptions): Promise<Map<string, Kept>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(await disk.read(`${dir}/${fileName}`)).toString())
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return new Map(entries.filter((entry): entry is [string, Kept] => isKept(entry[1])).slice(-domainsLimit))
  } catch (error) {
    if (!isDiskError(error, 'ENOENT')) log('warning', 'mta-sts: the kept policies cannot be read', { why: sentence(error) })
    return new Map()
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false
  const { id, fetchedAt, policy } = value as Partial<Kept>
  if (typeof id !== 'string' || typeof fetchedAt !== 'number' || typeof policy !== 'object' || policy === null) return false
  const { mode, mx, maxAgeS } = policy as Partial<Policy>
  return (
    ['enforce', 'testing', 'none'].includes(String(mode)) &&
    Array.isArray(mx) &&
    mx.every((one) => typeof one === 'string') &&
    typeof maxAgeS === 'number'
  )
}
