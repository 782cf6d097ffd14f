import type { LogBook } from '../ports/log-book.ts'
import type { Outside } from '../ports/ports.ts'

/** What a command may use, and what it must keep to: results on `out`, everything else on the log or `err`. */
export type Scene = {
  ports: Outside
  /** Data directory. */
  dir: string
  env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** These values never reach the log. */
  hide(values: () => string[]): void
  /** Until its end. What is beyond throws UsageError, or is left out. */
  stdin(maxBytes: number, beyond?: 'is left out'): Promise<Uint8Array>
  /** Name and version, as letters name it. */
  software: string
  /** When this software was built, in ms: no earlier time is believable. */
  builtAt: number
  /** The newest lines of the log. */
  book: LogBook
  /** Where the built page lies. */
  pageDir: string
  /** Where the files of the boards lie. */
  boardsDir: string
  /** Of this process. */
  pid: number
  /** Standard output is a terminal. */
  terminal: boolean
  /** Standard input is a terminal: nobody pipes anything in. */
  interactive: boolean
  signals: { onStop(call: () => void): void; onReload(call: () => void): void }
}

/** 0 done, 1 the answer is no, 2 wrong usage, 70 a bug, 74 the disk, 75 not now (as sendmail has it). */
export const exit = { done: 0, no: 1, usage: 2, bug: 70, disk: 74, later: 75 } as const
export type ExitCode = (typeof exit)[keyof typeof exit]

/** The command line is not understood; the message is the sentence to print. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The answer is no; the message is the sentence to print. */
export class Refusal extends Error {
  override name = 'Refusal'
}

/** Not now, and later perhaps; the message is the sentence to print. */
export class Later extends Error {
  override name = 'Later'
}

export type Options = { words: string[]; flags: Readonly<Record<string, string | boolean | undefined>> }

export type Command = {
  usage: string
  help: string
  /** Names of flags; `text` ones take a value. */
  flags: Readonly<Record<string, 'text' | 'yes'>>
  /** Its words are its own: flags are not read for it. */
  takesAll?: true
  run(scene: Scene, options: Options): Promise<ExitCode>
}

export const text = (options: Options, name: string): string | undefined => {
  const value = options.flags[name]
  return typeof value === 'string' ? value : undefined
}
