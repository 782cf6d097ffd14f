/** What was written down comes back as anything: lists of it, and pairs by name. */
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
export const pairsOf = (value: unknown): [string, unknown][] =>
  listOf(value).filter((pair): pair is [string, unknown] => Array.isArray(pair) && typeof pair[0] === 'string')
