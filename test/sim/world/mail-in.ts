import assert from 'node:assert/strict'
import type { MailIn, MailInOptions, MailReply, MailSink } from '../../../src/ports/mail-in.ts'

/** Devices that hand mail to the box, one server at most. */
export class SimMailIn implements MailIn {
  #server: MailInOptions | undefined

  async listen(options: MailInOptions): Promise<{ port: number; close(): Promise<void> }> {
    this.#server = options
    return { port: options.port, close: async () => {} }
  }

  /** One mail in pieces, as a connection brings them; what the device is told. */
  async hand(content: string | Uint8Array, to: readonly string[], from = 'nas@lan'): Promise<MailReply> {
    const server = this.#server
    assert.ok(server, 'the box listens for mail')
    const session = { address: '192.0.2.9', isSecure: false, user: undefined, with: 'ESMTP' }
    const refused =
      server.admits(session.address) ?? server.sender(session) ?? to.map((one, index) => server.recipient(one, index)).find(Boolean)
    if (refused) return refused
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    let sink: MailSink | undefined
    let fault: unknown
    try {
      sink = await server.sink?.()
      for (let at = 0; sink && at < bytes.length; at += pieceBytes) await sink.write(bytes.subarray(at, at + pieceBytes))
    } catch (error) {
      fault = error
    }
    const mail = {
      session,
      from,
      to,
      content: bytes.subarray(0, server.keepBytes),
      bytes: bytes.length,
      hasBareLineEnd: false,
      isTooLong: bytes.length > server.maxBytes,
      ...(fault === undefined ? {} : { fault }),
    }
    return server.take(mail, sink)
  }
}

const pieceBytes = 16_384
