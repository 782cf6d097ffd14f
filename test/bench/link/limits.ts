import { letterOctets } from './letters.ts'
import type { LinkName } from './trials.ts'
import { links, wireSeconds } from './trials.ts'

/** What one trial on one link came to. */
export type Result = {
  letters: number
  first: number
  all: number
  /** Letters that the relay never took, and those that it took more than once. */
  lost: number
  again: number
  connections: number
  /** Of the connection that needed most. */
  turns: number
  upPerLetter: number
  downPerLetter: number
  cpuSeconds: number
  grown: number
}

/** By `trial/link`, and further runs of the same by `trial/link/run`. */
export type Results = ReadonlyMap<string, Result>

export type Limit = { what: string; measured: number; atMost: number; holds: boolean }

/** Of 50 letters to a relay that is known: turns of the connection, and octets of TCP's payload a letter. */
export const known = {
  turns: { tls: 10, starttls: 12 },
  upPerLetter: letterOctets + 120,
  downPerLetter: 140,
} as const

const secondsTls = 5.5
const secondsDigest = 12
/** Over what the wire itself takes. */
const wireShare = 1.15
const grownMiB = 16

export const resultOf = (results: Results, trial: string, link: LinkName): Result => {
  const found = results.get(`${trial}/${link}`)
  if (!found) throw new Error(`${trial} was not tried on the ${link} link`)
  return found
}

/** What the product promises of thin links, against what was measured. */
export function limits(results: Results): Limit[] {
  const overTls = resultOf(results, 'outpost', 'satellite')
  const starttls = resultOf(results, 'outpost-starttls', 'satellite')
  const data = resultOf(results, 'outpost-data', 'satellite')
  const pool = resultOf(results, 'nodemailer-5', 'satellite')
  const thin = resultOf(results, 'outpost', 'thin')
  const digest = resultOf(results, 'outpost-digest', 'thin')
  const many = resultOf(results, 'outpost-10000', 'none')
  const manyOfPool = resultOf(results, 'nodemailer-10000', 'none')
  const own = [...results].filter(([name]) => name.startsWith('outpost')).map(([, result]) => result)
  const limit = (what: string, measured: number, atMost: number): Limit => ({ what, measured, atMost, holds: measured <= atMost })
  return [
    limit('turns for 50 letters over implicit TLS', overTls.turns, known.turns.tls),
    limit('seconds for 50 letters over implicit TLS, RTT 600 ms', overTls.all, secondsTls),
    limit('turns for 50 letters over STARTTLS', starttls.turns, known.turns.starttls),
    limit("seconds without CHUNKING, against nodemailer's pool of 5", data.all, pool.all),
    limit("seconds at 64 kbit/s, against 1.15 of the wire's own time", thin.all, wireShare * wireSeconds(links.thin, thin.letters)),
    limit('seconds for 50 alerts as one digest at 64 kbit/s, relay not known', digest.all, secondsDigest),
    limit('octets up a letter', overTls.upPerLetter, known.upPerLetter),
    limit('octets down a letter', overTls.downPerLetter, known.downPerLetter),
    limit(
      'letters that were lost in any run',
      own.reduce((sum, one) => sum + one.lost, 0),
      0,
    ),
    limit(
      'letters that came twice in any run',
      own.reduce((sum, one) => sum + one.again, 0),
      0,
    ),
    limit('MiB that the memory grows by while 10,000 letters leave', many.grown / 1048576, grownMiB),
    limit(
      "CPU milliseconds a letter, against nodemailer's",
      (many.cpuSeconds / many.letters) * 1000,
      (manyOfPool.cpuSeconds / manyOfPool.letters) * 1000,
    ),
  ]
}
