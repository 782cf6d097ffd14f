import { readFileSync, statSync } from 'node:fs'
import { type Cancel, type Clock, type Instant, instant, type Monotonic, monotonic } from '../clock.ts'

/** The Clock port over the machine: /proc/uptime and hrtime for what never jumps, systemd-timesyncd's mark for what may be believed. */
const longestTimerMs = 2 ** 31 - 1
const syncDir = '/run/systemd/timesync'
/** How long an answer about synchronisation is believed. */
const syncLookMs = 10_000

export class NodeClock implements Clock {
  readonly boot: string = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  /** hrtime counts from an arbitrary point; the offset makes it the time since boot, the same for every process of this boot. */
  readonly #offset: number = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000 - hrtimeMs()
  #sync: { at: number; is: 'yes' | 'no' | 'unknown' } | undefined

  wall(): Instant {
    return instant(Date.now())
  }

  monotonic(): Monotonic {
    return monotonic(hrtimeMs() + this.#offset)
  }

  synchronised(): 'yes' | 'no' | 'unknown' {
    const at = this.monotonic()
    if (!this.#sync || at - this.#sync.at > syncLookMs) this.#sync = { at, is: synchronisation() }
    return this.#sync.is
  }

  after(delayMs: number, call: () => void): Cancel {
    const due = this.monotonic() + delayMs
    let timer: NodeJS.Timeout
    const arm = () => {
      const left = due - this.monotonic()
      // Node fires a timer of more than 24.8 days at once; and a timer may fire a fraction of a millisecond early.
      timer = setTimeout(() => (this.monotonic() < due ? arm() : call()), Math.min(Math.max(0, Math.ceil(left)), longestTimerMs))
    }
    arm()
    return () => clearTimeout(timer)
  }
}

const hrtimeMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

const synchronisation = (): 'yes' | 'no' | 'unknown' => (exists(`${syncDir}/synchronized`) ? 'yes' : exists(syncDir) ? 'no' : 'unknown')
