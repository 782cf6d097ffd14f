import type { AddressInfo } from 'node:net'
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import type { Mail, MailIn, MailInOptions, MailReply, MailServer, MailSession, MailSink } from '../mail-in.ts'
import { listening } from './listening.ts'

/** RFC 5321 section 4.5.3.2.7. */
const idleMs = 5 * 60_000
const farewellMs = 1000
const [cr, lf] = [13, 10]

/** The MailIn port over the package smtp-server, which is loaded with the first listener. It asks no name server for anything. */
export class NodeMailIn implements MailIn {
  async listen(options: MailInOptions): Promise<MailServer> {
    const { SMTPServer } = await import('smtp-server')
    const { key, login } = options
    const refusal = (reply: MailReply | undefined) => (reply ? Object.assign(new Error(reply.text), { responseCode: reply.code }) : null)
    const server = new SMTPServer({
      lmtp: options.isLmtp,
      name: options.name,
      banner: 'Outpost',
      size: options.maxBytes,
      maxClients: options.maxClients,
      ...(key ? { key: key.key, cert: key.cert, minVersion: 'TLSv1.2' as const } : { hideSTARTTLS: true }),
      disabledCommands: [...(login ? [] : ['AUTH']), ...(key ? [] : ['STARTTLS'])],
      authOptional: true,
      authMethods: ['PLAIN', 'LOGIN'],
      allowInsecureAuth: false,
      disableReverseLookup: true,
      logger: false,
      socketTimeout: idleMs,
      closeTimeout: farewellMs,
      onConnect: (session, done) => done(refusal(options.admits(plain(session.remoteAddress)))),
      onAuth: ({ username, password }, session, done) => {
        const refused = login?.(username ?? '', password ?? '', plain(session.remoteAddress))
        if (refused || !login) done(refusal(refused ?? { code: 535, text: '5.7.8 no login is taken here' }))
        else done(null, { user: username ?? '' })
      },
      onMailFrom: (_, session, done) => done(refusal(options.sender(sessionOf(session)))),
      onRcptTo: ({ address }, session, done) => done(refusal(options.recipient(address, session.envelope.rcptTo.length))),
      onData: (stream, session, done) => {
        received(stream, session, options)
          .then(({ mail, sink }) => options.take(mail, sink))
          .then((reply) => (reply.code < 300 ? done(null, reply.text) : done(refusal(reply))))
          .catch((error) => done(Object.assign(new Error('4.3.0 this failed here, try again later'), { responseCode: 451, cause: error })))
      },
    })
    // A client that breaks off is no fault of ours.
    server.on('error', () => {})
    await listening(server.server, options.port, options.host)
    return {
      port: (server.server.address() as AddressInfo).port,
      close: () => new Promise((resolve) => void server.close(() => resolve())),
    }
  }
}

type Received = { mail: Mail; sink: MailSink | undefined }

/** Reads to the end in any case, since nothing else brings the dialogue back into step, and keeps no more than was asked for. */
async function received(stream: SMTPServerDataStream, session: SMTPServerSession, options: MailInOptions): Promise<Received> {
  const filling = new Filling(options)
  try {
    const mail = await scanned(stream, session, options, filling)
    return {
      mail: { ...mail, isTooLong: stream.sizeExceeded === true, ...(filling.fault ? { fault: filling.fault } : {}) },
      sink: filling.sink,
    }
  } catch (error) {
    await filling.sink?.drop()
    throw error
  }
}

/** What goes to the sink at once. */
const blockBytes = 64 * 1024

/** Fills the sink of one mail until something goes wrong with it, in blocks: of lines that begin with a dot each is a piece of its own, and millions of writes would keep the disk from others. */
class Filling {
  readonly #open: MailInOptions['sink']
  readonly #block = Buffer.allocUnsafe(blockBytes)
  #used = 0
  sink: MailSink | undefined
  fault: unknown

  constructor({ sink }: MailInOptions) {
    this.#open = sink
  }

  async take(piece: Buffer): Promise<void> {
    if (this.#used + piece.length > blockBytes) await this.flush()
    if (piece.length > blockBytes) await this.#write(piece)
    else this.#used += piece.copy(this.#block, this.#used)
  }

  /** What is left of it. */
  async flush(): Promise<void> {
    const used = this.#used
    this.#used = 0
    if (used > 0) await this.#write(this.#block.subarray(0, used))
  }

  async #write(octets: Uint8Array): Promise<void> {
    if (!this.#open || this.fault) return
    try {
      this.sink ??= await this.#open()
      await this.sink.write(octets)
    } catch (error) {
      this.fault = error
    }
  }
}

async function scanned(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  { keepBytes }: MailInOptions,
  filling: Filling,
): Promise<Omit<Mail, 'isTooLong' | 'fault'>> {
  // Copied, because pieces may be of three octets: of lines that begin with a dot each is a piece of its own.
  const kept = Buffer.allocUnsafe(keepBytes)
  let keptBytes = 0
  let bytes = 0
  let last = 0
  let hasBareLineEnd = false
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length
    for (const octet of piece) {
      if ((octet === lf) !== (last === cr) && (octet === lf || last === cr)) hasBareLineEnd = true
      last = octet
    }
    keptBytes += piece.copy(kept, keptBytes)
    if (!stream.sizeExceeded) await filling.take(piece)
  }
  await filling.flush()
  if (last === cr) hasBareLineEnd = true
  const { mailFrom, rcptTo } = session.envelope
  return {
    session: sessionOf(session),
    from: mailFrom ? mailFrom.address : '',
    to: rcptTo.map(({ address }) => address),
    content: Buffer.from(kept.subarray(0, keptBytes)),
    bytes,
    hasBareLineEnd,
  }
}

const sessionOf = ({ remoteAddress, secure, user, transmissionType }: SMTPServerSession): MailSession => ({
  with: transmissionType,
  address: plain(remoteAddress),
  isSecure: secure === true,
  user: user as string | undefined,
})

/** IPv4 in IPv6 (RFC 4291 section 2.5.5.2) is IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:/, '')
