import type { Tlsa } from '../../src/ports/names.ts'

/**
 * A little world of names for tests: served over real sockets by test/peers/dns.ts, and without any by test/sim/world/names.ts. Both answer as a
 * name server does that follows aliases to their end.
 */
export type RecordType = 'a' | 'aaaa' | 'cname' | 'mx' | 'txt' | 'tlsa'

export type Named = {
  a?: readonly string[]
  aaaa?: readonly string[]
  cname?: string
  mx?: readonly (readonly [preference: number, exchange: string])[]
  /** The strings of each record. */
  txt?: readonly (readonly string[])[]
  tlsa?: readonly Tlsa[]
  /** The name lies in a signed zone: answers about it are authenticated. */
  secure?: boolean
  /** Every question for it fails, or those for a type. */
  fails?: Failing | Partial<Record<RecordType, Failing>>
}

/** What anybody can see. How a server does it is dns.ts's business. */
export type Failing = 'servfail' | 'refused' | 'silent' | 'garbage'

export type Zone = Record<string, Named>

export const failing = (named: Named | undefined, type: RecordType): Failing | undefined =>
  typeof named?.fails === 'string' ? named.fails : named?.fails?.[type]

export const has = (named: Named, type: RecordType): boolean => type === 'cname' || named[type] !== undefined
