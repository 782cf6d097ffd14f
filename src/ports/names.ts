/**
 * Names: what the DNS says of a name. An answer, the denial of one, and the failure to get one are three different values, because a letter is
 * sent, refused or kept back by them (RFC 5321 section 5.1). Nothing here rejects.
 */
export type MailExchange = {
  /** Lower is tried first. */
  preference: number
  /** A host name in small letters, without the last dot; '' for the root, which is a null MX (RFC 7505). */
  exchange: string
}

/** One TLSA record (RFC 6698 section 2.1), as it came: whether it can be used is another question. */
export type Tlsa = { usage: number; selector: number; matching: number; data: Uint8Array }

/**
 * `authenticated` is the AD bit of the answers, all along a chain of aliases: the name server says that it has verified the signatures. What that is worth
 * depends on the server and on the way to it.
 */
export type Looked<T> =
  /** At least one record. `name` is the owner of the records: the name that was asked for, or the end of its aliases. */
  | { kind: 'found'; records: readonly T[]; name: string; authenticated: boolean }
  /** The name exists and has no record of this type. */
  | { kind: 'none'; authenticated: boolean }
  | { kind: 'nxdomain'; authenticated: boolean }
  /** Nobody knows for now: SERVFAIL, no answer, a refusal, nonsense. `why` is a sentence. */
  | { kind: 'fault'; why: string }

export interface Names {
  mx(domain: string): Promise<Looked<MailExchange>>
  /** A and AAAA together, IPv4 first. `fault` only when nothing was found and a question was left open. */
  addresses(host: string): Promise<Looked<string>>
  /** One text a record, its strings joined (RFC 7208 section 3.3), octets above 0x7E as Latin-1. */
  txt(name: string): Promise<Looked<string>>
  /** `name` with the port in front: `_25._tcp.mx.example.org`. */
  tlsa(name: string): Promise<Looked<Tlsa>>
  /** What `name` itself is an alias of, without following it further. */
  alias(name: string): Promise<Looked<string>>
}

/** `servers` are `address`, `address:port` or `[address]:port`, asked in their order; none: those of the system. */
export type NamesOf = (servers: readonly string[]) => Names
