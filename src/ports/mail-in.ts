import type { ServerKey } from './serve.ts'

/** MailIn: a small SMTP server (RFC 5321), for those who can only send mail. It relays nothing: what it takes is given to whoever listens, and answered as they say. `with`: such as ESMTPS (RFC 3848). */
export type MailSession = { address: string; isSecure: boolean; user: string | undefined; with: string }

/** Where the octets of one mail go. `write` may reject; then no more is written, and the mail is taken with what went wrong. */
export interface MailSink {
  write(bytes: Uint8Array): Promise<void>
  /** The mail did not come whole. Never rejects. */
  drop(): Promise<void>
}

/** An SMTP reply; the text begins with an enhanced code (RFC 3463). */
export type MailReply = { code: number; text: string }

export type Mail = {
  session: MailSession
  from: string
  to: readonly string[]
  /** The first octets of the content, `keepBytes` of them, without the stuffed dots. */
  content: Uint8Array
  /** Octets of the whole content. */
  bytes: number
  /** It holds a CR or an LF alone, as a smuggled mail does (CVE-2023-51764). */
  hasBareLineEnd: boolean
  /** Longer than `maxBytes`; the end is missing. */
  isTooLong: boolean
  /** Why not all octets are in the sink. */
  fault?: unknown
}

export type MailInOptions = {
  host: string
  port: number
  /** LMTP (RFC 2033) in place of SMTP: for a mail server in front, which hears of each recipient. */
  isLmtp: boolean
  /** How it introduces itself. */
  name: string
  maxBytes: number
  keepBytes: number
  maxClients: number
  /** Present: STARTTLS is offered. */
  key?: ServerKey
  /** A reply refuses the connection. */
  admits(address: string): MailReply | undefined
  /** Missing: AUTH is not offered. A reply refuses. Without TLS AUTH is offered on this machine only. */
  login?(user: string, password: string, address: string): MailReply | undefined
  /** A reply refuses the sender: who has not proved anything that has to be proved. */
  sender(session: MailSession): MailReply | undefined
  /** A reply refuses this recipient, of whom so many were taken before. */
  recipient(address: string, taken: number): MailReply | undefined
  /** Every mail that came to its end, with the sink that `sink` gave for it. */
  take(mail: Mail, sink?: MailSink): Promise<MailReply>
  /** Takes all octets of the next mail; missing: the first ones are enough. */
  sink?(): Promise<MailSink>
}

export interface MailServer {
  readonly port: number
  /** No more mails; those that are coming are cut. */
  close(): Promise<void>
}

export interface MailIn {
  /** Rejects with NetError when the port cannot be had. */
  listen(options: MailInOptions): Promise<MailServer>
}
