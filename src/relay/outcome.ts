/** What became of one recipient of one letter. The words are those of docs/promises.md; `why` is a sentence for the person at the page. */
export type Reply = { code: number; enhanced?: string; text: string }

export type Outcome =
  | { kind: 'delivered'; reply: Reply }
  | { kind: 'deferred'; why: string; reply?: Reply }
  | { kind: 'refused'; why: string; reply?: Reply }
  | { kind: 'uncertain'; why: string }

/** Where a relay failed. Only `mail`, `rcpt`, `data` and `content` say anything about a letter. */
export type Stage = 'dns' | 'connect' | 'tls' | 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'content' | 'quit'

/**
 * A fault of the relay or of the way there: the letters wait. `hold` keeps the relay untouched until somebody changes the settings or asks
 * for a retry (535: providers lock out), else it is tried again after a back-off. `clock`: our clock is to blame, not the relay. `token`: an
 * access token was refused, which may only have expired.
 */
export type Fault = { stage: Stage; why: string; hint?: string; hold?: boolean; clock?: boolean; token?: boolean; reply?: Reply }

/** How one connection went. */
export type FlightReport = {
  fault?: Fault
  /** Letters for which every recipient was settled or deferred in this flight. */
  letters: number
  /** Octets of TCP payload, round trips waited for. */
  sent: number
  received: number
  turns: number
}
