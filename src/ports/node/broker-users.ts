import { hash, timingSafeEqual } from 'node:crypto'
import type { BrokerUser } from '../broker.ts'
import type { Clock } from '../clock.ts'
import { type Log, worthTelling } from '../log.ts'
import { Slowdown, WrongBefore } from '../slowdown.ts'

/**
 * Users of the embedded broker: who comes in. Whoever guesses has to wait, as at the page. Each user has a slowdown of its own, and unknown names have one together: devices with the old password of one user must
 * not keep those of another out, since what they have to say may be urgent.
 */
export type Verdict = 'in' | 'wrong' | 'wait'
export type Guest = { clientId: string; name: string; password: string; address: string }

export class BrokerUsers {
  readonly #log: Log
  readonly #users: ReadonlyMap<string, { password: string; guesses: Slowdown }>
  readonly #strangers: Slowdown
  /** How many were sent away since somebody came in, by the name of a user, or none. */
  readonly #sentAway = new Map<string, number>()

  readonly #before = new WrongBefore()

  constructor(users: readonly BrokerUser[], clock: Clock, log: Log) {
    this.#log = log
    this.#users = new Map(users.map(({ name, password }) => [name, { password, guesses: new Slowdown(clock, 0) }]))
    this.#strangers = new Slowdown(clock, 0)
  }

  /** Without users everybody comes in. */
  admits(guest: Guest): Verdict {
    if (this.#users.size === 0) return 'in'
    const verdict = this.#judge(guest)
    if (verdict === 'in') this.#sentAway.delete(guest.name)
    else this.#tell(guest, verdict)
    return verdict
  }

  #judge({ name, password, address }: Guest): Verdict {
    const user = this.#users.get(name)
    const guesses = user?.guesses ?? this.#strangers
    if (guesses.waitMs(address) > 0) return 'wait'
    if (isSame(user?.password, password)) {
      guesses.passed(address)
      return 'in'
    }
    if (!this.#before.repeats(`${name}\0${address}`, password)) guesses.failed(address)
    return 'wrong'
  }

  /** A flood of guesses must not push everything else out of the log book. */
  #tell({ clientId, name, address }: Guest, verdict: Verdict): void {
    const key = this.#users.has(name) ? name : ''
    const before = this.#sentAway.get(key) ?? 0
    this.#sentAway.set(key, before + 1)
    if (!worthTelling(before, before + 1)) return
    const event = verdict === 'wrong' ? 'embedded broker: wrong user or password' : 'embedded broker: who guessed has to wait'
    this.#log('warning', event, { client: clientId, user: name, address, times: before + 1 })
  }
}

function isSame(expected: string | undefined, given: string): boolean {
  const [a, b] = [hash('sha256', expected ?? '', 'buffer'), hash('sha256', given, 'buffer')]
  return timingSafeEqual(a, b) && expected !== undefined
}
