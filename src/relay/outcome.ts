import type { Certificate } from '../ports/net.ts'

/** What became of one recipient of one letter. The words are those of docs/promises.md; `why` is a sentence for the person at the page. */
export type Reply = { code: number; enhanced?: string; text: string }

export type Outcome =
  | { kind: 'delivered'; reply: Reply }
  /** `aboutUs`: it is the sender, the login or this box that is not wanted there; another relay may take the letter. */
  | { kind: 'deferred'; why: string; reply?: Reply; aboutUs?: true }
  | { kind: 'refused'; why: string; reply?: Reply }
  | { kind: 'uncertain'; why: string }

/** What a server offers in its answer to EHLO. */
export type Offers = {
  pipelining: boolean
  chunking: boolean
  dsn: boolean
  eightBit: boolean
  starttls: boolean
  /** Mechanisms, as the server names them. */
  auth: string
  /** Largest letter, in octets. */
  size: number | undefined
}

/** Where a relay failed. Only `mail`, `rcpt`, `data` and `content` say anything about a letter. */
export type Stage = 'dns' | 'connect' | 'tls' | 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'content' | 'quit'

/**
 * A fault of the relay or of the way there: the letters wait. `hold` keeps the relay untouched until somebody changes the settings or asks
 * for a retry (535: providers lock out), else it is tried again after a back-off. `clock`: our clock is to blame, not the relay. `again`: it was our
 * way of speaking, which is known better now: try at once. `token`: an access token was
 * refused, which may only have expired. `code` is an errno or OpenSSL name, `chain` the certificates that were not trusted.
 */
export type Fault = {
  stage: Stage
  why: string
  hint?: string
  hold?: boolean
  clock?: boolean
  again?: boolean
  token?: boolean
  reply?: Reply
  code?: string
  chain?: readonly Certificate[]
}

/** How one connection went. */
export type FlightReport = {
  fault?: Fault
  /** Letters for which every recipient was settled or deferred in this flight. */
  letters: number
  /** Letters whose fate the end of the connection left open. */
  uncertain: number
  /** Octets of TCP payload, round trips waited for. */
  sent: number
  received: number
  turns: number
}
