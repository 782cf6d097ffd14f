import type { Instant } from './clock.ts'

/** Sets the wall clock of the device. Resolves with undefined, or with a sentence: it cannot be set, and why. */
export type SetClock = (wall: Instant) => Promise<string | undefined>
