import type { Mutant } from './changes.ts'

/** Changes that no test needs to notice, and why. `was` and `is`: the changed lines as `npm run mutations:all` prints them. */
export type Argument = { file: string; was: string; is: string; why: string }

export const argued: readonly Argument[] = []

export const argumentFor = ({ file, was, is }: Pick<Mutant, 'file' | 'was' | 'is'>): string | undefined =>
  argued.find((one) => one.file === file && one.was === was && one.is === is)?.why
