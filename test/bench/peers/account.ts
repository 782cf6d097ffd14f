import type { Accepted } from './alert.ts'

/** What became of the alerts of one run. */
export type Account = {
  published: number
  accepted: number
  /** Alerts that the relay took at least once. */
  delivered: number
  /** Accepted, and never delivered; and how many of these its queue had taken, where that is known. */
  lost: number
  lostFromQueue?: number
  /** Alerts that the relay took again, and of these times how many under a Message-ID that it knew already. */
  again: number
  sameMessageId: number
  /** Alerts that came first after one that was published later. */
  passed: number
}

/**
 * `names`: in the order in which they were published. `letters`: in the order in which the relay took them. `handed`: what its queue has taken,
 * of a peer that can lose something before.
 */
export function accountOf(
  names: readonly string[],
  accepted: ReadonlySet<string>,
  letters: readonly Accepted[],
  handed?: ReadonlySet<string>,
): Account {
  const place = new Map(names.map((name, index) => [name, index]))
  const seen = new Set<string>()
  const messageIds = new Set<string>()
  let [again, sameMessageId, passed, last] = [0, 0, 0, -1]
  for (const { messageId, alerts } of letters) {
    const known = messageId !== '' && messageIds.has(messageId)
    messageIds.add(messageId)
    for (const name of alerts) {
      const index = place.get(name)
      if (index === undefined) continue
      if (seen.has(name)) {
        again++
        if (known) sameMessageId++
        continue
      }
      seen.add(name)
      if (index < last) passed++
      else last = index
    }
  }
  const lost = names.filter((name) => accepted.has(name) && !seen.has(name))
  return {
    published: names.length,
    accepted: accepted.size,
    delivered: seen.size,
    lost: lost.length,
    again,
    sameMessageId,
    passed,
    ...(handed ? { lostFromQueue: lost.filter((name) => handed.has(name)).length } : {}),
  }
}

/** The value below which `part` of them lie; NaN of nothing. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
