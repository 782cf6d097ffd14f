/**
 * Log: one JSON line an event, on standard error. `event` is a fixed phrase to search for, `facts` are the particulars.
 * Values of known secrets never pass (the Node implementation replaces them); control characters are escaped by JSON.
 */
export type Facts = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>
export type Level = 'debug' | 'info' | 'warning' | 'error'

export type Log = (level: Level, event: string, facts?: Facts) => void

export const silent: Log = () => {}

/** An error as a sentence, with the code when it has one. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && !error.message.includes(code) ? `${error.message} (${code})` : error.message
}

/** Whether a count passed a power of two: the log hears of the first, the second, the fourth … of a kind that may come by the thousand. */
export const worthTelling = (before: number, now: number): boolean =>
  before === 0 || Math.floor(Math.log2(now)) > Math.floor(Math.log2(before))
