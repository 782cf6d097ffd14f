import type { Severity } from '../alert/alert.ts'
import type { Hours } from './hours.ts'

/** What an alert must be like. `severity` means this or worse; `key` is a glob; `text` an RE2 pattern; all that are given must match. */
export type Matcher = { source?: string; key?: string; severity?: Severity; text?: string }

/**
 * Who hears of what, when and how often. Durations in ms. What a rule says of keeping and repeating counts for the first rule that takes an alert;
 * rules behind a `continue` only add recipients.
 */
export type Rule = {
  id: string
  /** `field`: a condition (`condition.ts`). A rule with one is about a level: it is raised when the condition holds, and over when it does not. */
  when: Matcher & { field?: string }
  /** Ids of people, or addresses. */
  to: string[]
  /** Later rules are asked, too. */
  continue?: boolean
  /** Raised for less than this: nobody is told. */
  hold?: number
  /** A level is over only below or above this number, not where the condition ends. */
  clearBelow?: number
  clearAbove?: number
  /** Waits between reminders while it lasts and nobody has acknowledged it; the last one repeats. */
  repeat?: readonly number[]
  /** Alerts alike in these members wait `wait` for each other, and come as one letter at most every `interval`. */
  group?: { by: readonly string[]; wait: number; interval: number }
  /** Who else is told when nobody has acknowledged it in time. */
  escalate?: { after: number; to: readonly string[] }
  /** Letters in a span; more are told together when it is over. */
  limit?: Rate
  /** Comings and goings in a span, from which on it chatters: it is told once more, and then when it has been calm for as long. */
  chatter?: Rate
  /** Default true. */
  recovery?: boolean
  /** When it may be told; what is critical always is. */
  hours?: Hours
  /** Rules whose alerts, while they last, explain those of this one. */
  inhibitedBy?: readonly string[]
}

export type Rate = { count: number; spanMs: number }

const spans: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** `20/h`, `6/10m`: at most so many in such a span; 1 to 200. undefined: it is written otherwise. */
export function parseRate(text: string): Rate | undefined {
  const found = /^([1-9]\d{0,2})\/([1-9]\d{0,3})?(s|m|min|h|d)$/.exec(text.trim())
  const count = Number(found?.[1])
  if (!found || count > 200) return undefined
  return { count, spanMs: Number(found[2] ?? 1) * (spans[found[3] ?? ''] ?? 0) }
}
