import type { ChildProcess } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { listens } from './mosquitto.ts'
import { startUnpacked } from './package.ts'
import { stop, until } from './process.ts'

/**
 * A real OpenSMTPD as a relay, one command at a time: it offers neither PIPELINING nor CHUNKING. Without TLS and login: as a TLS server the one
 * of Debian 12 fails in every handshake (OpenSSL 3, "EVP lib": OpenSMTPD#1171), and it takes no password without.
 */
export class OpensmtpdRelay {
  readonly #dir: string
  readonly #port: number
  #child: ChildProcess | undefined

  constructor(dir: string, port: number, onwardPort: number) {
    this.#dir = dir
    this.#port = port
    mkdirSync(dir)
    chmodSync(dir, 0o755)
    writeFileSync(
      `${dir}/smtpd.conf`,
      `listen on 127.0.0.1 port ${port} hostname relay.example.org
action "onward" relay host smtp://127.0.0.1:${onwardPort}
match from any for any action "onward"
`,
      { mode: 0o600 },
    )
  }

  async start(): Promise<void> {
    this.#child = startUnpacked({
      name: 'opensmtpd',
      dir: this.#dir,
      users: { opensmtpd: 64_991, opensmtpq: 64_992 },
      files: { 'smtpd.conf': '/etc/smtpd.conf' },
      command: ['/usr/sbin/smtpd', '-d', '-f', '/etc/smtpd.conf'],
    })
    await until('OpenSMTPD listens', 15_000, () => listens(this.#port))
  }

  /** Recipients of the letters that it took responsibility for, in the order in which they came: it logs no Message-ID. */
  accepted(): string[] {
    const path = `${this.#dir}/log`
    if (!existsSync(path)) return []
    return [...readFileSync(path, 'utf8').matchAll(/ smtp envelope .* to=<([^>]*)>/g)].map((found) => found[1] ?? '')
  }

  async stop(): Promise<void> {
    await stop(this.#child)
  }
}
