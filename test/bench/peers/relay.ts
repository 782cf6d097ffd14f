import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { stop } from '../../peers/process.ts'
import { type Accepted, runOf } from './alert.ts'

/** The relay of the bench (`sink.ts`) as the bench sees it: what was taken, by run. */
export const account = { user: 'ps7@example.org', password: 'smtp-secret' }

const program = new URL('sink.ts', import.meta.url).pathname

export type RelayOptions = { host: string; port: number; cert: string; key: string }

export class Relay {
  readonly host: string
  readonly port: number
  readonly #child: ChildProcess
  readonly #runs = new Map<string, Accepted[]>()
  readonly #listeners = new Map<string, () => void>()

  private constructor(child: ChildProcess, { host, port }: RelayOptions) {
    this.host = host
    this.port = port
    this.#child = child
  }

  /** `inside`: makes of a command the one that runs it where the relay is. */
  static async start(
    options: RelayOptions,
    inside: (command: string, args: string[]) => [string, string[]] = (command, args) => [command, args],
  ): Promise<Relay> {
    const [command, args] = inside(process.execPath, [program, JSON.stringify(options)])
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const relay = new Relay(child, options)
    child.stdin.on('error', () => {})
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the relay of the bench does not begin')))
      createInterface({ input: child.stdout }).on('line', (line) => (line === 'ready' ? resolve() : relay.#heard(line)))
    })
    return relay
  }

  #heard(line: string): void {
    const letter = JSON.parse(line) as Accepted
    const [first] = letter.alerts
    if (first === undefined) return
    const run = runOf(first)
    const letters = this.#runs.get(run)
    if (letters) letters.push(letter)
    else this.#runs.set(run, [letter])
    this.#listeners.get(run)?.()
  }

  /** Letters of a run, as they came. */
  letters(run: string): readonly Accepted[] {
    return this.#runs.get(run) ?? []
  }

  onLetter(run: string, listener: () => void): void {
    this.#listeners.set(run, listener)
  }

  /** How long it thinks about each letter before it answers; for letters that come from now on. */
  slow(ms: number): void {
    assert.ok(this.#child.stdin)
    this.#child.stdin.write(`slow ${ms}\n`)
  }

  async stop(): Promise<void> {
    await stop(this.#child, 'SIGKILL')
  }
}
