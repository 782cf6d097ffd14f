import type { Cancel } from './clock.ts'

/**
 * Sys: what the kernel tells of the machine itself, and lets be set, as files below /sys and /proc. None of it is there on every machine, so nothing
 * here rejects: what cannot be read is undefined.
 */
export interface Sys {
  /** Of the processor, as Node names it: x64, arm64, arm. */
  readonly arch: string
  /** The text of a file, at most 64 KiB of it; undefined when it is not there or may not be read. */
  read(path: string): Promise<string | undefined>
  /** Names in a directory, sorted; none when it is not there. */
  list(dir: string): Promise<string[]>
  /** Writes into a file that is there. Resolves with undefined, or with a sentence: why it was not taken. */
  write(path: string, text: string): Promise<string | undefined>
  /** `major:minor` of the device that holds a file; undefined when it cannot be told. */
  deviceOf(path: string): Promise<string | undefined>
  /** Octets of a device as they come, until cancelled. `closed` is called once when there will be no more, with a sentence; not after the cancel. */
  follow(path: string, on: { data(bytes: Uint8Array): void; closed(why: string): void }): Cancel
}
