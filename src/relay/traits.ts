/**
 * Traits: what a relay showed of itself on earlier flights, so that the next one asks nothing twice. Pure.
 *
 * A skill that failed is not tried again for a day: servers are mended, and proxies in front of them change. What a relay offers is still read
 * from its EHLO every time; a trait only says whether the offer can be relied on.
 */
export const skills = ['pipelining', 'chunking', 'together'] as const
/** `together`: AUTH and the first letters in one flight. */
export type Skill = (typeof skills)[number]

export type Traits = {
  /** When it was last seen to work or to fail, in ms of the wall clock. */
  skills: Partial<Record<Skill, { good: boolean; at: number }>>
  /** Connections at once that it tolerated, and when that was learned. */
  connections?: { most: number; at: number } | undefined
  /** Letters in the air at once; fewer after a line that broke with letters on it. */
  window?: number
}

/** What one flight is told: true it works, false it does not, missing unknown. */
export type KnownSkills = Partial<Record<Skill, boolean>> & { windowLetters?: number }

export const unknownTraits: Traits = { skills: {} }

const forgetMs = 24 * 3_600_000
/** RFC 1047: each letter in the air may come twice when the line breaks. */
export const mostInAir = 64
const leastInAir = 2
/** Nodemailer and Postfix stay at five and below with one relay; providers that limit do so at about this. */
export const mostConnections = 5

/** What may be relied on at `now` (wall ms). A skill that failed long ago, or in a future that a clock made up, is unknown again. */
export function knownAt(traits: Traits, now: number): KnownSkills {
  const known: KnownSkills = { windowLetters: traits.window ?? mostInAir }
  for (const skill of skills) {
    const seen = traits.skills[skill]
    if (seen && (seen.good || Math.abs(now - seen.at) < forgetMs)) known[skill] = seen.good
  }
  return known
}

export const learned = (traits: Traits, skill: Skill, good: boolean, now: number): Traits => ({
  ...traits,
  skills: { ...traits.skills, [skill]: { good, at: now } },
})

/** Connections worth having at once, as far as it is known; a limit is forgotten after a day. */
export const connectionsAt = (traits: Traits, now: number): number =>
  traits.connections && Math.abs(now - traits.connections.at) < forgetMs ? traits.connections.most : mostConnections

export const limited = (traits: Traits, most: number, now: number): Traits => ({
  ...traits,
  connections: { most: Math.max(1, most), at: now },
})

/** A line that broke with letters in the air halves the window, a flight that ended well doubles it: few twins on bad lines, few waits on good ones. */
export function widened(traits: Traits, wentWell: boolean): Traits {
  const now = traits.window ?? mostInAir
  const window = wentWell ? Math.min(mostInAir, now * 2) : Math.max(leastInAir, Math.floor(now / 2))
  return window === now ? traits : { ...traits, window }
}
