import { hash } from 'node:crypto'

/** Dovecot over the same Maildir, for who wants IMAP: a fragment of its configuration (2.3), made from the settings. An IMAP server of our own would be a toy. */
export type DovecotFacts = {
  /** Absolute. */
  dir: string
  host: string
  port: number
  /** The user of the system that owns the data directory, by name or number. */
  owner: string
  /** With their passwords; who has none cannot log in. `salt`: 16 random octets. */
  users: readonly { name: string; password: string; salt: Uint8Array }[]
}

export function dovecotConfig({ dir, host, port, owner, users }: DovecotFacts): string {
  const lines = [
    '# Made by `outpost mailbox dovecot-config`; make it anew when users or passwords change. It holds hashes of passwords: mode 0600.',
    'protocols = imap',
    `listen = ${host}`,
    'service imap-login {',
    '  inet_listener imap {',
    `    port = ${port}`,
    '  }',
    '  inet_listener imaps {',
    '    port = 0',
    '  }',
    '}',
    '# STARTTLS with the certificate of the page; no password in clear but from this machine.',
    'ssl = yes',
    'ssl_min_protocol = TLSv1.2',
    `ssl_cert = <${dir}/web/cert.pem`,
    `ssl_key = <${dir}/web/key.pem`,
    'disable_plaintext_auth = yes',
    'auth_mechanisms = plain',
    '# The gateway delivers, Dovecot reads; indexes are kept in memory, so that the card is written for mail alone.',
    `mail_location = maildir:${dir}/mailbox/%n:INDEX=MEMORY`,
    'maildir_stat_dirs = yes',
    'first_valid_uid = 0',
    'first_valid_gid = 0',
    ...users.map(({ name, password, salt }) => passdb(name, password, salt)),
    'userdb {',
    '  driver = static',
    `  args = uid=${owner} gid=${owner} home=${dir}/mailbox/%n`,
    '}',
    '',
  ]
  return lines.join('\n')
}

const passdb = (name: string, password: string, salt: Uint8Array): string =>
  ['passdb {', '  driver = static', `  username_filter = ${name}`, `  args = password=${hashed(password, salt)}`, '}'].join('\n')

/** Dovecot's SSHA512: the digest of password and salt, and the salt behind it. */
const hashed = (password: string, salt: Uint8Array): string => {
  const digest = hash('sha512', Buffer.concat([Buffer.from(password), salt]), 'buffer')
  return `{SSHA512}${Buffer.concat([digest, salt]).toString('base64')}`
}
