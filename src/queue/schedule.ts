/**
 * Schedule: when a deferred letter is tried again. Pure.
 *
 * RFC 5321 4.5.4.1 asks for 30 minutes and more between tries but allows "more sophisticated" plans; an alert wants faster first tries.
 * The last interval repeats until the letter is too old. All in ms, on the monotonic scale.
 */
export const nextTry = (now: number, attempts: number, retryMs: readonly number[], jitter: (ms: number) => number): number =>
  now + jitter(retryMs[Math.min(attempts, retryMs.length) - 1] ?? 3_600_000)
