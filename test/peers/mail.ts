import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Link } from './link.ts'
import { countAll, readAll } from './pop3.ts'
import { freePort, groupLives, run, start, stop, until } from './process.ts'

/**
 * A real Postfix for submission (STARTTLS and implicit TLS, login), and a real Dovecot that checks passwords, keeps the mail, and serves POP3.
 * On loopback, or at the far end of a link.
 */
export type Ports = { submission: number; smtps: number; lmtp: number; auth: number; pop3: number }

/** How it lets people log in: SASL mechanisms by Dovecot's names; with `jwtKey` (HS256) access tokens are good, too, that bear the address as `email`. */
export type Logins = { mechanisms: string; jwtKey?: string }

const sbin = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

export class MailServer {
  readonly dir: string
  readonly host: string
  readonly ports: Ports
  readonly #link: Link | undefined
  #dovecot: ChildProcess | undefined

  constructor(dir: string, ports: Ports, tls: { cert: string; key: string }, options: { link?: Link; logins?: Logins } = {}) {
    this.dir = dir
    this.ports = ports
    this.host = options.link?.far ?? '127.0.0.1'
    this.#link = options.link
    const [uid, gid] = [Number(run('id', ['-u', 'postfix'])), Number(run('id', ['-g', 'postfix']))]
    const [mailUid, mailGid] = [Number(run('id', ['-u', 'mail'])), Number(run('id', ['-g', 'mail']))]
    for (const name of ['etc', 'spool', 'lib', 'mail']) mkdirSync(`${dir}/${name}`)
    chownSync(`${dir}/lib`, uid, gid)
    chownSync(`${dir}/mail`, mailUid, mailGid)
    chmodSync(dir, 0o755)
    writeFileSync(`${dir}/etc/main.cf`, mainCf(dir, ports, tls))
    writeFileSync(`${dir}/etc/master.cf`, masterCf(this.host, ports))
    const user = (name: string, password: string, home: string) =>
      `${name}@example.org:{PLAIN}${password}:${mailUid}:${mailGid}::${dir}/mail/${home}\n`
    writeFileSync(`${dir}/users`, user('ps7', 'smtp-secret', 'ps7') + user('ops', 'pop-secret', 'ops'), { mode: 0o644 })
    writeFileSync(`${dir}/dovecot.conf`, dovecotConf(dir, this.host, ports, options.logins ?? { mechanisms: 'plain login' }))
  }

  static async freePorts(): Promise<Ports> {
    const [submission, smtps, lmtp] = [await freePort(), await freePort(), await freePort()]
    return { submission, smtps, lmtp, auth: await freePort(), pop3: await freePort() }
  }

  async start(): Promise<void> {
    this.#dovecot = start(...this.#where('dovecot', ['-F', '-c', `${this.dir}/dovecot.conf`]))
    // It opens all its doors before it opens any.
    await until('Dovecot listens', 15_000, () => this.#listens(this.ports.pop3))
    await this.startPostfix()
  }

  async startPostfix(): Promise<void> {
    // Its daemons keep whatever descriptors they are given: they get none of ours.
    spawnSync(...this.#where('postfix', ['-c', `${this.dir}/etc`, 'start']), { stdio: 'ignore', env: sbin })
    await until('Postfix listens', 15_000, () => this.#listens(this.ports.submission))
  }

  stopPostfix(): void {
    spawnSync('postfix', ['-c', `${this.dir}/etc`, 'abort'], { stdio: 'ignore', env: sbin })
  }

  /** kill -9 to the master and all its daemons, which are one process group. */
  async killPostfix(): Promise<void> {
    const pid = Number(readFileSync(`${this.dir}/spool/pid/master.pid`, 'utf8'))
    process.kill(-pid, 'SIGKILL')
    await until('Postfix is gone', 5000, () => !groupLives(pid))
  }

  async stop(): Promise<void> {
    this.stopPostfix()
    await stop(this.#dovecot)
  }

  /** The Maildir of the reader. */
  get inbox(): string {
    return `${this.dir}/mail/ops/Maildir`
  }

  /** Every mail of the reader, over POP3. */
  read(): Promise<string[]> {
    return readAll(this.ports.pop3, 'ops@example.org', 'pop-secret', this.host)
  }

  count(): Promise<number> {
    return countAll(this.ports.pop3, 'ops@example.org', 'pop-secret', this.host)
  }

  /** Message-IDs of the letters that Postfix took responsibility for, each where it first came in. */
  accepted(): string[] {
    const log = readFileSync(`${this.dir}/spool/mail.log`, 'utf8')
    // The queue manager hears of a mail only when it is whole and on the disk.
    const whole = new Set([...log.matchAll(/ (\w+): from=<.*\(queue active\)$/gm)].map(([, id]) => id))
    const came = [...log.matchAll(/ (\w+): message-id=<([^>]*)>/g)].filter(([, id]) => whole.has(id))
    return [...new Set(came.map(([, , messageId]) => messageId ?? ''))]
  }

  /** As its own kernel tables say, so that it can be told while the link is cut. */
  #listens(port: number): boolean {
    const table = readFileSync(`/proc/${this.#dovecot?.pid}/net/tcp`, 'utf8')
    return table.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`)
  }

  #where(command: string, args: string[]): [string, string[]] {
    return this.#link ? this.#link.inside(command, args) : [command, args]
  }
}

// Postfix does not start when one of inet_interfaces is down; master.cf names the addresses anyway.
const mainCf = (dir: string, ports: Ports, tls: { cert: string; key: string }): string => `compatibility_level = 3.6
queue_directory = ${dir}/spool
data_directory = ${dir}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
enable_long_queue_ids = yes
smtpd_client_connection_rate_limit = 0
maillog_file = ${dir}/spool/mail.log
maillog_file_prefixes = ${dir}
virtual_mailbox_domains = example.org
virtual_transport = lmtp:inet:127.0.0.1:${ports.lmtp}
smtpd_tls_cert_file = ${tls.cert}
smtpd_tls_key_file = ${tls.key}
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${ports.auth}
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
`

const masterCf = (host: string, ports: Ports): string => `${host}:${ports.submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
${host}:${ports.smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
lmtp unix - - n - - lmtp
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
`

const dovecotConf = (dir: string, host: string, ports: Ports, logins: Logins): string => `base_dir = ${dir}/dovecot
log_path = ${dir}/dovecot.log
protocols = pop3 lmtp
listen = ${host}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = ${logins.mechanisms}
${logins.jwtKey === undefined ? '' : tokenPassdb(dir, logins.jwtKey)}mail_location = maildir:~/Maildir
pop3_uidl_format = %08Xu%08Xv
lock_method = fcntl
passdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
userdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = ${ports.auth}
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
auth_failure_delay = 0
service stats {
  client_limit = 100
}
`

/** Dovecot checks the signature of a token itself; nobody needs to be asked. */
function tokenPassdb(dir: string, key: string): string {
  mkdirSync(`${dir}/keys/default/HS256`, { recursive: true })
  writeFileSync(`${dir}/keys/default/HS256/default`, Buffer.from(key).toString('base64'))
  writeFileSync(`${dir}/oauth2.conf`, `introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=${dir}/keys/\n`)
  return `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${dir}/oauth2.conf\n}\n`
}
