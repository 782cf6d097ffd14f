/**
 * Pulse: the sign of life that systemd waits for. It is given from progress, not from a timer: a process whose timers still run while its disk or its courier hangs gets none, and is
 * started anew.
 */
export type Task = {
  name: 'journal' | 'mailbox' | 'courier' | 'gateway'
  /** Changes as soon as the task got further. */
  sign: string
  /** How long it may stay the same. */
  limitMs: number
}

export class Pulse {
  readonly #since = new Map<string, { sign: string; at: number }>()

  /** What is in hand at `now` (monotonic ms). Returns a sentence for the first task that hangs; undefined: all go on. A task that is not in hand cannot hang. */
  stuck(tasks: readonly Task[], now: number): string | undefined {
    for (const name of this.#since.keys()) if (!tasks.some((task) => task.name === name)) this.#since.delete(name)
    let why: string | undefined
    for (const { name, sign, limitMs } of tasks) {
      const seen = this.#since.get(name)
      if (seen?.sign !== sign) this.#since.set(name, { sign, at: now })
      else if (now - seen.at > limitMs) why ??= `${sentences[name]} for ${Math.round((now - seen.at) / 1000)} s.`
    }
    return why
  }
}

const sentences: Record<Task['name'], string> = {
  journal: 'The disk has not finished a write of the journal',
  mailbox: 'The disk has not finished a mail of the mailbox',
  courier: 'The courier has been in the air without a letter settled',
  gateway: 'The gateway has stood still',
}

/** Half of what systemd waits for, in ms (sd_watchdog_enabled(3)); undefined: it does not wait for signs. `pid`: of this process. */
export function beatMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const microseconds = Number(env.WATCHDOG_USEC ?? Number.NaN)
  if (env.NOTIFY_SOCKET === undefined || !(microseconds > 0)) return undefined
  // A child that inherited the environment is not meant.
  if (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== pid) return undefined
  return Math.floor(microseconds / 2000)
}
