import type { Reply } from '../outcome.ts'

/** Offers: what a server can do, out of its reply to EHLO (RFC 5321 section 4.1.1.1), and in words. */
export type Offer = { keyword: string; parameters: string }

/** Without the first line, which is its name. */
export const offersOf = (reply: Reply): Offer[] =>
  reply.text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      // Old servers write AUTH=LOGIN.
      const found = /^([A-Za-z0-9][A-Za-z0-9-]*)[ =]?(.*)$/.exec(line)
      return found ? [{ keyword: (found[1] ?? '').toUpperCase(), parameters: (found[2] ?? '').trim() }] : []
    })

export const offered = (offers: readonly Offer[], keyword: string): string | undefined =>
  offers.find((offer) => offer.keyword === keyword)?.parameters

/** A firewall that does not let an offer through writes X over it, so that the lengths stay. */
export const overwritten = (offers: readonly Offer[]): boolean => offers.some((offer) => /^X{4,}[A-Z]?$/.test(offer.keyword))

const meanings: Readonly<Record<string, string | ((parameters: string) => string)>> = {
  SIZE: (octets) => (Number(octets) > 0 ? `takes letters of up to ${sizeOf(Number(octets))}` : 'takes letters of any size'),
  STARTTLS: 'can begin TLS',
  PIPELINING: 'takes many commands in one round trip',
  CHUNKING: 'takes letters as counted octets (BDAT)',
  DSN: 'reports what becomes of a letter',
  '8BITMIME': 'takes 8-bit text',
  SMTPUTF8: 'takes addresses beyond ASCII',
  ENHANCEDSTATUSCODES: 'gives its reasons as codes',
  REQUIRETLS: 'can promise TLS for the whole way',
  AUTH: (names) => `login by ${names.split(/\s+/).map(mechanism).join(', ')}`,
}

export const offersInWords = (offers: readonly Offer[]): string[] =>
  offers.map(({ keyword, parameters }) => {
    const meaning = Object.hasOwn(meanings, keyword) ? meanings[keyword] : undefined
    const words = typeof meaning === 'function' ? meaning(parameters) : meaning
    return [keyword, parameters].filter(Boolean).join(' ') + (words === undefined ? '' : `: ${words}`)
  })

const sizeOf = (octets: number): string =>
  octets >= 1_000_000 ? `${Math.round(octets / 100_000) / 10} MB` : `${Math.round(octets / 100) / 10} kB`

function mechanism(name: string): string {
  const upper = name.toUpperCase()
  if (upper === 'PLAIN' || upper === 'LOGIN') return `password (${upper})`
  if (upper === 'CRAM-MD5' || upper.startsWith('SCRAM-') || upper === 'DIGEST-MD5') return `password that is not shown (${upper})`
  if (upper === 'XOAUTH2' || upper === 'OAUTHBEARER') return `OAuth 2 token (${upper})`
  if (upper === 'NTLM' || upper === 'GSSAPI') return `Windows domain (${upper})`
  if (upper === 'EXTERNAL') return 'client certificate (EXTERNAL)'
  return upper
}
