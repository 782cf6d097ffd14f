import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { run, stop } from './process.ts'

/** The built bundle as a process of its own, over one data directory: begun, killed and stopped by its pid. Its log is kept. */
const program = new URL('../../bin/outpost', import.meta.url).pathname

/** Makes of a command the one that runs it somewhere else. */
export type Place = { inside(command: string, args: string[]): [command: string, args: string[]] }

export class Outpost {
  readonly data: string
  log = ''
  /** What it said on standard output: the claim code of a new box. */
  said = ''
  /** Set when the gateway ended although nobody had asked it to. */
  fault: string | undefined
  /** How often it was begun. */
  lives = 0
  #child: ChildProcess | undefined
  #asked = false

  readonly #place: Place | undefined

  /** `place`: where or as whom it runs, such as inside a link. */
  constructor(data: string, settings: object, secrets: Record<string, string> = {}, place?: Place) {
    this.data = data
    this.#place = place
    mkdirSync(data, { recursive: true })
    this.settings(settings)
    writeFileSync(`${data}/secrets.json`, JSON.stringify(secrets), { mode: 0o600 })
  }

  settings(settings: object): void {
    writeFileSync(`${this.data}/settings.json`, JSON.stringify(settings))
  }

  /** The settings as they lie there. */
  stored(): Record<string, unknown> {
    return JSON.parse(readFileSync(`${this.data}/settings.json`, 'utf8'))
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number {
    assert.ok(this.#child?.pid, 'the gateway runs')
    return this.#child.pid
  }

  begin(env: Record<string, string> = {}): void {
    const words = ['run', '--data', this.data]
    const [command, args] = this.#place ? this.#place.inside(program, words) : [program, words]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    child.stdout.on('data', (bytes) => {
      this.said += bytes
    })
    child.stderr.on('data', (bytes) => {
      this.log += bytes
    })
    child.once('exit', (code, signal) => {
      if (this.#child === child && !this.#asked) this.fault = `the gateway ended by itself (${code ?? signal}): ${this.log.slice(-2000)}`
    })
    this.#asked = false
    this.lives++
    this.#child = child
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#asked = true
    await stop(this.#child, 'SIGKILL')
  }

  /** SIGTERM; its exit code. */
  async stop(): Promise<number | null | undefined> {
    this.#asked = true
    await stop(this.#child)
    return this.#child?.exitCode
  }

  /** Fails when the gateway ended by itself. */
  alive(): true {
    assert.equal(this.fault, undefined)
    return true
  }

  /** Another command over the same data directory; its standard output. */
  command(...words: string[]): string {
    const all = [...words, '--data', this.data]
    return this.#place ? run(...this.#place.inside(program, all)) : run(program, all)
  }

  /** Octets in RAM, now and at most so far. */
  memory(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
    return { now: of('VmRSS'), peak: of('VmHWM') }
  }
}
