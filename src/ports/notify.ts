/**
 * Tells the service manager how this service is: `READY=1`, `STATUS=All well.`, `WATCHDOG=1`, `STOPPING=1` (sd_notify(3)). Resolves with undefined, or with a sentence: it cannot be told,
 * and why.
 */
export type Notify = (...assignments: readonly string[]) => Promise<string | undefined>
