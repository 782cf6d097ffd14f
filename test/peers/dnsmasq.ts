import { type ChildProcess, spawnSync } from 'node:child_process'
import { start, stop, until } from './process.ts'

/** A real dnsmasq (Debian's dnsmasq-base) that knows the domain `recipient.test` and nobody else; on loopback. */
export class Dnsmasq {
  readonly port: number
  #child: ChildProcess | undefined

  constructor(port: number) {
    this.port = port
  }

  /** `records` are further options, such as `--txt-record=name,text`. Called again it begins anew with those. */
  async start(records: readonly string[] = []): Promise<void> {
    await this.stop()
    const alone = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file', '--local=//']
    const where = [`--port=${this.port}`, '--listen-address=127.0.0.1', '--bind-interfaces', '--user=root']
    const known = ['--mx-host=recipient.test,mx.recipient.test,10', '--host-record=mx.recipient.test,127.0.0.1']
    this.#child = start('dnsmasq', [...alone, ...where, ...known, ...records])
    await until('dnsmasq answers', 10_000, () => this.#answers())
  }

  async stop(): Promise<void> {
    await stop(this.#child)
  }

  /** Its TCP port takes connections. */
  #answers(): boolean {
    return spawnSync('bash', ['-c', `: < /dev/tcp/127.0.0.1/${this.port}`]).status === 0
  }
}
