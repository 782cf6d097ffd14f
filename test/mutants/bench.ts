import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { root } from './tree.ts'
import type { Done, Job } from './worker.ts'

/** Bench: where tests are run with a change, in a worker that is replaced when it hangs and now and then. */
export type End = 'green' | 'red' | 'silent'
/** `takesMs`: of the processor's time. */
export type Ran = { end: End; takesMs: number }

/** Modules that were loaded stay in memory. */
const runsOfAWorker = 60
const lookMs = 500
/** Of the processor's time, beyond what the test takes. */
const patienceMs = 4000
/** So long it may wait for nothing but the clock on the wall: tests that need real sockets do. */
const idleMs = 15_000

export class Bench {
  #worker: ChildProcess | undefined
  #lines: Interface | undefined
  #runs = 0
  readonly #env: NodeJS.ProcessEnv

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env
  }

  /** One file of tests, up to its first failure. `takesMs`: of the processor's time, with nothing broken. */
  async run(job: Job, takesMs: number): Promise<Ran> {
    if (this.#runs >= runsOfAWorker) this.stop()
    const worker = this.#worker ?? this.#begin()
    this.#runs++
    const begun = cpuMs(worker)
    const limitMs = begun + takesMs * 3 + patienceMs
    worker.stdin?.write(`${JSON.stringify(job)}\n`)
    return new Promise((done) => {
      let [before, idle] = [begun, 0]
      const end = (how: End, stops: boolean) => {
        clearInterval(timer)
        this.#lines?.off('line', heard)
        worker.off('exit', died)
        const takenMs = cpuMs(worker) - begun
        if (stops) this.stop()
        done({ end: how, takesMs: takenMs })
      }
      const heard = (line: string) => end((JSON.parse(line) as Done).green ? 'green' : 'red', false)
      const died = () => end('red', true)
      const timer = setInterval(() => {
        const now = cpuMs(worker)
        idle = now - before < 20 && isAsleep(worker) ? idle + lookMs : 0
        before = now
        if (now > limitMs || idle > idleMs) end('silent', true)
      }, lookMs)
      this.#lines?.on('line', heard)
      worker.on('exit', died)
    })
  }

  stop(): void {
    this.#worker?.kill('SIGKILL')
    this.#worker = undefined
    this.#runs = 0
  }

  #begin(): ChildProcess {
    const worker = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'test/mutants/worker.ts'], {
      cwd: root.pathname,
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#lines = createInterface({ input: worker.stdout as NodeJS.ReadableStream })
    this.#worker = worker
    return worker
  }
}

/** From /proc: user and system time in hundredths of a second stand behind the name in brackets. */
const statOf = ({ pid }: ChildProcess): string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  } catch {
    return []
  }
}
const cpuMs = (worker: ChildProcess): number => {
  const stat = statOf(worker)
  return (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) * 10
}
const isAsleep = (worker: ChildProcess): boolean => statOf(worker)[0] === 'S'
