import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { run, start } from './process.ts'

/** A network of its own: nothing in it reaches another one but over the links that the test lays. Needs root and iproute2. */
export class Namespace {
  readonly name: string

  constructor(name: string) {
    this.name = name
    run('ip', ['netns', 'add', name])
    run('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
    const set = (name: string, value: string) => `echo ${value} > /proc/sys/net/${name} 2>/dev/null`
    // No connection may learn from the one before how fast the link is.
    this.run('sh', ['-c', `${set('ipv4/tcp_no_metrics_save', '1')} && ${set('ipv6/conf/all/disable_ipv6', '1')}`])
    // Debian's own is cubic; a host that is tuned for something else may not lend it, but always lends its like, reno.
    this.run('sh', ['-c', `${set('ipv4/tcp_congestion_control', 'cubic')} || ${set('ipv4/tcp_congestion_control', 'reno')}`])
  }

  /** The congestion control of its TCP. */
  get congestion(): string {
    return this.run('cat', ['/proc/sys/net/ipv4/tcp_congestion_control']).trim()
  }

  /** The words that put a command into it. */
  get prefix(): string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  run(command: string, args: string[]): string {
    return run('ip', ['netns', 'exec', this.name, command, ...args])
  }

  start(command: string, args: string[]): ChildProcess {
    return start('ip', ['netns', 'exec', this.name, command, ...args])
  }

  /** A child that is talked to: its standard input and output are ours, its standard error goes where ours goes. */
  talk(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...env },
    })
  }

  remove(): void {
    spawnSync('ip', ['netns', 'delete', this.name], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
  }
}
