/**
 * MTA-STS (RFC 8461): what a domain says of its hosts and their certificates, by way of a web server whose own certificate is verified. Pure: reading
 * what came, and asking it about a host. policies.ts fetches and keeps it.
 */
export type Policy = {
  mode: 'enforce' | 'testing' | 'none'
  /** Host names and `*.domain` patterns, in small letters. */
  mx: readonly string[]
  maxAgeS: number
}

/** A year; larger values count as that (section 3.2). */
const longestAgeS = 31_557_600
/** A policy of 64 KiB with the shortest names. */
const patternsLimit = 1000

const labels = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*'
const patternPattern = new RegExp(`^(?:\\*\\.)?${labels}$`)

/**
 * The id in the TXT records of `_mta-sts.DOMAIN`; undefined when there is not exactly one record of this kind, or it is not well formed: then the
 * domain has no policy to be had (section 3.1).
 */
export function policyId(texts: readonly string[]): string | undefined {
  const ours = texts.filter((text) => /^v=STSv1[ \t]*;/.test(text))
  const [record = ''] = ours
  if (ours.length !== 1) return undefined
  // Blanks may stand around each semicolon, also the last.
  const parts = record.split(';')
  const fields = parts.map((part, index) => (index + 1 < parts.length ? part.trim() : part.trimStart()))
  if (fields.at(-1) === '') fields.pop()
  const pairs = fields.slice(1).map((field) => /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*=[ \t]*([\x21-\x3a\x3c\x3e-\x7e]+)$/.exec(field))
  if (pairs.some((pair) => pair === null)) return undefined
  const id = pairs.find((pair) => pair?.[1] === 'id')?.[2]
  return id !== undefined && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : undefined
}

/** The text of a policy (section 3.2); a sentence when it is none. Fields that are not known are passed over, and the first of two alike counts. */
export function policyOf(text: string): Policy | string {
  const lines = text.split(/\r?\n/)
  while (lines.at(-1)?.trim() === '') lines.pop()
  const pairs = lines.map((line) => /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):(.*)$/.exec(line))
  const wrong = pairs.indexOf(null)
  if (wrong >= 0) return `Line ${wrong + 1} of the policy is not "name: value".`
  const value = (name: string) => pairs.find((pair) => pair?.[1] === name)?.[2]?.trim()
  if (value('version') !== 'STSv1') return 'The policy is not of version STSv1.'
  const mode = value('mode')
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return 'The policy has no mode that is known.'
  const age = value('max_age') ?? ''
  if (!/^\d{1,10}$/.test(age)) return 'The policy does not say how long it holds.'
  const mx = pairs.flatMap((pair) => (pair?.[1] === 'mx' ? [(pair[2] ?? '').trim().toLowerCase()] : []))
  if (mx.length === 0 && mode !== 'none') return 'The policy names no host.'
  if (mx.length > patternsLimit) return `The policy names more than ${patternsLimit} hosts.`
  const odd = mx.find((pattern) => !patternPattern.test(pattern))
  if (odd !== undefined) return `The policy names ${JSON.stringify(odd.slice(0, 80))}, which is no host.`
  return { mode, mx, maxAgeS: Math.min(Number(age), longestAgeS) }
}

/** Whether the policy names this host: `*` stands for exactly one label, the leftmost (section 4.1). */
export function allows(policy: Policy, host: string): boolean {
  const name = host.toLowerCase()
  const behind = name.slice(name.indexOf('.') + 1)
  return policy.mx.some((pattern) => (pattern.startsWith('*.') ? name.includes('.') && pattern.slice(2) === behind : pattern === name))
}
