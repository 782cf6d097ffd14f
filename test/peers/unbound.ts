import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { NodeNames } from '../../src/ports/node/names.ts'
import { freePort, run, start, stop, until } from './process.ts'

/** A name server that verifies DNSSEC, over zones that are signed here: what a site with DANE has on its loopback. */
export class Unbound {
  readonly #dir: string
  #child: ChildProcess | undefined
  port = 0

  /** `dir` is empty and goes away with the test. */
  constructor(dir: string) {
    this.#dir = dir
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** `zones`: the records of each zone, without its SOA. Those of `signed` are signed; what `forge` does to one comes after that. */
  async start(
    zones: Record<string, string>,
    signed: readonly string[],
    forge: (zone: string, text: string) => string = (_, text) => text,
  ): Promise<void> {
    this.port = await freePort()
    const parts = Object.entries(zones).map(([zone, records]) => {
      const file = `${this.#dir}/${zone}.zone`
      writeFileSync(
        file,
        `$ORIGIN ${zone}.\n$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 300\n@ IN NS ns\nns IN A 127.0.0.1\n${records}\n`,
      )
      const key = signed.includes(zone) ? this.#sign(zone, file) : undefined
      const served = key === undefined ? file : `${file}.signed`
      writeFileSync(served, forge(zone, readFileSync(served, 'utf8')))
      return {
        anchor: key === undefined ? '' : `  trust-anchor-file: ${key}.ds\n`,
        zone: `auth-zone:\n  name: ${zone}\n  zonefile: ${served}\n  for-upstream: yes\n  for-downstream: no\n`,
      }
    })
    writeFileSync(
      `${this.#dir}/unbound.conf`,
      `server:\n  interface: 127.0.0.1@${this.port}\n  port: ${this.port}\n  chroot: ""\n  username: ""\n  directory: "${this.#dir}"\n  pidfile: ""\n  use-syslog: no\n  logfile: "${this.#dir}/log"\n  num-threads: 1\n  module-config: "validator iterator"\n${parts.map(({ anchor }) => anchor).join('')}remote-control:\n  control-enable: no\n${parts.map(({ zone }) => zone).join('')}`,
    )
    this.#child = start('unbound', ['-d', '-c', `${this.#dir}/unbound.conf`])
    const names = new NodeNames([this.address], { patienceMs: [300] })
    await until('unbound answers', 15_000, async () => (await names.addresses(`ns.${Object.keys(zones)[0]}`)).kind === 'found')
  }

  #sign(zone: string, file: string): string {
    const inDir = (program: string, ...args: string[]) => run('sh', ['-c', `cd ${this.#dir} && ${program} ${args.join(' ')}`]).trim()
    const key = inDir('ldns-keygen', '-k', '-a', 'ECDSAP256SHA256', zone)
    inDir('ldns-signzone', file, key)
    return `${this.#dir}/${key}`
  }

  stop(): Promise<void> {
    return stop(this.#child)
  }
}
