import type { Fault, Stage } from '../outcome.ts'
import type { Security } from '../security.ts'

/** Trouble: what a cure is looked up by, and the rows of the tables that have them. */
export type Trouble = Fault & {
  /** What came where a reply was due, and was none; or the greeting, when the next reply is the trouble. */
  said?: string
  /** The mechanisms of the login that were offered. */
  offered?: string
}

/** The relay as the settings have it; `direct`: it is not in the settings, but a host of the recipient's domain. */
export type Approach = { host: string; port: number; security: Security; user?: string; direct?: true }

export type Row = {
  stage?: readonly Stage[]
  /** Reply codes, or their first digits. */
  reply?: readonly number[]
  /** Enhanced code or words of the reply. */
  words?: RegExp
  /** An errno or OpenSSL name. */
  code?: RegExp
  said?: RegExp
  when?: (trouble: Trouble, approach: Approach) => boolean
  /** What the fault knows by itself fits better. */
  general?: boolean
  cure: string | ((trouble: Trouble, approach: Approach) => string)
}
