import type { ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { run, start, stop, until } from './process.ts'

/** One port of the relay: how the line is secured, and which EHLO keywords it keeps to itself (`chunking, pipelining`). */
export type Door = { port: number; security: 'tls' | 'starttls'; without?: string }

export type RelayOptions = {
  /** What it listens on. */
  address: string
  doors: readonly Door[]
  /** Where the mail goes on: a transport of Postfix, `discard:` or `smtp:[127.0.0.1]:2525`. */
  onward: string
  tls: { cert: string; key: string }
  /** Words that put a program where it belongs: `ip netns exec NAME`. */
  prefix?: readonly string[]
}

/** Who may log in at it. */
export const account = { user: 'ps7@example.org', password: 'smtp-secret' }

/** A real Postfix as somebody's submission relay, its passwords checked by a real Dovecot. Everything lies in `dir`. */
export class PostfixRelay {
  readonly dir: string
  readonly #prefix: readonly string[]
  #dovecot: ChildProcess | undefined

  constructor(dir: string, options: RelayOptions) {
    this.dir = dir
    this.#prefix = options.prefix ?? []
    makePostfix(dir, mainOf(dir, options), options.doors.map((door) => doorOf(options.address, door)).join(''))
    writeFileSync(`${dir}/users`, `${account.user}:{PLAIN}${account.password}\n`)
    writeFileSync(`${dir}/dovecot.conf`, dovecotOf(dir))
    for (const name of ['users', 'dovecot.conf']) chmodSync(`${dir}/${name}`, 0o644)
  }

  async start(): Promise<void> {
    const [command = 'dovecot', ...args] = [...this.#prefix, 'dovecot', '-F', '-c', `${this.dir}/dovecot.conf`]
    this.#dovecot = start(command, args)
    await until('Dovecot checks passwords', 15_000, () => existsSync(`${this.dir}/auth`))
    await postfix(this.dir, 'start', this.#prefix)
    await until('Postfix runs', 15_000, () => existsSync(`${this.dir}/spool/pid/master.pid`))
  }

  /** Message-IDs of the letters that it took responsibility for, in the order in which they came; one that came twice stands there twice. */
  accepted(): string[] {
    const path = `${this.dir}/spool/mail.log`
    const log = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const queued = new Set([...log.matchAll(/\/qmgr\[\d+\]: (\w+): from=</g)].map((found) => found[1]))
    return [...log.matchAll(/\/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)/g)].flatMap(([, id, messageId = '']) =>
      queued.has(id) ? [messageId] : [],
    )
  }

  async stop(): Promise<void> {
    await postfix(this.dir, 'abort', this.#prefix)
    await stop(this.#dovecot)
  }
}

/** `start`, `reload` or `abort`. Its daemons keep whatever descriptors they are given: they get none of ours. */
export async function postfix(dir: string, verb: string, prefix: readonly string[] = []): Promise<void> {
  const [command = 'postfix', ...args] = [...prefix, 'postfix', '-c', `${dir}/etc`, verb]
  const child = start(command, args)
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await new Promise((resolve) => child.once('exit', resolve))
  clearTimeout(late)
}

/** The folders and the two files of a Postfix of its own, in `dir`. `services` stands before those that every Postfix needs. */
export function makePostfix(dir: string, main: string, services: string, log = `${dir}/spool/mail.log`): void {
  for (const name of ['etc', 'spool', 'lib']) mkdirSync(`${dir}/${name}`, { recursive: true })
  chownSync(`${dir}/lib`, Number(run('id', ['-u', 'postfix'])), Number(run('id', ['-g', 'postfix'])))
  chmodSync(dir, 0o755)
  writeFileSync(
    `${dir}/etc/main.cf`,
    `compatibility_level = 3.6
queue_directory = ${dir}/spool
data_directory = ${dir}/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
mydestination =
mynetworks =
inet_protocols = ipv4
maillog_file = ${log}
maillog_file_prefixes = ${dirname(log)}
${main}`,
  )
  writeFileSync(
    `${dir}/etc/master.cf`,
    `${services}pickup unix n - n 60 1 pickup
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
tlsproxy unix - - n - 0 tlsproxy
smtp unix - - n - - smtp
relay unix - - n - - smtp
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
showq unix n - n - - showq
`,
  )
}

const mainOf = (dir: string, { address, onward, tls }: RelayOptions): string => `myhostname = relay.example.org
inet_interfaces = ${address}
virtual_mailbox_domains = example.org
virtual_transport = ${onward}
smtpd_tls_cert_file = ${tls.cert}
smtpd_tls_key_file = ${tls.key}
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${dir}/auth
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
# One client brings everything here: limits against strangers would be measured instead of the link.
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
`

const doorOf = (address: string, { port, security, without }: Door): string =>
  `${address === 'all' ? '' : `${address}:`}${port} inet n - n - - smtpd
  -o ${security === 'tls' ? 'smtpd_tls_wrappermode=yes' : 'smtpd_tls_security_level=encrypt'}
${without === undefined ? '' : `  -o { smtpd_discard_ehlo_keywords = ${without} }\n`}`

const dovecotOf = (dir: string): string => `base_dir = ${dir}/dovecot
log_path = ${dir}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain
passdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}
service auth {
  unix_listener ${dir}/auth {
    mode = 0666
  }
}
service stats {
  client_limit = 1000
}
`
