import type { Severity } from '../alert/alert.ts'

/** Who hears of what. `severity` means this or worse; `key` is a glob; `text` an RE2 pattern; all that are given must match. */
export type Rule = {
  id: string
  when: { source?: string; key?: string; severity?: Severity; text?: string }
  /** Ids of people, or addresses. */
  to: string[]
  /** Later rules are asked, too. */
  continue?: boolean
}
