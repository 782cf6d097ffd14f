import type { Certificate, TlsFacts } from '../../ports/net.ts'

/** Certificates in words, for the person who has to renew or pin them. */
const dayMs = 86_400_000
/** Time enough to reach whoever renews it. */
const soonDays = 14

/** Whole days until it ends; negative when it has ended. */
export const daysLeft = (one: Certificate, now: number): number => Math.floor((one.validTo - now) / dayMs)

const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
const days = (count: number): string => `${count} day${count === 1 ? '' : 's'}`

export function validity(one: Certificate, now: number): string {
  const left = daysLeft(one, now)
  if (one.validFrom > now) return `valid only from ${dateOf(one.validFrom)} on`
  if (left < 0) return `expired ${days(-left)} ago, on ${dateOf(one.validTo)}`
  return `${days(left)} left, to ${dateOf(one.validTo)}`
}

/** A line for each certificate, the server's own first. */
export const chainInWords = (chain: readonly Certificate[], now: number): string[] =>
  chain.map((one) => {
    const names = one.names.length > 0 ? ` (${one.names.join(', ')})` : ''
    const by = one.selfSigned ? 'by itself' : `by ${one.issuer}`
    return `certificate of ${one.subject}${names}, ${by}: ${validity(one, now)}; SHA-256 ${one.fingerprint}`
  })

export function tlsInWords(facts: TlsFacts, now: number): string {
  const [own] = facts.chain
  if (!own) return `${facts.protocol}, ${facts.cipher}.`
  const first = facts.chain.reduce((least, one) => (one.validTo < least.validTo ? one : least))
  const soon = daysLeft(first, now) < soonDays ? `; that of ${first.subject} must be renewed soon` : ''
  return `${facts.protocol}, ${facts.cipher}; certificate of ${own.subject} by ${own.selfSigned ? 'itself' : own.issuer}, ${validity(own, now)}${soon}.`
}
