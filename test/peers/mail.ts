import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { listens } from './mosquitto.ts'
import { run, start, stop, until } from './process.ts'

/** A real Postfix for submission (STARTTLS and implicit TLS, login), and a real Dovecot that checks passwords, keeps the mail, and serves POP3. */
export type Ports = { submission: number; smtps: number; lmtp: number; auth: number; pop3: number }

/** How it lets people log in: SASL mechanisms by Dovecot's names; with `jwtKey` (HS256) access tokens are good, too, that bear the address as `email`. */
export type Logins = { mechanisms: string; jwtKey?: string }

export class MailServer {
  readonly dir: string
  readonly ports: Ports
  #dovecot: ChildProcess | undefined

  constructor(dir: string, ports: Ports, tls: { cert: string; key: string }, logins: Logins = { mechanisms: 'plain login' }) {
    this.dir = dir
    this.ports = ports
    const [uid, gid] = [Number(run('id', ['-u', 'postfix'])), Number(run('id', ['-g', 'postfix']))]
    const [mailUid, mailGid] = [Number(run('id', ['-u', 'mail'])), Number(run('id', ['-g', 'mail']))]
    for (const name of ['etc', 'spool', 'lib', 'mail']) mkdirSync(`${dir}/${name}`)
    chownSync(`${dir}/lib`, uid, gid)
    chownSync(`${dir}/mail`, mailUid, mailGid)
    chmodSync(dir, 0o755)
    writeFileSync(
      `${dir}/etc/main.cf`,
      `compatibility_level = 3.6\nqueue_directory = ${dir}/spool\ndata_directory = ${dir}/lib\ncommand_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\nmyhostname = relay.example.org\nmydestination =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks =\nsmtpd_client_connection_rate_limit = 0\nmaillog_file = ${dir}/spool/mail.log\nmaillog_file_prefixes = ${dir}\nvirtual_mailbox_domains = example.org\nvirtual_transport = lmtp:inet:127.0.0.1:${ports.lmtp}\nsmtpd_tls_cert_file = ${tls.cert}\nsmtpd_tls_key_file = ${tls.key}\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:${ports.auth}\nsmtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject\nsmtpd_recipient_restrictions = permit_sasl_authenticated, reject\n`,
    )
    const common = 'unix - - n - '
    writeFileSync(
      `${dir}/etc/master.cf`,
      `127.0.0.1:${ports.submission} inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n127.0.0.1:${ports.smtps} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\npostlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\nrewrite ${common}- trivial-rewrite\nbounce ${common}0 bounce\ndefer ${common}0 bounce\ntrace ${common}0 bounce\nverify ${common}1 verify\nproxymap ${common}- proxymap\nanvil ${common}1 anvil\ntlsmgr unix - - n 1000? 1 tlsmgr\nlmtp ${common}- lmtp\nsmtp ${common}- smtp\nerror ${common}- error\nretry ${common}- error\nscache ${common}1 scache\n`,
    )
    writeFileSync(
      `${dir}/users`,
      `ps7@example.org:{PLAIN}smtp-secret:${mailUid}:${mailGid}::${dir}/mail/ps7\nops@example.org:{PLAIN}pop-secret:${mailUid}:${mailGid}::${dir}/mail/ops\n`,
    )
    chmodSync(`${dir}/users`, 0o644)
    writeFileSync(
      `${dir}/dovecot.conf`,
      `base_dir = ${dir}/dovecot\nlog_path = ${dir}/dovecot.log\nprotocols = pop3 lmtp\nlisten = 127.0.0.1\nfirst_valid_uid = 1\nfirst_valid_gid = 1\nssl = no\ndisable_plaintext_auth = no\nauth_mechanisms = ${logins.mechanisms}\n${logins.jwtKey === undefined ? '' : tokenPassdb(dir, logins.jwtKey)}mail_location = maildir:~/Maildir\npop3_uidl_format = %08Xu%08Xv\nlock_method = fcntl\npassdb {\n  driver = passwd-file\n  args = username_format=%u ${dir}/users\n}\nuserdb {\n  driver = passwd-file\n  args = username_format=%u ${dir}/users\n}\nservice lmtp {\n  inet_listener lmtp {\n    address = 127.0.0.1\n    port = ${ports.lmtp}\n  }\n}\nservice auth {\n  inet_listener {\n    address = 127.0.0.1\n    port = ${ports.auth}\n  }\n}\nservice pop3-login {\n  inet_listener pop3 {\n    port = ${ports.pop3}\n  }\n  inet_listener pop3s {\n    port = 0\n  }\n}\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\nauth_failure_delay = 0\nservice stats {\n  client_limit = 100\n}\n`,
    )
  }

  async start(): Promise<void> {
    this.#dovecot = start('dovecot', ['-F', '-c', `${this.dir}/dovecot.conf`])
    await until('Dovecot listens', 15_000, async () => (await listens(this.ports.pop3)) && (await listens(this.ports.lmtp)))
    await this.startPostfix()
  }

  async startPostfix(): Promise<void> {
    // Its daemons keep whatever descriptors they are given: they get none of ours.
    spawnSync('postfix', ['-c', `${this.dir}/etc`, 'start'], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
    await until('Postfix listens', 15_000, () => listens(this.ports.submission))
  }

  stopPostfix(): void {
    spawnSync('postfix', ['-c', `${this.dir}/etc`, 'abort'], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    })
  }

  async stop(): Promise<void> {
    this.stopPostfix()
    await stop(this.#dovecot)
  }
}

/** Dovecot checks the signature of a token itself; nobody needs to be asked. */
function tokenPassdb(dir: string, key: string): string {
  mkdirSync(`${dir}/keys/default/HS256`, { recursive: true })
  writeFileSync(`${dir}/keys/default/HS256/default`, Buffer.from(key).toString('base64'))
  writeFileSync(`${dir}/oauth2.conf`, `introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=${dir}/keys/\n`)
  return `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${dir}/oauth2.conf\n}\n`
}
