import type { ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { listens } from './mosquitto.ts'
import { startUnpacked } from './package.ts'
import { account } from './postfix.ts'
import { stop, until } from './process.ts'

/** A real Exim as a relay: implicit TLS, login, CHUNKING and PIPELINING; what it takes goes on to a server on loopback. */
const uid = 64_990

export class EximRelay {
  readonly #dir: string
  readonly #port: number
  #child: ChildProcess | undefined

  constructor(dir: string, port: number, onwardPort: number, tls: { cert: string; key: string }) {
    this.#dir = dir
    this.#port = port
    mkdirSync(dir)
    chmodSync(dir, 0o755)
    for (const name of ['spool', 'logs']) {
      mkdirSync(`${dir}/${name}`)
      chownSync(`${dir}/${name}`, uid, uid)
    }
    // Exim reads the key as its own user.
    writeFileSync(`${dir}/key.pem`, readFileSync(tls.key), { mode: 0o600 })
    chownSync(`${dir}/key.pem`, uid, uid)
    writeFileSync(`${dir}/cert.pem`, readFileSync(tls.cert))
    writeFileSync(`${dir}/exim.conf`, settings(dir, port, onwardPort))
  }

  async start(): Promise<void> {
    this.#child = startUnpacked({
      name: 'exim4-daemon-light',
      dir: this.#dir,
      users: { 'Debian-exim': uid },
      files: { 'exim.conf': '/etc/exim4/exim4.conf' },
      command: ['/usr/sbin/exim4', '-bdf'],
    })
    await until('Exim listens', 15_000, () => listens(this.#port))
  }

  /** Message-IDs of the letters that it took responsibility for, in the order in which they came. */
  accepted(): string[] {
    const path = `${this.#dir}/logs/main`
    if (!existsSync(path)) return []
    return [...readFileSync(path, 'utf8').matchAll(/ <= .* id=(\S+)/g)].map((found) => `<${found[1]}>`)
  }

  async stop(): Promise<void> {
    await stop(this.#child)
  }
}

const settings = (dir: string, port: number, onwardPort: number): string => `primary_hostname = relay.example.org
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
tls_on_connect_ports = ${port}
tls_advertise_hosts = *
tls_certificate = ${dir}/cert.pem
tls_privatekey = ${dir}/key.pem
spool_directory = ${dir}/spool
log_file_path = ${dir}/logs/%s
pid_file_path = ${dir}/spool/exim.pid
acl_smtp_rcpt = rcpt
disable_ipv6 = true
host_lookup =
# Everything comes over one connection: do not stop delivering after the tenth letter.
smtp_accept_queue_per_connection = 0
begin acl
rcpt:
  accept authenticated = *
  deny
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${account.user}}}{eq{$auth3}{${account.password}}}}}
  server_set_id = $auth2
begin routers
onward:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  port = ${onwardPort}
  allow_localhost
`
