/**
 * Clock: what time it is, and waking up later. Nothing else in the gateway may ask the machine for the time or set a timer.
 *
 * Two scales are kept apart by type. `Instant` is the wall clock: right only when somebody set it. `Monotonic` counts from the boot
 * of the device, survives a restart of the gateway and never jumps: retry times and expiry are reckoned in it.
 */
export type Instant = number & { readonly scale: 'wall' }
export type Monotonic = number & { readonly scale: 'monotonic' }

export const instant = (ms: number): Instant => ms as Instant
export const monotonic = (ms: number): Monotonic => ms as Monotonic

export type Cancel = () => void

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z, as the device believes. */
  wall(): Instant
  /** Milliseconds since the device was booted. */
  monotonic(): Monotonic
  /** Names this boot of the device; another boot has another name. */
  readonly boot: string
  /** Whether the wall clock was set from outside during this boot; `unknown` where the system does not say. */
  synchronised(): 'yes' | 'no' | 'unknown'
  /** Call once, not before `delayMs` have passed (any finite delay >= 0, also beyond the 24.8 days of a Node timer). */
  after(delayMs: number, call: () => void): Cancel
}

/** Resolves after `delayMs`, or at once when the signal aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(delayMs, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** A wait that took longer than it may. */
export class TimedOut extends Error {
  override name = 'TimedOut'
}

/** The promise's own result, or a rejection with `TimedOut` after `delayMs`. The promise itself is not stopped. */
export function within<T>(clock: Clock, delayMs: number, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(delayMs, () => reject(new TimedOut(`${what} took longer than ${delayMs} ms`)))
    promise.then(resolve, reject).finally(cancel)
  })
}
