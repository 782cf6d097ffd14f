import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pop3Client, Pop3Error } from '../../src/mailbox/pop3-client.ts'
import type { Net, Wire } from '../../src/ports/net.ts'
import { SimClock } from '../sim/world/clock.ts'
import { Timeline } from '../sim/world/timeline.ts'

/** A server that says these pieces, one for each time it is listened to. */
class Server implements Wire {
  readonly peer = 'server'
  tls: Wire['tls']
  said = ''
  isClosed = false
  readonly #pieces: Iterator<string>

  constructor(pieces: Iterable<string>) {
    this.#pieces = pieces[Symbol.iterator]()
  }

  async read(): Promise<Uint8Array | undefined> {
    const { value, done } = this.#pieces.next()
    return done ? undefined : Buffer.from(value)
  }

  async write(octets: Uint8Array): Promise<void> {
    this.said += `${Buffer.from(octets)}`
  }

  async startTls(): Promise<void> {
    this.tls = { protocol: 'TLSv1.3', cipher: 'x', resumed: false, chain: [] }
  }

  close(): void {
    this.isClosed = true
  }
}

const open = (server: Server, security: 'starttls' | 'none' = 'none') =>
  Pop3Client.open(
    { net: { connect: async () => server } as Partial<Net> as Net, clock: new SimClock(new Timeline(), 'boot') },
    { host: 'pop.example.org', port: 110, security, user: 'u', password: 'secret', trust: {} },
  )

test('response injection (CWE-295): answers in clear behind that to STLS end the connection, and no password is said', async () => {
  const server = new Server(['+OK\r\n', '+OK begin\r\n+OK\r\n+OK\r\n+OK\r\n1 forged\r\n.\r\n'])
  await assert.rejects(open(server, 'starttls'), Pop3Error)
  assert.ok(server.isClosed)
  assert.equal(server.said, 'STLS\r\n')
})
