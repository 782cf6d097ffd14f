import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { missing, run } from './process.ts'

/**
 * Link: a network namespace of our own and the veth pair that alone leads to it, over a private /30. Whatever runs `inside` listens at `far`
 * and can be reached only while the link is up. Names and addresses come from the pid, so that two runs do not meet.
 */
export type End = 'near' | 'far'

const networks = 256 * 64
let made = 0

export class Link {
  readonly name: string
  readonly near: string
  readonly far: string
  readonly #network: string
  readonly #nearEnd: string
  readonly #farEnd: string

  constructor() {
    const unique = `${process.pid}${'abcdefgh'[made++ % 8]}`
    this.name = `outpost-${unique}`
    this.#nearEnd = `on${unique}`
    this.#farEnd = `of${unique}`
    const prefix = freePrefix()
    this.near = `${prefix(1)}`
    this.far = `${prefix(2)}`
    this.#network = `${prefix(0)}/30`
    run('ip', ['netns', 'add', this.name])
    try {
      run('ip', ['link', 'add', this.#nearEnd, 'type', 'veth', 'peer', 'name', this.#farEnd, 'netns', this.name])
      run('ip', ['address', 'add', `${this.near}/30`, 'dev', this.#nearEnd])
      // While the near end is down nothing may leave by the machine's own way out instead.
      run('ip', ['route', 'add', 'unreachable', this.#network, 'metric', '9999'])
      run('ip', ['-n', this.name, 'address', 'add', `${this.far}/30`, 'dev', this.#farEnd])
      run('ip', ['-n', this.name, 'link', 'set', 'lo', 'up'])
      this.heal()
    } catch (error) {
      this.remove()
      throw error
    }
  }

  /** The command that runs `command` in the namespace, as the same process. `ip netns exec` would copy every mount of the machine. */
  inside(command: string, args: string[]): [command: string, args: string[]] {
    return ['nsenter', [`--net=/run/netns/${this.name}`, '--', command, ...args]]
  }

  /** `near`: our own interface is down, and there is no way. `far`: the carrier is gone, and what is sent is lost in silence. */
  cut(end: End): void {
    if (end === 'near') run('ip', ['link', 'set', this.#nearEnd, 'down'])
    else run('ip', ['-n', this.name, 'link', 'set', this.#farEnd, 'down'])
  }

  heal(): void {
    run('ip', ['link', 'set', this.#nearEnd, 'up'])
    run('ip', ['-n', this.name, 'link', 'set', this.#farEnd, 'up'])
  }

  /** Whatever still runs inside was started by us: it is stopped by its pid. */
  remove(): void {
    const left = spawnSync('ip', ['netns', 'pids', this.name], { encoding: 'utf8' }).stdout ?? ''
    for (const pid of left.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
    for (const args of [
      ['route', 'del', 'unreachable', this.#network, 'metric', '9999'],
      ['link', 'del', this.#nearEnd],
      ['netns', 'del', this.name],
    ])
      spawnSync('ip', args, { stdio: 'ignore' })
  }
}

/** A /30 of 10.231.0.0/16 that no interface has. */
function freePrefix(): (host: number) => string {
  const taken = run('ip', ['-4', '-o', 'address'])
  for (let i = 0; i < networks; i++) {
    const at = (process.pid * 8 + made + i) % networks
    const of = (host: number) => `10.231.${at >> 6}.${((at & 63) << 2) + host}`
    if (!taken.includes(` ${of(1)}/`)) return of
  }
  throw new Error('every /30 of 10.231.0.0/16 is taken')
}

/** Why this machine cannot have namespaces; false when it can. In CI it must. */
export function noLinks(): string | false {
  const gone = missing('ip', 'nsenter')
  if (gone) return gone
  try {
    new Link().remove()
    return false
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    assert.ok(!process.env.CI, `in CI nothing is skipped, but no network namespace can be made: ${why}`)
    return `no network namespace can be made: ${why}`
  }
}
