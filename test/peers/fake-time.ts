import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'

/** libfaketime: a process that believes in another wall clock, which a file may move while it runs. */
const places = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
export const fakeTime = places.find((place) => existsSync(place)) ?? ''

/** Why this machine has none; in CI it must. */
export function noFakeTime(): string | false {
  if (fakeTime !== '') return false
  assert.ok(!process.env.CI, 'in CI nothing is skipped, but faketime is missing: .ci/run must install it')
  return 'faketime is not installed'
}
