import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { groupLives, sleep } from '../../peers/process.ts'

/** A program and all that it starts, as one process group: counted, stopped and killed together. */
const patienceMs = 5000

/** Groups that this bench started and that may still run. */
const started = new Set<number>()

/** Of every process by its number: group, parent, state. */
function* processes(): Generator<{ pid: number; group: number; state: string }> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const [state = '', , group] = statOf(Number(name))
    if (group !== undefined) yield { pid: Number(name), group: Number(group), state }
  }
}

/** proc(5) from the third field on; empty when it is gone. */
function statOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return []
  }
}

export const membersOf = (groups: readonly number[]): number[] =>
  [...processes()].filter(({ group, state }) => groups.includes(group) && state !== 'Z').map(({ pid }) => pid)

/** The signal to all of a group; then until it is empty. */
export async function endGroup(group: number, signal: NodeJS.Signals): Promise<void> {
  const send = (which: NodeJS.Signals) => {
    try {
      process.kill(-group, which)
    } catch {
      // It ended by itself.
    }
  }
  send(signal)
  const late = performance.now() + patienceMs
  while (groupLives(group)) {
    if (performance.now() > late) send('SIGKILL')
    await sleep(20)
  }
  started.delete(group)
}

export class Group {
  readonly id: number
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, id: number) {
    this.#child = child
    this.id = id
  }

  /** What it says goes to the file `log`. */
  static start(command: string, args: readonly string[], log: string, env: Record<string, string> = {}): Group {
    const file = openSync(log, 'a')
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', file, file],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...env },
    })
    closeSync(file)
    if (child.pid === undefined) throw new Error(`${command} does not start`)
    started.add(child.pid)
    return new Group(child, child.pid)
  }

  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  end(signal: NodeJS.Signals): Promise<void> {
    return endGroup(this.id, signal)
  }
}

/** At the end, whatever the reason for it is. */
export async function endAll(): Promise<void> {
  for (const group of started) await endGroup(group, 'SIGKILL')
}

export const noteGroup = (group: number): void => void started.add(group)

export type Cost = {
  /** Summed over the processes, in octets; of PSS shared pages count in parts. */
  rss: number
  pss: number
  /** Of the processes and of all their children that have ended. */
  cpuSeconds: number
}

const ticksPerSecond = 100

export function costOf(pids: readonly number[]): Cost {
  const cost = { rss: 0, pss: 0, cpuSeconds: 0 }
  for (const pid of pids) {
    const fields = statOf(pid)
    // utime, stime, cutime, cstime.
    cost.cpuSeconds += fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond
    try {
      const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
      const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1] ?? 0) * 1024
      cost.rss += of('Rss')
      cost.pss += of('Pss')
    } catch {
      // It ended meanwhile.
    }
  }
  return cost
}
