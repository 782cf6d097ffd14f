/**
 * Segment: one file of the journal, of one size for ever. Its number is its name; its generation says which life of the file its records belong to.
 */
export type Segment = {
  number: number
  generation: number
  /** Octets that somebody needs. */
  live: number
  aside: Aside
}

/**
 * Set for one that could not be read in an earlier life and was put aside under another name: the oldest generation that counted then. Nothing is
 * ever written to it.
 */
export type Aside = number | undefined

/** Where a record lies. */
export type Place = { segment: number; offset: number; bytes: number }

export const segmentName = (number: number, aside?: Aside): string =>
  `${String(number).padStart(6, '0')}${aside === undefined ? '.seg' : `-${aside}.bad`}`

/** What a name in the journal's directory says; undefined for a foreign file. */
export function segmentNamed(name: string): { number: number; aside: Aside } | undefined {
  const found = /^(\d{6})(?:\.seg|-(\d+)\.bad)$/.exec(name)
  return found ? { number: Number(found[1]), aside: found[2] === undefined ? undefined : Number(found[2]) } : undefined
}
